#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"

/* In the number of a stream whose host is gone. */
#define ORPHANED 0x80000000u

struct process {
  struct process *next;
  uint32_t stream;
  pid_t pid;
  bool terminal, input_ended, exited;
  int status;
  int input, output, errors; /* our ends; all the same with a terminal; -1 when ended */
  struct bytes queued;       /* for its standard input */
  uint32_t credit;           /* bytes of output that the host still takes */
  uint32_t taken;            /* bytes of input that went on and are not credited yet */
};

static struct process *processes;
static struct bytes workload_filter; /* every process of the container gets the workload's */
static pid_t workload;

int sockets[MOST_SOCKETS];
size_t socket_count;

pid_t workload_pid(void) { return workload; }

static struct process *find(uint32_t stream) {
  struct process *process = processes;
  while (process && process->stream != stream) process = process->next;
  return process;
}

static void close_end(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

static void close_input(struct process *process) {
  if (process->terminal) return;
  close_end(&process->input);
  process->queued.size = 0;
}

struct wishes {
  bool terminal, input;
  uint32_t unshare;
};

static struct wishes wishes_of(const uint8_t *payload, size_t size) {
  struct wishes wishes = {0};
  struct field field;
  size_t offset = 0;
  while (field_next(payload, size, &offset, &field) == 1) {
    if (field.tag == FIELD_TERMINAL) wishes.terminal = true;
    if (field.tag == FIELD_OPEN_INPUT) wishes.input = true;
    if (field.tag == FIELD_UNSHARE) wishes.unshare = field_u32(&field, 0);
  }
  return wishes;
}

/* Pipes for the child's streams: ours[i] and its[i]. */
static int make_pipes(const struct wishes *wishes, int ours[3], int its[3]) {
  for (int i = 0; i < 3; i++) ours[i] = its[i] = -1;
  if (wishes->terminal) return 0;
  for (int i = 0; i < 3; i++) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return errno;
    ours[i] = ends[i == 0];
    its[i] = ends[i != 0];
    fcntl(ours[i], F_SETFL, O_NONBLOCK);
  }
  if (!wishes->input) close_end(&ours[0]);
  return 0;
}

static void keep_socket(const struct cmsghdr *header) {
  int fd;
  memcpy(&fd, CMSG_DATA(header), sizeof fd);
  if (socket_count < MOST_SOCKETS) sockets[socket_count++] = fd;
  else close(fd);
}

/* What the child complains of before it becomes the command; 0 when it did, its terminal in `terminal`. */
static int hear_child(int report, int *terminal, char *text, size_t room) {
  for (;;) {
    char control[CMSG_SPACE(sizeof(int))];
    uint8_t said[1024];
    struct iovec part = {said, sizeof said};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t length = recvmsg(report, &message, MSG_CMSG_CLOEXEC);
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) return 0;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (said[0] == 'T' && header) {
      memcpy(terminal, CMSG_DATA(header), sizeof(int));
    } else if (said[0] == 'S' && header) {
      keep_socket(header);
    } else if (length > 5) {
      int error;
      memcpy(&error, said + 1, sizeof error);
      snprintf(text, room, "%.*s", (int)length - 5, (const char *)said + 5);
      return error ? error : EINVAL;
    }
  }
}

static pid_t fork_child(const struct wishes *wishes, struct child *child) {
  if (child->is_files) {
    pid_t pid = fork();
    if (pid == 0) child_main(child);
    return pid;
  }
  if (child->is_exec) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/pid", child->workload);
    int theirs = open(path, O_RDONLY | O_CLOEXEC), own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
    /* Only what is forked from here on is in the other namespace. */
    pid_t pid = -1;
    if (theirs >= 0 && own >= 0 && setns(theirs, CLONE_NEWPID) == 0) {
      pid = fork();
      if (pid == 0) child_main(child);
      setns(own, CLONE_NEWPID);
    }
    if (theirs >= 0) close(theirs);
    if (own >= 0) close(own);
    return pid;
  }
  unsigned long flags = wishes->unshare & (CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC);
  pid_t pid = (pid_t)syscall(SYS_clone, flags | CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) child_main(child);
  return pid;
}

