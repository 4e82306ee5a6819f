#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "relay.h"

#define READY_FD 3
#define COMPLAINTS_FD 4
#define LOST_CODE 137
#define ENDED_ITSELF_CODE 255

struct relay relay = {.life = -1, .guest = -1, .machine = -1, .control = -1, .exit_code = LOST_CODE};

int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void after_deadline(int milliseconds) { relay.deadline = milliseconds ? now_ms() + milliseconds : 0; }

void to_guest(uint16_t type, uint32_t stream, const void *payload, size_t size) {
  bytes_frame(relay.hold ? &relay.held_back : &relay.to_guest, type, stream, payload, size);
}

void to_guest_u32(uint16_t type, uint32_t stream, uint32_t value) {
  uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
  to_guest(type, stream, bytes, sizeof bytes);
}

/* The last that the guest hears until it goes on: what is under way when the machine is saved would be lost. */
void hold_guest(struct client *client) {
  client->stream = relay.next_stream++;
  to_guest(FRAME_HOLD, client->stream, NULL, 0);
  relay.hold = client->stream;
}

void wake_guest(void) {
  if (relay.hold == 0) return;
  relay.hold = 0;
  struct bytes moment = {0};
  add_moment(&moment);
  to_guest(FRAME_WAKE, relay.next_stream++, moment.data, moment.size);
  bytes_free(&moment);
  bytes_add(&relay.to_guest, relay.held_back.data, relay.held_back.size);
  relay.held_back.size = 0;
}

/* Lets go of the machine, whose keeper ends it, and passes on what is still to be said. */
void end_machine(int code) {
  if (relay.phase == OVER) return;
  relay.phase = OVER;
  relay.exit_code = code;
  if (relay.life >= 0) close(relay.life);
  if (relay.guest >= 0) close(relay.guest);
  if (relay.machine >= 0) close(relay.machine);
  relay.life = relay.guest = relay.machine = -1;
  after_deadline(10000);
}

/* Writes what waits; the guest may send as much again. Bytes for a reader that is gone are thrown away. */
void pass_on(struct outlet *outlet, uint32_t stream) {
  while (outlet->waiting.size > 0) {
    ssize_t written = outlet->fd < 0 ? -1 : write(outlet->fd, outlet->waiting.data, outlet->waiting.size);
    if (written < 0 && outlet->fd >= 0 && errno == EINTR) continue;
    if (written < 0 && outlet->fd >= 0 && errno == EAGAIN) return;
    bytes_drop(&outlet->waiting, written < 0 ? outlet->waiting.size : (size_t)written);
  }
  if (outlet->owed == 0) return;
  if (relay.phase != OVER) to_guest_u32(FRAME_CREDIT, stream, outlet->owed);
  outlet->owed = 0;
}

