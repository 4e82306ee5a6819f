/** What a linter of Dockerfiles looks for, by the names that BuildKit gives the rules. */
interface Rule {
  readonly description: string;
  /** Only looked for when it is asked for. */
  readonly experimental?: true;
}

const table = {
  StageNameCasing: { description: "The name of a stage is in lower case" },
  FromAsCasing: { description: "The word AS is in the case of the word FROM before it" },
  NoEmptyContinuation: { description: "No line between a continued line and what it continues with is empty" },
  ConsistentInstructionCasing: { description: "All instructions are in one case, upper or lower" },
  DuplicateStageName: { description: "Every stage has a name of its own" },
  ReservedStageName: { description: "No stage is called scratch or context" },
  JSONArgsRecommended: {
    description: "CMD and ENTRYPOINT are in JSON form, so that the program itself gets the signals",
  },
  MaintainerDeprecated: { description: "The author is told by a label, not by MAINTAINER" },
  UndefinedArgInFrom: { description: "FROM uses arguments that are declared before it" },
  WorkdirRelativePath: {
    description: "The first WORKDIR of a stage is absolute, so that it does not hang on the base",
  },
  UndefinedVar: { description: "A variable is defined before it is used" },
  MultipleInstructionsDisallowed: {
    description: "A stage has one CMD, ENTRYPOINT and HEALTHCHECK: only the last counts",
  },
  LegacyKeyValueFormat: { description: "ENV and LABEL have an equals sign between name and value" },
  RedundantTargetPlatform: { description: "FROM does not name the platform that it has anyway" },
  SecretsUsedInArgOrEnv: { description: "ARG and ENV hold no secrets, since the image keeps them" },
  InvalidDefaultArgInFrom: { description: "FROM names an image also with the defaults of its arguments" },
  FromPlatformFlagConstDisallowed: { description: "The platform of a FROM is not fixed" },
  CopyIgnoredFile: { description: "COPY and ADD take no file that .dockerignore leaves out", experimental: true },
  InvalidDefinitionDescription: {
    description: "A comment right above an ARG or a stage begins with its name and describes it",
    experimental: true,
  },
  ExposeProtoCasing: { description: "The protocol of a port in EXPOSE is in lower case" },
  ExposeInvalidFormat: {
    description: "EXPOSE has ports of the container alone: no addresses, no ports of the machine",
  },
} as const satisfies Readonly<Record<string, Rule>>;

export type RuleName = keyof typeof table;

export const lintRules: Readonly<Record<RuleName, Rule>> = table;

/** BuildKit's page on a rule. */
export const urlOfRule = (name: RuleName): string => {
  const words = name.replace(/([a-z])([A-Z])|([A-Z])([A-Z][a-z])/g, "$1$3-$2$4").toLowerCase();
  return `https://docs.docker.com/go/dockerfile/rule/${words}/`;
};