static void track(uint32_t stream, pid_t pid, const struct wishes *wishes, const int ours[3]) {
  struct process *process = calloc(1, sizeof *process);
  if (!process) return;
  process->stream = stream;
  process->pid = pid;
  process->terminal = wishes->terminal;
  process->input = ours[0];
  process->output = ours[1];
  process->errors = ours[2];
  process->credit = LIMIT_WINDOW;
  process->next = processes;
  processes = process;
}

static void start(uint32_t stream, struct child *child) {
  struct wishes wishes = wishes_of(child->payload, child->size);
  int ours[3], its[3], report[2] = {-1, -1}, go[2] = {-1, -1};
  char text[1024] = "cannot make its pipes";
  int error = make_pipes(&wishes, ours, its);
  if (error == 0 && (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, report) != 0 || pipe2(go, O_CLOEXEC) != 0))
    error = errno;
  pid_t pid = -1;
  if (error == 0) {
    *child = (struct child){child->payload, child->size, child->is_exec, child->is_files, wishes.terminal, its[0], its[1], its[2],
                            report[1], go[0], child->workload, child->filter};
    pid = fork_child(&wishes, child);
    if (pid < 0) error = errno;
  }
  for (int i = 0; i < 3; i++) close_end(&its[i]);
  close_end(&report[1]);
  close_end(&go[0]);
  if (pid > 0) {
    if (!child->is_files) group_add(pid);
    write(go[1], "g", 1);
    int terminal = -1;
    error = hear_child(report[0], &terminal, text, sizeof text);
    if (terminal >= 0) {
      fcntl(terminal, F_SETFL, O_NONBLOCK);
      ours[0] = ours[1] = terminal;
    }
  } else if (error != 0 && child->is_exec) {
    snprintf(text, sizeof text, "cannot start a process: %s", strerror(error));
  }
  close_end(&report[0]);
  close_end(&go[1]);
  if (error == 0) {
    if (!child->is_exec && !child->is_files) workload = pid;
    track(stream, pid, &wishes, ours);
    port_send_u32(FRAME_STARTED, stream, (uint32_t)pid);
    return;
  }
  if (ours[0] == ours[1]) ours[0] = -1;
  for (int i = 0; i < 3; i++) close_end(&ours[i]);
  if (pid > 0) waitpid(pid, NULL, 0);
  port_fail(stream, error, text);
}

void process_run(uint32_t stream, const uint8_t *payload, size_t size) {
  if (workload > 0) return port_fail(stream, EEXIST, "the workload runs already");
  group_prepare(payload, size);
  struct field field;
  for (size_t offset = 0; field_next(payload, size, &offset, &field) == 1;)
    if (field.tag == FIELD_SECCOMP) bytes_add(&workload_filter, field.value, field.size);
  struct child child = {.payload = payload, .size = size};
  start(stream, &child);
}

/*
 * Everything a start does, with a program that ends at once: what an emulator has translated and the kernel has read
 * for it need not be again.
 */
void rehearse(uint32_t stream, const uint8_t *payload, size_t size) {
  const char *problem = "";
  int error = mount_disks(&problem);
  if (error != 0) return port_fail(stream, error, problem);
  struct wishes wishes = wishes_of(payload, size);
  int ours[3], its[3], report[2], go[2], terminal = -1;
  char text[1024];
  if (make_pipes(&wishes, ours, its) != 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, report) != 0 ||
      pipe2(go, O_CLOEXEC) != 0)
    return port_fail(stream, errno, "pipes");
  struct child child = {.payload = payload, .size = size, .input = its[0], .output = its[1], .errors = its[2],
                        .report = report[1], .go = go[0]};
  pid_t pid = fork_child(&wishes, &child);
  for (int i = 0; i < 3; i++) close_end(&its[i]);
  close_end(&report[1]);
  close_end(&go[0]);
  if (pid > 0) {
    group_add(pid);
    write(go[1], "g", 1);
    error = hear_child(report[0], &terminal, text, sizeof text);
    waitpid(pid, NULL, 0);
  }
  for (int i = 0; i < 3; i++) close_end(&ours[i]);
  close_end(&report[0]);
  close_end(&go[1]);
  if (error != 0) return port_fail(stream, error, text);
  port_send(FRAME_DONE, stream, NULL, 0);
}

