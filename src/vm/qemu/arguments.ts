/** What a virtual machine is made of. Machines of one shape can be restored from one template. */
export interface MachineShape {
  readonly cpus: number;
  readonly memoryMiB: number;
  /** `kvm`, or `tcg` for software emulation. */
  readonly acceleration: "kvm" | "tcg";
  /** How fast the counter runs by which an emulated guest tells time; 0 where it finds that out itself. */
  readonly counterKhz: number;
  /** A device for the shared tree, and memory that its server can see. */
  readonly shared: boolean;
  /** Network interfaces. */
  readonly networks: number;
}

/** What machines that go on from one template may have beside what it has, as it has it. */
export const templateShape = { shared: false, networks: 1 } as const satisfies Partial<MachineShape>;

/** Numbers of the descriptors that the keeper opens for QEMU. */
export const descriptors = {
  guest: 10,
  monitor: 11,
  tap: 12,
  kernel: 13,
  initrd: 14,
  image: 15,
  disk: 16,
  memory: 17,
  state: 18,
  shares: 19,
  furtherTaps: 20,
} as const;

/** Where the machine's network interfaces come in. */
export const tapDescriptors = ({ networks }: MachineShape): number[] =>
  Array.from({ length: networks }, (_, index) => (index === 0 ? descriptors.tap : descriptors.furtherTaps + index - 1));

export type MachineStart =
  | { readonly kind: "boot" }
  /** Boots on a memory file that stays, so that others can start from what it becomes. */
  | { readonly kind: "template" }
  /** Goes on where the template stopped, or where a machine was saved: that one stands still until it is told. */
  | { readonly kind: "restore"; readonly still?: boolean };

/** Every disk has this size, whatever is on it, since a restored guest knows the size of the template's. */
export const diskBytes = 16 * 2 ** 30;

const opened = (number: number): string => `/proc/self/fd/${number}`;

/** QEMU's arguments. Nothing in them comes from a user: paths are descriptors, and the rest are numbers. */
export function qemuArguments(shape: MachineShape, start: MachineStart): string[] {
  return [
    ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
    ...["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"],
    ...["-machine", "q35,usb=off,vmport=off,smbus=off,sata=off,hpet=off,memory-backend=memory"],
    ...["-accel", shape.acceleration === "kvm" ? "kvm" : "tcg,thread=multi,tb-size=128"],
    ...["-cpu", shape.acceleration === "kvm" ? "host" : "max,la57=off"],
    ...["-smp", String(shape.cpus), "-m", `${shape.memoryMiB}M`],
    ...["-object", memoryObject(shape, start)],
    ...["-kernel", opened(descriptors.kernel)],
    ...(start.kind === "restore" ? [] : ["-initrd", opened(descriptors.initrd)]),
    ...["-append", kernelCommandLine(shape)],
    ...["-device", "virtio-serial-pci,romfile="],
    ...["-chardev", `socket,id=guest,fd=${descriptors.guest},server=on,wait=off`],
    ...["-device", "virtserialport,chardev=guest,name=isle"],
    ...["-chardev", `socket,id=monitor,fd=${descriptors.monitor},server=on,wait=off`],
    ...["-mon", "chardev=monitor,mode=control"],
    ...disk("image", descriptors.image, true),
    ...disk("disk", descriptors.disk, false),
    ...tapDescriptors(shape).flatMap(network),
    ...["-device", "virtio-balloon-pci,free-page-reporting=on,deflate-on-oom=on"],
    ...["-device", `pcie-root-port,id=${sharesSlot},chassis=1,bus=pcie.0,addr=0x1a`],
    ...(shape.shared ? ["-chardev", `socket,id=shares,fd=${descriptors.shares}`] : []),
    ...(shape.shared && start.kind === "boot" ? ["-device", JSON.stringify(sharesDevice)] : []),
    // A template was stopped when it was saved; what goes on from it is to run at once.
    ...["-global", "migration.store-global-state=off"],
    ...(start.kind === "restore" ? ["-incoming", "defer"] : []),
    // It is let go once it has the device that no template has, or is told to.
    ...(start.kind === "restore" && (shape.shared || start.still) ? ["-S"] : []),
  ];
}

function memoryObject({ memoryMiB, shared }: MachineShape, { kind }: MachineStart): string {
  if (kind === "boot") {
    const type = shared ? "memory-backend-memfd,share=on" : "memory-backend-ram";
    return `${type},id=memory,size=${memoryMiB}M`;
  }
  const share = kind === "template" || shared ? "on" : "off";
  return `memory-backend-file,id=memory,size=${memoryMiB}M,mem-path=${opened(descriptors.memory)},share=${share}`;
}

/** Each flag saves time at the boot, or noise. Mitigations guard against neighbours on a processor, which emulation is not. */
function kernelCommandLine({ acceleration, counterKhz }: MachineShape): string {
  const counter = counterKhz > 0 ? [`tsc_early_khz=${counterKhz}`] : [];
  const emulated = acceleration === "tcg" ? ["mitigations=off", "nokaslr", ...counter] : [];
  return [
    ...["quiet", "loglevel=1", "panic=-1", "reboot=t", "tsc=reliable", "no_timer_check", "cryptomgr.notests"],
    ...["8250.nr_uarts=0", "i8042.noaux", "i8042.nomux", "i8042.nopnp", "i8042.dumbkbd"],
    ...["random.trust_cpu=on", "net.ifnames=0", "systemd.unified_cgroup_hierarchy=1", ...emulated],
  ].join(" ");
}

function disk(name: string, descriptor: number, readonly: boolean): string[] {
  const mode = readonly ? "on" : "off";
  const file = `driver=file,node-name=${name}-file,filename=${opened(descriptor)},read-only=${mode},locking=off`;
  const discard = readonly ? "" : ",discard=unmap";
  return [
    ...["-blockdev", `${file}${discard}`],
    ...["-blockdev", `driver=raw,node-name=${name},file=${name}-file,read-only=${mode}${discard}`],
    ...["-device", `virtio-blk-pci,drive=${name},id=${name}-device`],
  ];
}

/** A template has only the first: the slots of the others are fixed, so that all other devices are where they were. */
function network(descriptor: number, index: number): string[] {
  const slot = index === 0 ? "" : `,bus=pcie.0,addr=0x${(0x10 + index).toString(16)}`;
  const name = `net${index}`;
  return [
    ...["-netdev", `tap,id=${name},fd=${descriptor}`],
    ...["-device", `virtio-net-pci,netdev=${name},romfile=${slot}`],
  ];
}

/** Where a machine that goes on from a template gets the device that no template has. */
const sharesSlot = "shares-slot";

/** Shared directories. The device's state cannot be saved. */
export const sharesDevice = {
  driver: "vhost-user-fs-pci",
  bus: sharesSlot,
  chardev: "shares",
  tag: "isle",
  "queue-size": 512,
};
