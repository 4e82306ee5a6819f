/** What of the OCI specification is carried out, in the form of its features document. */
const features = {
  ociVersionMin: "1.0.0",
  ociVersionMax: "1.2.0",
  hooks: ["prestart", "createRuntime"],
  mountOptions: ["bind", "rbind", "ro", "rw", "nosuid", "nodev", "noexec", "noatime", "relatime", "strictatime"],
  linux: {
    namespaces: ["cgroup", "ipc", "mount", "network", "pid", "uts"],
    cgroup: { v1: true, v2: true, systemd: false, systemdUser: false },
    seccomp: { enabled: true },
    apparmor: { enabled: false },
    selinux: { enabled: false },
  },
  annotations: { "isle.vm": "true" },
};

export function featuresCommand(): void {
  process.stdout.write(`${JSON.stringify(features, null, 2)}\n`);
}

export function versionCommand(): void {
  process.stdout.write("isle-vm version 0.1.0\nspec: 1.2.0\n");
}

export function helpCommand(): void {
  process.stdout.write(
    [
      "isle-vm [--root DIR] [--log FILE] COMMAND: an OCI runtime whose containers are microVMs",
      "",
      "  create --bundle DIR [--pid-file FILE] [--console-socket SOCKET] ID",
      "  start|state|pause|resume|ps ID",
      "  kill ID [SIGNAL]",
      "  delete [--force] ID",
      "  exec [--process FILE] [--tty] [--detach] [--pid-file FILE] ID [COMMAND ...]",
      "  list|features",
      "",
    ].join("\n"),
  );
}
