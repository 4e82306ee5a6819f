import {
  clearPolicy,
  listDenials,
  type NetworkDenial,
  type ShownPolicy,
  setPolicy,
  showPolicy,
} from "../../client/networks.ts";
import { type Context, command } from "../command.ts";
import { usageError } from "../exit.ts";
import { formatFlag } from "../flags/shared.ts";
import { type Fields, formatList } from "../format/list.ts";

const policyFlags = {
  clear: { type: "bool", help: "Take the policy away" },
  default: { type: "string", help: "What no rule is about: allow or deny" },
  egress: { type: "strings", help: "Let the network reach this block of addresses or domain, and no other" },
  "no-egress": { type: "bool", help: "Let the network reach nothing outside" },
  rule: { type: "strings", help: "Rule such as 'web -> db:5432' or 'deny * -> db'" },
} as const;

type PolicyContext = Context<typeof policyFlags>;

export const networkPolicy = command({
  summary: "Say who may talk to whom on a network, and where it may reach out to",
  usage: "[OPTIONS] NETWORK",
  args: { min: 1, max: 1 },
  completes: "networks",
  flags: policyFlags,
  examples: [
    [
      "isle network policy app --default deny --rule '* -> web:80' --rule 'web -> db:5432'",
      "Each reaches what it needs",
    ],
    ["isle network policy app --egress deb.debian.org:80 --egress 10.0.0.0/8", "A network that reaches two places"],
  ],
  async run(context) {
    const { args, flags, changed, client, print } = context;
    const [network] = args as [string];
    if (flags.clear) {
      if (changed.size > 1) throw usageError("--clear goes with no other flag");
      await clearPolicy(client, network);
      return undefined;
    }
    const body = policyBody(context);
    const policy = await (Object.keys(body).length > 0
      ? setPolicy(client, network, body)
      : showPolicy(client, network));
    for (const line of policyLines(policy)) await print(line);
    return undefined;
  },
});

/** What the flags say; a part they do not name is taken away. */
function policyBody({ flags, changed }: PolicyContext): { Default?: string; Rules?: string[]; Egress?: string[] } {
  if (flags["no-egress"] && flags.egress.length > 0) throw usageError("--egress and --no-egress exclude each other");
  const hasInside = changed.has("default") || changed.has("rule");
  const hasEgress = flags["no-egress"] || changed.has("egress");
  return {
    ...(hasInside && { Default: flags.default, Rules: [...flags.rule] }),
    ...(hasEgress && { Egress: [...flags.egress] }),
  };
}

function policyLines({ Default, Rules, Egress }: ShownPolicy): string[] {
  const egress = Egress === null ? ["everything"] : Egress.length > 0 ? Egress : ["nothing"];
  return [
    `default: ${Default}`,
    ...Rules.map((rule) => `rule:    ${rule}`),
    ...egress.map((target) => `egress:  ${target}`),
  ];
}

export const networkDenials = command({
  summary: "List attempts that policies stopped",
  usage: "[OPTIONS] [NETWORK]",
  args: { min: 0, max: 1 },
  completes: "networks",
  flags: { format: formatFlag },
  async run({ args, flags, client, io }) {
    const items = await listDenials(client, args[0] ?? "");
    const columns = ["Network", "From", "To", "Port", "Packets", "Last"];
    await io.stdout.write(await formatList(items, { fields: denialFields, columns, format: flags.format }));
    return undefined;
  },
});

const denialFields: Fields<NetworkDenial> = {
  Network: { header: "NETWORK", value: ({ Network }) => Network },
  From: { header: "FROM", value: ({ SourceName, Source }) => SourceName || Source },
  To: { header: "TO", value: ({ DestinationName, Destination }) => DestinationName || Destination },
  Source: { header: "SOURCE", value: ({ Source }) => Source },
  Destination: { header: "DESTINATION", value: ({ Destination }) => Destination },
  Port: { header: "PORT", value: ({ Port, Protocol }) => (Port === 0 ? Protocol : `${Port}/${Protocol}`) },
  Packets: { header: "PACKETS", value: ({ Packets }) => String(Packets) },
  Last: { header: "LAST", value: ({ LastAt }) => LastAt.replace(/\.\d+Z$/, "Z") },
};
