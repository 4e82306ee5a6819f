import { expect, test } from "bun:test";
import { compileTemplate } from "./evaluate.ts";

const data = {
  Name: "/web",
  Running: true,
  Count: 3,
  Cmd: ["sh", "-c"],
  Config: { Labels: { a: "1", b: "2" }, Image: "busybox" },
  Ports: { "80/tcp": [{ HostPort: "8080" }], "90/udp": null },
  Empty: [],
  Missing: null,
  Label: (name: unknown) => `label ${name}`,
};

const cases: readonly (readonly [template: string, output: string])[] = [
  ["plain", "plain"],
  ["{{.Name}}", "/web"],
  ["{{ .Config.Image }}", "busybox"],
  ["{{.}}".replace(".", ".Config.Labels"), "map[a:1 b:2]"],
  ["{{.Cmd}} {{.Missing}} {{.Config.Labels.zz}}", "[sh -c] <nil> <no value>"],
  ["{{if .Running}}yes{{else}}no{{end}}", "yes"],
  ["{{if .Empty}}a{{else if .Missing}}b{{else if .Count}}c{{else}}d{{end}}", "c"],
  ["{{with .Config}}{{.Image}}{{end}}{{with .Missing}}x{{else}}none{{end}}", "busyboxnone"],
  ["{{range .Cmd}}[{{.}}]{{end}}", "[sh][-c]"],
  ["{{range $i, $c := .Cmd}}{{$i}}={{$c}};{{end}}", "0=sh;1=-c;"],
  ["{{range $k, $v := .Config.Labels}}{{$k}}{{$v}}{{end}}", "a1b2"],
  ["{{range .Empty}}x{{else}}nothing{{end}}", "nothing"],
  ['{{range .Cmd}}{{if eq . "-c"}}{{break}}{{end}}{{.}}{{end}}', "sh"],
  ['{{range .Cmd}}{{if eq . "sh"}}{{continue}}{{end}}{{.}}{{end}}', "-c"],
  ["{{range $p, $b := .Ports}}{{range $b}}{{$p}}->{{.HostPort}}{{end}}{{end}}", "80/tcp->8080"],
  ['{{(index (index .Ports "80/tcp") 0).HostPort}}', "8080"],
  ['{{index .Config.Labels "a"}}{{index .Config.Labels "zz"}}|', "1|"],
  ["{{$x := 5}}{{$x}}{{$x = 6}}{{$x}}{{$.Name}}", "56/web"],
  ["a  {{- 1 -}}  b", "a1b"],
  ["{{/* nothing */}}x{{- /* here */ -}} y", "xy"],
  ["{{json .Cmd}} {{json .Missing}}", '["sh","-c"] null'],
  ['{{join .Cmd " "}} {{split "a,b" ","}}', "sh -c [a b]"],
  ['{{upper .Name}} {{lower "AB"}} {{title "ab cd"}}', "/WEB ab Ab Cd"],
  ['{{truncate "abcdef" 3}}{{pad "x" 1 2}}|', "abc x  |"],
  ['{{.Name | upper | printf "%q"}}', '"/WEB"'],
  ['{{printf "%-5s|%03d|%.2f|%x|%v%%" "ab" 7 1.5 255 true}}', "ab   |007|1.50|ff|true%"],
  ['{{println "a" 1}}', "a 1\n"],
  ["{{and .Running .Count}} {{or .Empty .Name}} {{not .Running}}", "3 /web false"],
  ["{{eq .Count 1 3}} {{ne .Count 3}} {{lt 1 2}} {{ge 2 2}} {{le 3 2}} {{gt 3 2}}", "true false true true false true"],
  ["{{len .Cmd}} {{len .Name}} {{slice .Name 1 3}}", "2 4 we"],
  ['{{"a\\tb"}}{{`raw\\t`}}', "a\tbraw\\t"],
  ['{{.Label "x"}}', "label x"],
  ["{{if or .Missing (and .Running (eq .Count 3))}}ok{{end}}", "ok"],
];

for (const [template, output] of cases) {
  test(`${JSON.stringify(template)} gives ${JSON.stringify(output)}`, () => {
    expect(compileTemplate(template)(data)).toBe(output);
  });
}

const mistakes: readonly (readonly [template: string, message: string])[] = [
  ["{{.Nosuch}}", 'map has no entry for key "Nosuch"'],
  ["{{.Name.Foo}}", "can't evaluate field Foo in type string"],
  ["{{.ID", "unclosed action"],
  ["{{if .Name}}x", "unexpected EOF"],
  ["x{{end}}", "unexpected {{end}}"],
  ["{{nosuch .Name}}", 'function "nosuch" not defined'],
  ["{{constructor}}", 'function "constructor" not defined'],
  ["{{$nosuch}}", 'undefined variable "$nosuch"'],
  ["{{}}", "missing value for command"],
  ["{{(.Name}}", "unclosed left paren"],
  ["{{index .Cmd 5}}", "index out of range"],
  ["{{eq .Name 1}}", "incompatible types for comparison"],
];

for (const [template, message] of mistakes) {
  test(`${JSON.stringify(template)} is refused`, () => {
    expect(() => compileTemplate(template)(data)).toThrow(message);
  });
}