void process_exec(uint32_t stream, const uint8_t *payload, size_t size) {
  if (workload <= 0 || find(stream)) return port_fail(stream, ESRCH, "the workload does not run");
  struct child child = {.payload = payload, .size = size, .is_exec = true, .workload = workload,
                        .filter = {.size = (uint32_t)workload_filter.size, .value = workload_filter.data}};
  start(stream, &child);
}

void process_files(uint32_t stream, const uint8_t *payload, size_t size) {
  if (find(stream)) return port_fail(stream, EEXIST, "the stream is in use");
  struct child child = {.payload = payload, .size = size, .is_files = true, .workload = workload};
  start(stream, &child);
}

static void feed(struct process *process) {
  if (process->queued.size > 0 && process->input >= 0) {
    ssize_t written = write(process->input, process->queued.data, process->queued.size);
    if (written < 0 && errno != EAGAIN && errno != EINTR) {
      process->taken += (uint32_t)process->queued.size;
      close_input(process);
    } else if (written > 0) {
      process->taken += (uint32_t)written;
      bytes_drop(&process->queued, (size_t)written);
    }
  }
  if (process->input < 0) {
    /* Nobody reads it any more: take it, so that the sender does not wait for ever. */
    process->taken += (uint32_t)process->queued.size;
    process->queued.size = 0;
  }
  if (process->taken >= LIMIT_WINDOW / 4 || (process->taken > 0 && process->queued.size == 0)) {
    port_send_u32(FRAME_CREDIT, process->stream, process->taken);
    process->taken = 0;
  }
  if (process->input_ended && process->queued.size == 0) close_input(process);
}

void process_input(const struct frame *frame) {
  struct process *process = find(frame->stream);
  if (!process) return;
  if (frame->size == 0) process->input_ended = true;
  else bytes_add(&process->queued, frame->payload, frame->size);
  feed(process);
}

void process_credit(uint32_t stream, uint32_t bytes) {
  struct process *process = find(stream);
  if (process) process->credit += bytes;
}

void process_signal(uint32_t stream, int signal) {
  struct process *process = find(stream);
  if (process && !process->exited) kill(process->pid, signal);
}

void process_resize(uint32_t stream, uint16_t rows, uint16_t columns) {
  struct process *process = find(stream);
  struct winsize size = {.ws_row = rows, .ws_col = columns};
  if (process && process->terminal) ioctl(process->output, TIOCSWINSZ, &size);
}

/* Passes on what is there; true while there may be more. */
static bool forward(struct process *process, int *end, uint16_t type) {
  static uint8_t chunk[LIMIT_CHUNK];
  if (*end < 0 || process->credit == 0) return false;
  size_t room = process->credit < sizeof chunk ? process->credit : sizeof chunk;
  ssize_t got = read(*end, chunk, room);
  if (got > 0) {
    process->credit -= (uint32_t)got;
    port_send(type, process->stream, chunk, (size_t)got);
    return true;
  }
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (process->terminal) process->input = -1;
  close_end(end);
  return false;
}

/* What it wrote before its end goes first. Then its children may hold the pipes, but nobody waits for those. */
static bool finish(struct process *process) {
  while (forward(process, &process->output, FRAME_OUTPUT)) {}
  while (forward(process, &process->errors, FRAME_ERRORS)) {}
  bool open = process->output >= 0 || process->errors >= 0;
  if (open && process->credit == 0) return false;
  bool main_process = process->stream == WORKLOAD_STREAM;
  uint32_t code = WIFSIGNALED(process->status) ? 128 + (uint32_t)WTERMSIG(process->status)
                                               : (uint32_t)WEXITSTATUS(process->status);
  uint32_t answer[2] = {code, main_process && group_ran_out_of_memory() ? EXIT_OUT_OF_MEMORY : 0};
  if (main_process) workload = -1;
  port_send(FRAME_EXITED, process->stream, answer, sizeof answer);
  return true;
}

static void drop(struct process *gone) {
  struct process **at = &processes;
  while (*at != gone) at = &(*at)->next;
  *at = gone->next;
  if (gone->input != gone->output) close_end(&gone->input);
  close_end(&gone->output);
  close_end(&gone->errors);
  bytes_free(&gone->queued);
  free(gone);
}

