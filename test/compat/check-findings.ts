/** What BuildKit finds in each Dockerfile of the corpus: line, rule and words, in the order of the lines. */
export const checkFindings: Readonly<Record<string, readonly string[]>> = {
  clean: [],
  "stage-name-casing": ["1-1 StageNameCasing: Stage name 'BuilderBase' should be lowercase"],
  "from-as-casing": [
    "1-1 FromAsCasing: 'as' and 'FROM' keywords' casing do not match",
    "2-2 ConsistentInstructionCasing: Command 'from' should match the case of the command majority (uppercase)",
    "2-2 FromAsCasing: 'AS' and 'from' keywords' casing do not match",
  ],
  "empty-continuation": [
    "4-4 NoEmptyContinuation: Empty continuation line",
    "7-7 NoEmptyContinuation: Empty continuation line",
  ],
  "instruction-casing": [
    "2-2 ConsistentInstructionCasing: Command 'run' should match the case of the command majority (uppercase)",
    "3-3 JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals",
  ],
  "instruction-casing-mixed": [
    "1-1 ConsistentInstructionCasing: Command 'From' should match the case of the command majority (uppercase)",
    "2-2 ConsistentInstructionCasing: Command 'Run' should match the case of the command majority (uppercase)",
  ],
  "instruction-casing-lower": [
    "3-3 ConsistentInstructionCasing: Command 'LABEL' should match the case of the command majority (lowercase)",
  ],
  "duplicate-stage": ['2-2 DuplicateStageName: Duplicate stage name "b", stage names should be unique'],
  "reserved-stage": [
    '1-1 ReservedStageName: Stage name should not use the same name as reserved stage "scratch"',
    '2-2 ReservedStageName: Stage name should not use the same name as reserved stage "context"',
  ],
  "json-args": [
    "2-2 JSONArgsRecommended: JSON arguments recommended for ENTRYPOINT to prevent unintended behavior related to OS signals",
    "3-3 JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals",
  ],
  "json-args-shell": [],
  maintainer: ["2-2 MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label"],
  "undefined-from": [
    "1-1 InvalidDefaultArgInFrom: Default value for ARG busybox:${tag} results in empty or invalid base image name",
    "1-1 UndefinedArgInFrom: FROM argument 'tag' is not declared",
    "2-2 InvalidDefaultArgInFrom: Default value for ARG ${base} results in empty or invalid base image name",
    "2-2 UndefinedArgInFrom: FROM argument 'base' is not declared",
    "ERROR base name (${base}) should not be blank",
  ],
  "undefined-from-close": [
    "2-2 InvalidDefaultArgInFrom: Default value for ARG busybox:${VERSON} results in empty or invalid base image name",
    "2-2 UndefinedArgInFrom: FROM argument 'VERSON' is not declared (did you mean VERSION?)",
    'ERROR failed to parse stage name "busybox:": invalid reference format',
  ],
  "undefined-from-platform": [
    "1-1 UndefinedArgInFrom: FROM argument 'BUILDPLATFORMM' is not declared (did you mean BUILDPLATFORM?)",
    "ERROR empty platform value from expression $BUILDPLATFORMM (did you mean BUILDPLATFORM?)",
  ],
  "workdir-relative": [
    '2-2 WorkdirRelativePath: Relative workdir "app" can have unexpected results if the base image changes',
  ],
  "workdir-absolute-first": [],
  "undefined-var": [
    "2-2 UndefinedVar: Usage of undefined variable '$foo'",
    "3-3 UndefinedVar: Usage of undefined variable '$PAHT' (did you mean $PATH?)",
    "4-4 UndefinedVar: Usage of undefined variable '$HOME'",
    "5-5 UndefinedVar: Usage of undefined variable '$x' (did you mean $A?)",
    "5-5 UndefinedVar: Usage of undefined variable '$y' (did you mean $A?)",
  ],
  "undefined-var-own": [
    "3-3 UndefinedVar: Usage of undefined variable '$DIIR' (did you mean $DIR?)",
    "4-4 UndefinedVar: Usage of undefined variable '$x'",
  ],
  "multiple-cmd": [
    "2-2 MultipleInstructionsDisallowed: Multiple CMD instructions should not be used in the same stage because only the last one will be used",
    "4-4 MultipleInstructionsDisallowed: Multiple ENTRYPOINT instructions should not be used in the same stage because only the last one will be used",
  ],
  "multiple-health": [
    "2-2 MultipleInstructionsDisallowed: Multiple HEALTHCHECK instructions should not be used in the same stage because only the last one will be used",
    "3-3 MultipleInstructionsDisallowed: Multiple HEALTHCHECK instructions should not be used in the same stage because only the last one will be used",
  ],
  "multiple-stages": [],
  "legacy-key-value": [
    '2-2 LegacyKeyValueFormat: "ENV key=value" should be used instead of legacy "ENV key value" format',
    '3-3 LegacyKeyValueFormat: "LABEL key=value" should be used instead of legacy "LABEL key value" format',
  ],
  "redundant-platform": [
    "1-1 RedundantTargetPlatform: Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior",
    "2-2 RedundantTargetPlatform: Setting platform to predefined ${TARGETPLATFORM} in FROM is redundant as this is the default behavior",
  ],
  secrets: [
    '2-2 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ARG "TOKEN")',
    '3-3 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ENV "API_KEY")',
    '3-3 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ENV "DB_PASSWORD")',
    '5-5 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ENV "PASSWD")',
    '5-5 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ENV "aws_secret")',
  ],
  "secrets-names": [
    '2-2 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ARG "CREDENTIALS_FILE")',
    '2-2 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ARG "KEY")',
    '2-2 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ARG "MY_AUTH")',
    '3-3 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ENV "GIT_TOKEN")',
    '3-3 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ENV "apikey")',
  ],
  "invalid-default": [
    "2-2 InvalidDefaultArgInFrom: Default value for ARG busybox:${TAG} results in empty or invalid base image name",
    'ERROR failed to parse stage name "busybox:": invalid reference format',
  ],
  "invalid-default-used": [],
  "invalid-default-empty": [
    "2-2 InvalidDefaultArgInFrom: Default value for ARG ${BASE} results in empty or invalid base image name",
    "ERROR base name (${BASE}) should not be blank",
  ],
  "invalid-default-fallback": [],
  "invalid-default-given": [
    "2-2 InvalidDefaultArgInFrom: Default value for ARG busybox:${TAG} results in empty or invalid base image name",
  ],
  "const-platform": [
    '1-1 FromPlatformFlagConstDisallowed: FROM --platform flag should not use constant value "linux/amd64"',
  ],
  "const-platform-named": [],
  "copy-ignored": [],
  "copy-ignored-glob": [],
  "definition-description": [],
  "definition-description-good": [],
  "definition-description-on": [
    "3-3 InvalidDefinitionDescription: Comment for ARG should follow the format: `# foo <description>`",
    "5-5 InvalidDefinitionDescription: Comment for FROM should follow the format: `# one <description>`",
  ],
  "expose-casing": [
    "2-2 ExposeProtoCasing: Defined protocol '80/TCP' in EXPOSE instruction should be lowercase",
    "2-2 ExposeProtoCasing: Defined protocol '82/Udp' in EXPOSE instruction should be lowercase",
  ],
  "expose-format": [
    "2-2 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '127.0.0.1:80:80'",
    "3-3 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '5000:5000'",
    "4-4 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '[::1]:80:80/tcp'",
  ],
  skip: ['4-4 WorkdirRelativePath: Relative workdir "rel" can have unexpected results if the base image changes'],
  "skip-all": [],
  error: [
    "3-3 MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label",
    "ERROR lint violation found for rules: MaintainerDeprecated",
  ],
  "skip-error": [
    '4-4 WorkdirRelativePath: Relative workdir "rel" can have unexpected results if the base image changes',
    "ERROR lint violation found for rules: WorkdirRelativePath",
  ],
  "check-arg": [
    "3-3 JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals",
  ],
  "check-arg-error": [
    "2-2 MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label",
    "ERROR lint violation found for rules: MaintainerDeprecated",
  ],
  "unreached-stage": [
    "1-1 StageNameCasing: Stage name 'Unused' should be lowercase",
    '2-2 WorkdirRelativePath: Relative workdir "rel" can have unexpected results if the base image changes',
    "3-3 MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label",
    "5-5 JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals",
  ],
  target: [
    "2-2 JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals",
  ],
  heredoc: ["5-7 UndefinedVar: Usage of undefined variable '$undefined2'"],
  fault: ["ERROR dockerfile parse error on line 2: unknown instruction: RUM (did you mean RUN?)"],
  "onbuild-casing": [
    "2-2 ConsistentInstructionCasing: Command 'onbuild' should match the case of the command majority (uppercase)",
  ],
  "several-in-one": [
    "1-1 StageNameCasing: Stage name 'Base' should be lowercase",
    "2-2 MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label",
    '3-3 WorkdirRelativePath: Relative workdir "x" can have unexpected results if the base image changes',
    "4-4 JSONArgsRecommended: JSON arguments recommended for cmd to prevent unintended behavior related to OS signals",
    "4-4 MultipleInstructionsDisallowed: Multiple CMD instructions should not be used in the same stage because only the last one will be used",
    "5-5 ConsistentInstructionCasing: Command 'CMD' should match the case of the command majority (lowercase)",
    "5-5 JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals",
  ],
  "var-in-many": [
    "2-2 UndefinedVar: Usage of undefined variable '$u'",
    "3-3 UndefinedVar: Usage of undefined variable '$w'",
    "5-5 UndefinedVar: Usage of undefined variable '$v'",
    "7-7 JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals",
  ],
  "var-from-base": [],
  "global-arg": ["3-3 UndefinedVar: Usage of undefined variable '$v'"],
  predefined: [
    "2-2 UndefinedVar: Usage of undefined variable '$BUILDKIT_INLINE_CACHE'",
    "2-2 UndefinedVar: Usage of undefined variable '$TARGETPLATFORM'",
    "2-2 UndefinedVar: Usage of undefined variable '$http_proxy'",
  ],
  suggestions: [
    "3-3 UndefinedVar: Usage of undefined variable '$ABCDEFGHI' (did you mean $ABCDEFG?)",
    "3-3 UndefinedVar: Usage of undefined variable '$ABCDEFGHIJ'",
    "3-3 UndefinedVar: Usage of undefined variable '$ABCDXYG' (did you mean $ABCDEFG?)",
    "3-3 UndefinedVar: Usage of undefined variable '$ABCDXYZ'",
    "3-3 UndefinedVar: Usage of undefined variable '$NAM' (did you mean $NAME?)",
    "3-3 UndefinedVar: Usage of undefined variable '$NOPE' (did you mean $NAME?)",
  ],
  "const-platform-words": [
    '3-3 FromPlatformFlagConstDisallowed: FROM --platform flag should not use constant value "linux/amd64"',
  ],
  "const-platform-build": [],
  "workdir-inherited": [
    '6-6 WorkdirRelativePath: Relative workdir "z" can have unexpected results if the base image changes',
  ],
  "shell-inherited": [],
  "global-secret": [],
  "copy-ignored-experimental": [
    '3-3 CopyIgnoredFile: Attempting to Copy file "ignored" that is excluded by .dockerignore',
    '4-4 CopyIgnoredFile: Attempting to Add file "other.txt" that is excluded by .dockerignore',
  ],
  "copy-ignored-glob-experimental": [
    '3-3 CopyIgnoredFile: Attempting to Copy file "*.txt" that is excluded by .dockerignore',
    '5-5 CopyIgnoredFile: Attempting to Copy file "dir/x" that is excluded by .dockerignore',
  ],
  "expose-range": [
    "2-2 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '90:91/UDP'",
    "2-2 ExposeProtoCasing: Defined protocol '80-82/TCP' in EXPOSE instruction should be lowercase",
    "2-2 ExposeProtoCasing: Defined protocol '90:91/UDP' in EXPOSE instruction should be lowercase",
  ],
  "as-casing-mixed": [
    "1-1 ConsistentInstructionCasing: Command 'From' should match the case of the command majority (uppercase)",
    "2-2 FromAsCasing: 'As' and 'FROM' keywords' casing do not match",
    "3-3 ConsistentInstructionCasing: Command 'from' should match the case of the command majority (uppercase)",
    "3-3 FromAsCasing: 'As' and 'from' keywords' casing do not match",
  ],
  "multi-line": [
    "2-4 UndefinedVar: Usage of undefined variable '$nope'",
    '5-5 LegacyKeyValueFormat: "LABEL key=value" should be used instead of legacy "LABEL key value" format',
    "6-7 JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals",
  ],
  "comment-continuation": [],
  "run-mount-var": ["2-2 UndefinedVar: Usage of undefined variable '$nowhere'"],
  "arg-default": ["2-2 UndefinedVar: Usage of undefined variable '$b'"],
  "unset-arg": ["4-4 UndefinedVar: Usage of undefined variable '$u'"],
  "skip-unknown": ['ERROR failed to parse check options: invalid check option "what"'],
  "check-spaces": ['ERROR failed to parse check options: invalid check option "skip"'],
  "check-experimental-error": [],
  "secret-public": ['2-2 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ENV "X_PWORD")'],
  "onbuild-lint": [],
  empty: [
    "2-2 JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals",
  ],
  "env-ws": ["ERROR LABEL must have two arguments"],
};
