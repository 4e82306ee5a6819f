import type { Command } from "./command.ts";
import { commandTable } from "./commands/table.ts";
import type { FlagTable } from "./flags/flag.ts";
import { globalFlags } from "./global-flags.ts";
import { flagText, usageLines } from "./help.ts";

/** The reference of the whole command line as Markdown, made from the commands' own tables. */
export async function cliReference(): Promise<string> {
  const sections: string[] = [];
  for (const { paths, load } of commandTable) {
    const command = await load();
    if (!command.hidden) sections.push(commandSection(paths, command));
  }
  const intro =
    "# The command line\n\n" +
    "`isle` finds the engine by `-H`, then `ISLE_HOST`, then `DOCKER_HOST`, then `unix:///run/isle/isle.sock`.\n\n" +
    `## Options of every command\n\n${flagTable(globalFlags)}`;
  return `${[intro, ...sections].join("\n")}`;
}

function commandSection(paths: readonly string[], { summary, usage, examples, flags }: Command): string {
  const lines = [
    `## isle ${paths[0]}\n`,
    `${summary}.\n`,
    `\`\`\`\n${usageLines(paths[0]!, usage).join("\n")}\n\`\`\`\n`,
  ];
  if (paths.length > 1)
    lines.push(
      `Also: ${paths
        .slice(1)
        .map((path) => `\`isle ${path}\``)
        .join(", ")}.\n`,
    );
  if (examples?.length)
    lines.push(`\`\`\`sh\n${examples.map(([line, does]) => `# ${does}\n${line}`).join("\n")}\n\`\`\`\n`);
  const table = flagTable(flags);
  if (table !== "") lines.push(table);
  return lines.join("\n");
}

function flagTable(flags: FlagTable): string {
  const shown = Object.entries(flags).filter(([, { hidden }]) => !hidden);
  if (shown.length === 0) return "";
  const rows = shown
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, flag]) => {
      const value = flag.type === "bool" ? "" : ` ${flag.value ?? flag.type}`;
      const label = `\`${flag.short ? `-${flag.short}, ` : ""}--${name}${value}\``.replaceAll("|", "\\|");
      return `| ${label} | ${flagText(flag).replaceAll("|", "\\|")} |`;
    });
  return `| option | meaning |\n|---|---|\n${rows.join("\n")}\n`;
}
