#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"

#define MAX_POLLED 512

static void answer_setup(const struct frame *frame) {
  const char *problem = "";
  int error = apply_setup(frame->payload, frame->size, &problem);
  if (error == 0) {
    port_send(FRAME_DONE, frame->stream, NULL, 0);
    return;
  }
  char text[512];
  snprintf(text, sizeof text, "%s: %s", problem, strerror(error));
  port_fail(frame->stream, error, text);
}

static void handle(const struct frame *frame) {
  struct field whole = {.size = frame->size, .value = frame->payload};
  switch (frame->type) {
    case FRAME_SETUP: answer_setup(frame); break;
    case FRAME_RUN: process_run(frame->stream, frame->payload, frame->size); break;
    case FRAME_EXEC: process_exec(frame->stream, frame->payload, frame->size); break;
    case FRAME_INPUT: process_input(frame); break;
    case FRAME_CREDIT: process_credit(frame->stream, field_u32(&whole, 0)); break;
    case FRAME_SIGNAL: process_signal(frame->stream, (int)field_u32(&whole, 0)); break;
    case FRAME_RESIZE: {
      uint32_t both = field_u32(&whole, 0);
      process_resize(frame->stream, (uint16_t)both, (uint16_t)(both >> 16));
      break;
    }
    case FRAME_HOLD: hold(frame->stream); break;
    case FRAME_WAKE: wake(frame->stream, frame->payload, frame->size); break;
    case FRAME_REHEARSE: rehearse(frame->stream, frame->payload, frame->size); break;
    case FRAME_FILES: process_files(frame->stream, frame->payload, frame->size); break;
    case FRAME_UPDATE:
      group_prepare(frame->payload, frame->size);
      port_send(FRAME_DONE, frame->stream, NULL, 0);
      break;
    case FRAME_CHANGED: tell_changes(frame->stream, frame->payload, frame->size); break;
    case FRAME_PROCESSES: process_list(frame->stream); break;
    case FRAME_FINISH:
      finish_disk();
      port_send(FRAME_DONE, frame->stream, NULL, 0);
      break;
    default: break;
  }
}

/* Without a host at the other end the port reads as ended and polls as hung up, so it is looked at by the clock. */
static void read_port(struct frame_reader *reader, short events) {
  if (events & POLLIN) {
    size_t room;
    uint8_t *into = frame_room(reader, &room);
    ssize_t got = into ? read(port, into, room) : -1;
    if (got > 0) {
      frame_filled(reader, (size_t)got);
      struct frame frame;
      int state;
      while ((state = frame_next(reader, &frame)) == 1) handle(&frame);
      if (state == 0) return;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  }
  if (events & POLLHUP) {
    /* A host that went away may have left half a frame. */
    reader->start = reader->end = 0;
    usleep(2000);
  }
}

static _Noreturn void serve(int signals) {
  struct frame_reader reader;
  frame_reader_init(&reader, LIMIT_MAX_REQUEST);
  static struct pollfd polled[MAX_POLLED];
  for (;;) {
    polled[0] = (struct pollfd){.fd = port, .events = POLLIN};
    polled[1] = (struct pollfd){.fd = signals, .events = POLLIN};
    bool still = is_held();
    /* Signals wait too: their news would be more than the host expects. */
    if (still) polled[1].fd = -1;
    size_t count = 2 + (still ? 0 : process_poll(polled + 2, MAX_POLLED - 2));
    if (poll(polled, count, -1) < 0) continue;
    if (polled[1].revents) {
      struct signalfd_siginfo info;
      while (read(signals, &info, sizeof info) > 0) {}
    }
    if (!still) process_ready(polled + 2, count - 2);
    if (polled[1].revents) process_reap();
    if (polled[0].revents) read_port(&reader, polled[0].revents);
  }
}

int main(int count, char **arguments) {
  if (count > 0 && strcmp(arguments[0], REHEARSAL) == 0) return 0;
  umask(0);
  boot_mounts();
  int console = open("/dev/console", O_RDWR | O_NOCTTY);
  for (int fd = 0; console >= 0 && fd < 3; fd++) dup2(console, fd);
  if (console > 2) close(console);
  boot_modules();
  boot_new_root();
  net_loopback();
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  sigprocmask(SIG_BLOCK, &children, NULL);
  signal(SIGPIPE, SIG_IGN);
  int signals = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
  for (int tries = 0; port < 0 && tries < 1000; tries++) {
    port = open_port();
    if (port < 0) usleep(5000);
  }
  if (port < 0) {
    fprintf(stderr, "isle: no port to the host\n");
    reboot(RB_AUTOBOOT);
  }
  port_send_u32(FRAME_HELLO, 0, LIMIT_PROTOCOL_VERSION);
  serve(signals);
}