void process_reap(void) {
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    for (struct process *process = processes; process; process = process->next) {
      if (process->pid != pid || process->exited) continue;
      process->exited = true;
      process->status = status;
    }
  }
  for (struct process *process = processes, *next; process; process = next) {
    next = process->next;
    if (process->exited && finish(process)) drop(process);
  }
}

/*
 * Another relay hears from here on: nothing is under way to it, it does not know what commands run, and it will number
 * its own from the beginning.
 */
void process_of_new_host(void) {
  for (struct process *process = processes; process; process = process->next) {
    process->credit = LIMIT_WINDOW;
    process->taken = 0;
    if (process->stream != WORKLOAD_STREAM) process->stream |= ORPHANED;
  }
}

size_t process_poll(struct pollfd *into, size_t room) {
  size_t count = 0;
  for (struct process *process = processes; process && count + 3 <= room; process = process->next) {
    if (process->queued.size > 0 && process->input >= 0)
      into[count++] = (struct pollfd){.fd = process->input, .events = POLLOUT};
    if (process->credit == 0) continue;
    if (process->output >= 0) into[count++] = (struct pollfd){.fd = process->output, .events = POLLIN};
    if (process->errors >= 0) into[count++] = (struct pollfd){.fd = process->errors, .events = POLLIN};
  }
  return count;
}

void process_ready(const struct pollfd *polled, size_t count) {
  for (struct process *process = processes, *next; process; process = next) {
    next = process->next;
    for (size_t i = 0; i < count; i++) {
      if (!polled[i].revents) continue;
      if (polled[i].fd == process->input && polled[i].events == POLLOUT) feed(process);
      else if (polled[i].fd == process->output) forward(process, &process->output, FRAME_OUTPUT);
      else if (polled[i].fd == process->errors) forward(process, &process->errors, FRAME_ERRORS);
    }
    if (process->exited && finish(process)) drop(process);
  }
}

static ssize_t read_whole(const char *path, char *into, size_t room) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return -1;
  ssize_t got = read(file, into, room - 1);
  close(file);
  if (got >= 0) into[got] = 0;
  return got;
}

/* Parent, terminal, age and processor time, each with a tab behind it. */
static int describe(int pid, char *into, size_t room) {
  char path[64], text[1024], uptime[64];
  int parent = 0, terminal = 0;
  unsigned long user = 0, kernel = 0;
  unsigned long long start = 0;
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  if (read_whole(path, text, sizeof text) <= 0 || read_whole("/proc/uptime", uptime, sizeof uptime) <= 0) return 0;
  const char *rest = strrchr(text, ')');
  if (!rest) return 0;
  sscanf(rest + 2, "%*c %d %*d %*d %d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %*d %*d %llu", &parent, &terminal,
         &user, &kernel, &start);
  double age = strtod(uptime, NULL) * 100 - (double)start;
  return snprintf(into, room, "%d\t%d\t%.0f\t%lu\t", parent, terminal, age, user + kernel);
}

/* One line for each process of the workload: uid, pid, parent, terminal, age, processor time, command line. */
void process_list(uint32_t stream) {
  FILE *pids = fopen(WORKLOAD_GROUP "/cgroup.procs", "re");
  int pid;
  while (pids && fscanf(pids, "%d", &pid) == 1) {
    char path[64], line[1400];
    struct stat owner = {0};
    snprintf(path, sizeof path, "/proc/%d", pid);
    if (stat(path, &owner) != 0) continue;
    int length = snprintf(line, sizeof line, "%u\t%d\t", owner.st_uid, pid);
    int more = describe(pid, line + length, sizeof line - (size_t)length);
    if (more == 0) continue;
    length += more;
    snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    ssize_t got = read_whole(path, line + length, 1000);
    for (ssize_t i = 0; i < got; i++)
      if (line[length + i] == 0 || line[length + i] == '\n') line[length + i] = ' ';
    length += (int)(got > 0 ? got : 0);
    line[length++] = '\n';
    port_send(FRAME_DATA, stream, line, (size_t)length);
  }
  if (pids) fclose(pids);
  port_send(FRAME_DONE, stream, NULL, 0);
}
