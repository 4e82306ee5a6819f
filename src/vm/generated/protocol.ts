/** Generated from protocol/contract.ts by `npm run docs`. Do not edit. */

export const frameType = {
  /** fields: identity, network, root; answered by done or failed */
  setup: 1,
  /** fields: the workload's process and its container; answered by started or failed */
  run: 2,
  /** fields: a process in the workload's container; answered by started or failed */
  exec: 3,
  /** bytes for the standard input of the stream; none mean its end */
  input: 4,
  /** u32: so many more bytes of the stream may be sent, both ways */
  credit: 5,
  /** u32: signal for the process of the stream */
  signal: 6,
  /** u16 rows, u16 columns of the stream's terminal */
  resize: 7,
  /** asks for the list of processes; answered by data and done */
  processes: 8,
  /** write everything to the disk and let go of it; answered by done */
  finish: 9,
  /** fields: an operation on the workload's files; input and data frames are its bytes */
  files: 10,
  /** fields: new limits; answered by done or failed */
  update: 11,
  /** fields as of run: mount the root and run once what exits at once; answered by done or failed */
  rehearse: 12,
  /** stand still and say nothing until wake, so that the machine can be saved; answered by done or failed */
  hold: 13,
  /** go on; with fields of identity and network as another; answered by started or failed */
  wake: 14,
  /** fields: paths below the shared tree that others changed; answered by done, or failed while busy */
  changed: 15,
  /** u32: the guest is up and speaks this version */
  hello: 32,
  /** the request is carried out */
  done: 33,
  /** u32 errno, text: it is not */
  failed: 34,
  /** u32: the process runs, with this number in the guest */
  started: 35,
  /** bytes of standard output */
  output: 36,
  /** bytes of standard error */
  errors: 37,
  /** u32 exit code, u32 flags */
  exited: 38,
  /** bytes of an answer */
  data: 39,
  /** bring the workload up; answered by started or failed */
  start: 64,
  /** stop the virtual machine's processors; answered by done or failed */
  pause: 65,
  /** let them go on, and the workload after a hold; answered by done or failed */
  resume: 66,
  /** text: a command for the machine's monitor; answered by data, its answer, and done */
  ask: 67,
  /** the machine is saved elsewhere: end it without asking the guest */
  leave: 68,
} as const;

export const fieldTag = {
  /** u64: nanoseconds since 1970 */
  time: 1,
  /** random bytes */
  entropy: 2,
  /** text */
  hostname: 3,
  /** text */
  domainname: 4,
  /** text */
  bootId: 5,
  /** 6 bytes MAC, u32 MTU, name: the next interface */
  link: 10,
  /** u8 family (4 or 6), u8 prefix length, address: of that interface */
  address: 11,
  /** u8 family, u8 prefix length, destination, gateway (zeros for none): through that interface */
  route: 12,
  /** the root is an image on the first disk and changes on the second */
  rootDisk: 20,
  /** text: the root is this directory of the shared tree */
  rootShare: 21,
  /** the device of the shared tree is there */
  shared: 22,
  /** text */
  argument: 30,
  /** text NAME=value */
  environment: 31,
  /** text: working directory */
  directory: 32,
  /** u32 uid, u32 gid */
  user: 33,
  /** u32: additional gid */
  group: 34,
  /** u32 */
  umask: 35,
  /** u16 rows, u16 columns: the process has a terminal */
  terminal: 36,
  /** u64 bounding, effective, permitted, inheritable, ambient */
  capabilities: 37,
  /** u32 number, u64 soft, u64 hard */
  rlimit: 38,
  noNewPrivileges: 39,
  /** a compiled filter */
  seccomp: 40,
  /** i32 */
  oomScore: 41,
  /** the process has a standard input */
  openInput: 42,
  /** flags u64, then type, source, target, data, each text with a final zero */
  mount: 50,
  /** flags u64, then directory of the shared tree, target, each text with a final zero */
  share: 51,
  /** u32 mode, target with a final zero, content */
  file: 52,
  /** u32 mode with kind, uid, gid, major, minor, then the path */
  device: 53,
  /** text: a path that shows nothing */
  masked: 54,
  /** text */
  readonlyPath: 55,
  readonlyRoot: 56,
  /** text NAME=value */
  sysctl: 57,
  /** u32: flags of the namespaces that the container has for itself */
  unshare: 58,
  /** u64: bytes */
  memoryLimit: 59,
  /** u64 */
  pidsLimit: 60,
  /** the container's first process is the agent's own init, which starts the workload */
  initProcess: 61,
  /** u32 mode, u32 uid, u32 gid, path with a final zero: a socket that somebody outside answers */
  socket: 62,
  /** text: layer (of the changes, as output), unpack (of the input), sockets (connections to them) */
  operation: 70,
  /** text */
  path: 71,
  /** u32 uid, u32 gid: whom written files belong to */
  owner: 72,
  /** text: a wish of the operation */
  flag: 73,
} as const;

export const protocolLimit = {
  protocolVersion: 1,
  maxFrame: 65536,
  maxRequest: 4194304,
  window: 262144,
  chunk: 32000,
} as const;

export const exitFlag = {
  outOfMemory: 1,
} as const;