/* From here on the guest's words are all that comes in: nothing that they could break into is to own anything. */
void give_up_rights(void) {
  uid_t user = relay.options.user;
  if (user == 0) return;
  if (setgroups(0, NULL) != 0 || setresgid(user, user, user) != 0 || setresuid(user, user, user) != 0) die("rights");
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static struct options read_options(int count, char **arguments) {
  struct options options = {0};
  for (int at = 0; at < count; at++) {
    const char *word = arguments[at];
    char *next = at + 1 < count ? arguments[at + 1] : NULL;
    if (strcmp(word, "--new-netns") == 0) options.new_netns = true;
    else if (strcmp(word, "--terminal") == 0) options.terminal = true;
    else if (strcmp(word, "--ephemeral") == 0) options.ephemeral = true;
    else if (!next) die(word);
    else {
      at++;
      if (strcmp(word, "--dir") == 0 && chdir(next) != 0) die(next);
      else if (strcmp(word, "--netns") == 0) options.netns = next;
      else if (strcmp(word, "--plan") == 0) options.plan = next;
      else if (strcmp(word, "--console") == 0) options.console = next;
      else if (strcmp(word, "--user") == 0) options.user = (uid_t)strtoul(next, NULL, 10);
      else if (strcmp(word, "--keeper") == 0) options.keeper = atoi(next);
      else if (strcmp(word, "--group") == 0 && options.group_count < 16) options.groups[options.group_count++] = next;
    }
  }
  return options;
}

static void enter_network(const struct options *options) {
  if (options->new_netns) {
    if (unshare(CLONE_NEWNET) != 0) die("new network namespace");
  } else if (options->netns) {
    int netns = open(options->netns, O_RDONLY | O_CLOEXEC);
    if (netns < 0 || setns(netns, CLONE_NEWNET) != 0) die(options->netns);
    close(netns);
  }
}

static int take_signals(void) {
  sigset_t signals;
  sigfillset(&signals);
  sigdelset(&signals, SIGSEGV);
  sigdelset(&signals, SIGBUS);
  sigdelset(&signals, SIGABRT);
  sigprocmask(SIG_SETMASK, &signals, NULL);
  return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void resize_guest(void) {
  struct winsize size;
  if (ioctl(0, TIOCGWINSZ, &size) == 0)
    to_guest_u32(FRAME_RESIZE, WORKLOAD, (uint32_t)size.ws_row | (uint32_t)size.ws_col << 16);
}

static void read_signals(void) {
  struct signalfd_siginfo info;
  while (read(relay.signals, &info, sizeof info) == sizeof info) {
    int number = (int)info.ssi_signo;
    if (number == SIGWINCH && relay.options.terminal) resize_guest();
    else if (number != SIGCHLD && number != SIGPIPE && number != SIGWINCH && relay.phase == RUNNING)
      to_guest_u32(FRAME_SIGNAL, WORKLOAD, (uint32_t)number);
  }
}

static void read_input(void) {
  uint8_t chunk[LIMIT_CHUNK];
  size_t room = relay.input_credit < sizeof chunk ? relay.input_credit : sizeof chunk;
  ssize_t got = read(relay.input, chunk, room);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got > 0) relay.input_credit -= (uint32_t)got;
  to_guest(FRAME_INPUT, WORKLOAD, chunk, got > 0 ? (size_t)got : 0);
  if (got <= 0) relay.input = -1;
}

static void flush_to(int *fd, struct bytes *bytes) {
  while (*fd >= 0 && bytes->size > 0) {
    ssize_t written = send(*fd, bytes->data, bytes->size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written < 0) return;
    bytes_drop(bytes, (size_t)written);
  }
}

/* The machine went away on its own: it was killed, or its kernel gave up. */
static void lose_machine(void) {
  if (relay.phase != OVER) end_machine(relay.guest_ended ? ENDED_ITSELF_CODE : LOST_CODE);
}

static void pass_deadline(void) {
  relay.deadline = 0;
  if (relay.phase == OVER) _exit(relay.exit_code);
  end_machine(relay.phase == FINISHING ? relay.exit_code : LOST_CODE);
}

static short wanted(const struct bytes *bytes) { return (short)(POLLIN | (bytes->size > 0 ? POLLOUT : 0)); }

static size_t fill_polled(struct pollfd *polled) {
  bool reads_input = relay.phase == RUNNING && relay.input_credit > 0 && relay.hold == 0;
  size_t count = 0;
  polled[count++] = (struct pollfd){.fd = relay.guest, .events = wanted(&relay.to_guest)};
  polled[count++] = (struct pollfd){.fd = relay.machine, .events = wanted(&relay.to_machine)};
  polled[count++] = (struct pollfd){.fd = relay.life, .events = POLLIN};
  polled[count++] = (struct pollfd){.fd = relay.control, .events = POLLIN};
  polled[count++] = (struct pollfd){.fd = relay.signals, .events = POLLIN};
  polled[count++] = (struct pollfd){.fd = reads_input ? relay.input : -1, .events = POLLIN};
  polled[count++] = (struct pollfd){.fd = relay.output.waiting.size ? relay.output.fd : -1, .events = POLLOUT};
  polled[count++] = (struct pollfd){.fd = relay.errors.waiting.size ? relay.errors.fd : -1, .events = POLLOUT};
  for (struct client *client = relay.clients; client && count < MAX_CLIENTS; client = client->next)
    polled[count++] = (struct pollfd){.fd = client->fd, .events = wanted(&client->out.waiting)};
  return count;
}

static void serve_clients(const struct pollfd *polled, size_t count) {
  for (struct client *client = relay.clients, *next; client; client = next) {
    next = client->next;
    for (size_t i = 8; i < count; i++) {
      if (polled[i].fd != client->fd || !polled[i].revents) continue;
      if (polled[i].revents & POLLOUT) pass_on(&client->out, client->stream);
      if (polled[i].revents & (POLLIN | POLLHUP | POLLERR)) read_client(client);
      break;
    }
  }
}

static int wait_time(void) {
  if (relay.deadline == 0) return -1;
  int64_t left = relay.deadline - now_ms();
  return left < 0 ? 0 : (int)left;
}

static bool all_said(void) {
  if (relay.output.waiting.size > 0 || relay.errors.waiting.size > 0) return false;
  for (struct client *client = relay.clients; client; client = client->next)
    if (client->out.waiting.size > 0) return false;
  return true;
}

static _Noreturn void serve(void) {
  static struct pollfd polled[MAX_CLIENTS + 8];
  for (;;) {
    size_t count = fill_polled(polled);
    if (relay.phase == OVER && all_said()) _exit(relay.exit_code);
    int ready = poll(polled, count, wait_time());
    if (relay.deadline && now_ms() >= relay.deadline) pass_deadline();
    if (ready <= 0) continue;
    if (polled[4].revents) read_signals();
    if (polled[5].revents) read_input();
    if (polled[6].revents) pass_on(&relay.output, WORKLOAD);
    if (polled[7].revents) pass_on(&relay.errors, WORKLOAD);
    if (polled[3].revents) accept_client();
    serve_clients(polled, count);
    if (polled[1].revents & (POLLIN | POLLHUP)) read_machine();
    if (polled[0].revents & (POLLIN | POLLHUP)) read_guest();
    if (polled[2].revents) lose_machine();
    flush_to(&relay.guest, &relay.to_guest);
    flush_to(&relay.machine, &relay.to_machine);
  }
}

static void set_nonblocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

int serve_main(int count, char **arguments) {
  complaints = COMPLAINTS_FD;
  relay.options = read_options(count, arguments);
  const struct options *options = &relay.options;
  prctl(PR_SET_NAME, "isle-relay");
  setsid();
  join_groups(options->groups, options->group_count);
  enter_network(options);
  relay.signals = take_signals();
  relay.verdict = open("verdict", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (options->terminal && options->console) open_console(options->console);
  relay.control = listen_unix("ctl");
  relay.life = connect_unix("life");
  relay.guest = connect_unix("guest");
  relay.machine = connect_unix("qmp");
  if (relay.control < 0 || relay.life < 0 || relay.guest < 0 || relay.machine < 0) die("sockets of the machine");
  /* The machine is this process's alone now, whoever kept it before. */
  if (write(relay.life, "o", 1) != 1) die("taking the machine");
  frame_reader_init(&relay.reader, LIMIT_MAX_FRAME);
  relay.output.fd = 1;
  relay.errors.fd = 2;
  relay.input_credit = LIMIT_WINDOW;
  relay.next_stream = WORKLOAD + 1;
  for (int fd = 1; fd < 3; fd++) set_nonblocking(fd);
  open_machine();
  if (write(READY_FD, "r", 1) == 1) close(READY_FD);
  serve();
}
