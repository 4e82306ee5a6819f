/** A profile in the form Docker and Podman publish: rules that depend on capability and architecture. */
export interface SeccompProfile {
  defaultAction: string;
  defaultErrnoRet?: number;
  architectures?: string[];
  archMap?: Array<{ architecture: string; subArchitectures?: string[] | null }>;
  syscalls?: SeccompRule[] | null;
}

interface SeccompRule {
  names?: string[];
  name?: string;
  action: string;
  errnoRet?: number;
  args?: SeccompArg[] | null;
  includes?: Condition;
  excludes?: Condition;
}

interface SeccompArg {
  index: number;
  value: number;
  valueTwo?: number;
  op: string;
}

interface Condition {
  caps?: string[];
  arches?: string[];
  minKernel?: string;
}

interface Circumstances {
  readonly capabilities: readonly string[];
  /** Go's name, such as amd64. */
  readonly architecture: string;
  /** Such as 6.1.0-18-amd64. */
  readonly kernel: string;
}

/** The profile as the OCI runtime wants it: only the rules that hold for this process on this machine. */
export function planSeccomp(profile: SeccompProfile, circumstances: Circumstances): object {
  const native = nativeArchitecture[circumstances.architecture];
  const mapped = profile.archMap?.find(({ architecture }) => architecture === native);
  const architectures = mapped
    ? [mapped.architecture, ...(mapped.subArchitectures ?? [])]
    : (profile.architectures ?? []);
  const rules = (profile.syscalls ?? []).filter((rule) => holds(rule, circumstances));
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet !== undefined && { defaultErrnoRet: profile.defaultErrnoRet }),
    architectures,
    syscalls: rules.map(ociRule),
  };
}

const nativeArchitecture: Record<string, string> = {
  amd64: "SCMP_ARCH_X86_64",
  arm64: "SCMP_ARCH_AARCH64",
};

function holds({ includes, excludes }: SeccompRule, circumstances: Circumstances): boolean {
  const { capabilities, architecture, kernel } = circumstances;
  const has = (name: string) => capabilities.includes(name);
  if (includes?.caps?.length && !includes.caps.every(has)) return false;
  if (includes?.arches?.length && !includes.arches.includes(architecture)) return false;
  if (includes?.minKernel && !kernelAtLeast(kernel, includes.minKernel)) return false;
  if (excludes?.caps?.some(has)) return false;
  if (excludes?.arches?.includes(architecture)) return false;
  return !(excludes?.minKernel && kernelAtLeast(kernel, excludes.minKernel));
}

function kernelAtLeast(have: string, want: string): boolean {
  const [major = 0, minor = 0] = have.split(/[.-]/).map(Number);
  const [wantMajor = 0, wantMinor = 0] = want.split(".").map(Number);
  return major > wantMajor || (major === wantMajor && minor >= wantMinor);
}

function ociRule(rule: SeccompRule): object {
  return {
    names: rule.names ?? [rule.name],
    action: rule.action,
    ...(rule.errnoRet !== undefined && { errnoRet: rule.errnoRet }),
    ...(rule.args?.length && { args: rule.args }),
  };
}
