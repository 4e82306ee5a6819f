/**
 * What the host and a microVM's guest say to each other, over a virtio-serial port between the relay and the agent and
 * over the relay's control socket between it and `isle-vm`.
 *
 * A frame is a header of 12 bytes, little-endian: u32 length of the payload, u16 type, u16 zero, u32 stream. A stream is
 * a process of the guest (the workload is 1) or the number of a request, whose answer carries it back. Where a payload
 * holds fields, each is u16 tag, u32 length, bytes. Names are the ones the code uses.
 */
export const frameTypes = {
  // To the guest.
  setup: [1, "fields: identity, network, root; answered by done or failed"],
  run: [2, "fields: the workload's process and its container; answered by started or failed"],
  exec: [3, "fields: a process in the workload's container; answered by started or failed"],
  input: [4, "bytes for the standard input of the stream; none mean its end"],
  credit: [5, "u32: so many more bytes of the stream may be sent, both ways"],
  signal: [6, "u32: signal for the process of the stream"],
  resize: [7, "u16 rows, u16 columns of the stream's terminal"],
  processes: [8, "asks for the list of processes; answered by data and done"],
  finish: [9, "write everything to the disk and let go of it; answered by done"],
  files: [10, "fields: an operation on the workload's files; input and data frames are its bytes"],
  update: [11, "fields: new limits; answered by done or failed"],
  rehearse: [12, "fields as of run: mount the root and run once what exits at once; answered by done or failed"],
  hold: [13, "stand still and say nothing until wake, so that the machine can be saved; answered by done or failed"],
  wake: [14, "go on; with fields of identity and network as another; answered by started or failed"],
  changed: [15, "fields: paths below the shared tree that others changed; answered by done, or failed while busy"],
  // From the guest.
  hello: [32, "u32: the guest is up and speaks this version"],
  done: [33, "the request is carried out"],
  failed: [34, "u32 errno, text: it is not"],
  started: [35, "u32: the process runs, with this number in the guest"],
  output: [36, "bytes of standard output"],
  errors: [37, "bytes of standard error"],
  exited: [38, "u32 exit code, u32 flags"],
  data: [39, "bytes of an answer"],
  // On the control socket only.
  start: [64, "bring the workload up; answered by started or failed"],
  pause: [65, "stop the virtual machine's processors; answered by done or failed"],
  resume: [66, "let them go on, and the workload after a hold; answered by done or failed"],
  ask: [67, "text: a command for the machine's monitor; answered by data, its answer, and done"],
  leave: [68, "the machine is saved elsewhere: end it without asking the guest"],
} as const;

export const fieldTags = {
  // Setup: who this virtual machine is.
  time: [1, "u64: nanoseconds since 1970"],
  entropy: [2, "random bytes"],
  hostname: [3, "text"],
  domainname: [4, "text"],
  bootId: [5, "text"],
  // Setup: network.
  link: [10, "6 bytes MAC, u32 MTU, name: the next interface"],
  address: [11, "u8 family (4 or 6), u8 prefix length, address: of that interface"],
  route: [12, "u8 family, u8 prefix length, destination, gateway (zeros for none): through that interface"],
  // Setup: root and shares.
  rootDisk: [20, "the root is an image on the first disk and changes on the second"],
  rootShare: [21, "text: the root is this directory of the shared tree"],
  shared: [22, "the device of the shared tree is there"],
  // Process.
  argument: [30, "text"],
  environment: [31, "text NAME=value"],
  directory: [32, "text: working directory"],
  user: [33, "u32 uid, u32 gid"],
  group: [34, "u32: additional gid"],
  umask: [35, "u32"],
  terminal: [36, "u16 rows, u16 columns: the process has a terminal"],
  capabilities: [37, "u64 bounding, effective, permitted, inheritable, ambient"],
  rlimit: [38, "u32 number, u64 soft, u64 hard"],
  noNewPrivileges: [39, ""],
  seccomp: [40, "a compiled filter"],
  oomScore: [41, "i32"],
  openInput: [42, "the process has a standard input"],
  // Container.
  mount: [50, "flags u64, then type, source, target, data, each text with a final zero"],
  share: [51, "flags u64, then directory of the shared tree, target, each text with a final zero"],
  file: [52, "u32 mode, target with a final zero, content"],
  device: [53, "u32 mode with kind, uid, gid, major, minor, then the path"],
  masked: [54, "text: a path that shows nothing"],
  readonlyPath: [55, "text"],
  readonlyRoot: [56, ""],
  sysctl: [57, "text NAME=value"],
  unshare: [58, "u32: flags of the namespaces that the container has for itself"],
  memoryLimit: [59, "u64: bytes"],
  pidsLimit: [60, "u64"],
  initProcess: [61, "the container's first process is the agent's own init, which starts the workload"],
  socket: [62, "u32 mode, u32 uid, u32 gid, path with a final zero: a socket that somebody outside answers"],
  // Files.
  operation: [70, "text: layer (of the changes, as output), unpack (of the input), sockets (connections to them)"],
  path: [71, "text"],
  owner: [72, "u32 uid, u32 gid: whom written files belong to"],
  flag: [73, "text: a wish of the operation"],
} as const;

export const limits = {
  protocolVersion: 1,
  /** Largest payload from the guest. */
  maxFrame: 65_536,
  /** Largest payload to the guest: a setup holds files. */
  maxRequest: 4_194_304,
  /** Bytes of a stream that may be under way. */
  window: 262_144,
  /** Bytes of a data frame. */
  chunk: 32_000,
} as const;

/** Flags of `exited`. */
export const exitFlags = { outOfMemory: 1 } as const;
