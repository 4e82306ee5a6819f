/* Generated from protocol/contract.ts by `npm run docs`. Do not edit. */
#ifndef ISLE_PROTOCOL_H
#define ISLE_PROTOCOL_H

enum {
  FRAME_SETUP = 1, /* fields: identity, network, root; answered by done or failed */
  FRAME_RUN = 2, /* fields: the workload's process and its container; answered by started or failed */
  FRAME_EXEC = 3, /* fields: a process in the workload's container; answered by started or failed */
  FRAME_INPUT = 4, /* bytes for the standard input of the stream; none mean its end */
  FRAME_CREDIT = 5, /* u32: so many more bytes of the stream may be sent, both ways */
  FRAME_SIGNAL = 6, /* u32: signal for the process of the stream */
  FRAME_RESIZE = 7, /* u16 rows, u16 columns of the stream's terminal */
  FRAME_PROCESSES = 8, /* asks for the list of processes; answered by data and done */
  FRAME_FINISH = 9, /* write everything to the disk and let go of it; answered by done */
  FRAME_FILES = 10, /* fields: an operation on the workload's files; input and data frames are its bytes */
  FRAME_UPDATE = 11, /* fields: new limits; answered by done or failed */
  FRAME_REHEARSE = 12, /* fields as of run: mount the root and run once what exits at once; answered by done or failed */
  FRAME_HOLD = 13, /* stand still and say nothing until wake, so that the machine can be saved; answered by done or failed */
  FRAME_WAKE = 14, /* go on; with fields of identity and network as another; answered by started or failed */
  FRAME_CHANGED = 15, /* fields: paths below the shared tree that others changed; answered by done, or failed while busy */
  FRAME_HELLO = 32, /* u32: the guest is up and speaks this version */
  FRAME_DONE = 33, /* the request is carried out */
  FRAME_FAILED = 34, /* u32 errno, text: it is not */
  FRAME_STARTED = 35, /* u32: the process runs, with this number in the guest */
  FRAME_OUTPUT = 36, /* bytes of standard output */
  FRAME_ERRORS = 37, /* bytes of standard error */
  FRAME_EXITED = 38, /* u32 exit code, u32 flags */
  FRAME_DATA = 39, /* bytes of an answer */
  FRAME_START = 64, /* bring the workload up; answered by started or failed */
  FRAME_PAUSE = 65, /* stop the virtual machine's processors; answered by done or failed */
  FRAME_RESUME = 66, /* let them go on, and the workload after a hold; answered by done or failed */
  FRAME_ASK = 67, /* text: a command for the machine's monitor; answered by data, its answer, and done */
  FRAME_LEAVE = 68, /* the machine is saved elsewhere: end it without asking the guest */
};

enum {
  FIELD_TIME = 1, /* u64: nanoseconds since 1970 */
  FIELD_ENTROPY = 2, /* random bytes */
  FIELD_HOSTNAME = 3, /* text */
  FIELD_DOMAINNAME = 4, /* text */
  FIELD_BOOT_ID = 5, /* text */
  FIELD_LINK = 10, /* 6 bytes MAC, u32 MTU, name: the next interface */
  FIELD_ADDRESS = 11, /* u8 family (4 or 6), u8 prefix length, address: of that interface */
  FIELD_ROUTE = 12, /* u8 family, u8 prefix length, destination, gateway (zeros for none): through that interface */
  FIELD_ROOT_DISK = 20, /* the root is an image on the first disk and changes on the second */
  FIELD_ROOT_SHARE = 21, /* text: the root is this directory of the shared tree */
  FIELD_SHARED = 22, /* the device of the shared tree is there */
  FIELD_ARGUMENT = 30, /* text */
  FIELD_ENVIRONMENT = 31, /* text NAME=value */
  FIELD_DIRECTORY = 32, /* text: working directory */
  FIELD_USER = 33, /* u32 uid, u32 gid */
  FIELD_GROUP = 34, /* u32: additional gid */
  FIELD_UMASK = 35, /* u32 */
  FIELD_TERMINAL = 36, /* u16 rows, u16 columns: the process has a terminal */
  FIELD_CAPABILITIES = 37, /* u64 bounding, effective, permitted, inheritable, ambient */
  FIELD_RLIMIT = 38, /* u32 number, u64 soft, u64 hard */
  FIELD_NO_NEW_PRIVILEGES = 39,
  FIELD_SECCOMP = 40, /* a compiled filter */
  FIELD_OOM_SCORE = 41, /* i32 */
  FIELD_OPEN_INPUT = 42, /* the process has a standard input */
  FIELD_MOUNT = 50, /* flags u64, then type, source, target, data, each text with a final zero */
  FIELD_SHARE = 51, /* flags u64, then directory of the shared tree, target, each text with a final zero */
  FIELD_FILE = 52, /* u32 mode, target with a final zero, content */
  FIELD_DEVICE = 53, /* u32 mode with kind, uid, gid, major, minor, then the path */
  FIELD_MASKED = 54, /* text: a path that shows nothing */
  FIELD_READONLY_PATH = 55, /* text */
  FIELD_READONLY_ROOT = 56,
  FIELD_SYSCTL = 57, /* text NAME=value */
  FIELD_UNSHARE = 58, /* u32: flags of the namespaces that the container has for itself */
  FIELD_MEMORY_LIMIT = 59, /* u64: bytes */
  FIELD_PIDS_LIMIT = 60, /* u64 */
  FIELD_INIT_PROCESS = 61, /* the container's first process is the agent's own init, which starts the workload */
  FIELD_SOCKET = 62, /* u32 mode, u32 uid, u32 gid, path with a final zero: a socket that somebody outside answers */
  FIELD_OPERATION = 70, /* text: layer (of the changes, as output), unpack (of the input), sockets (connections to them) */
  FIELD_PATH = 71, /* text */
  FIELD_OWNER = 72, /* u32 uid, u32 gid: whom written files belong to */
  FIELD_FLAG = 73, /* text: a wish of the operation */
};

enum {
  LIMIT_PROTOCOL_VERSION = 1,
  LIMIT_MAX_FRAME = 65536,
  LIMIT_MAX_REQUEST = 4194304,
  LIMIT_WINDOW = 262144,
  LIMIT_CHUNK = 32000,
};

enum {
  EXIT_OUT_OF_MEMORY = 1,
};
#endif
