const step = "    ";

/** JSON text spread over indented lines. Numbers and escapes stay as they were sent, to the last digit. */
export function indentJson(json: string, depth = 0): string {
  let level = depth;
  let out = "";
  const newLine = () => `\n${step.repeat(level)}`;
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{[]\s*[}\]]|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    if (token === "{" || token === "[") {
      level += 1;
      out += token + newLine();
    } else if (token === "}" || token === "]") {
      level -= 1;
      out += newLine() + token;
    } else if (token === ",") out += token + newLine();
    else if (token === ":") out += ": ";
    else out += /^[{[]\s+[}\]]$/.test(token) ? token[0]! + token.at(-1)! : token;
  }
  return out;
}
