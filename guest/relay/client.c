#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay.h"
#include "serve.h"

#define KILL_SIGNAL 9
#define KILL_PATIENCE_MS 3000
#define START_PATIENCE_MS 120000

struct client *client_of(uint32_t stream) {
  struct client *client = relay.clients;
  while (client && client->stream != stream) client = client->next;
  return client;
}

struct client *starting_client(void) {
  struct client *client = relay.clients;
  while (client && !client->wants_start) client = client->next;
  return client;
}

void tell_client(struct client *client, uint16_t type, const void *payload, size_t size) {
  bytes_frame(&client->out.waiting, type, 0, payload, size);
  pass_on(&client->out, client->stream);
}

static void refuse(struct client *client, int error, const char *text) {
  uint8_t packet[256];
  size_t length = strnlen(text, sizeof packet - 4);
  for (int i = 0; i < 4; i++) packet[i] = (uint8_t)(error >> (8 * i));
  memcpy(packet + 4, text, length);
  tell_client(client, FRAME_FAILED, packet, 4 + length);
}

void accept_client(void) {
  int fd = accept4(relay.control, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  size_t count = 0;
  for (struct client *client = relay.clients; client; client = client->next) count++;
  struct client *client = count < MAX_CLIENTS - 8 ? calloc(1, sizeof *client) : NULL;
  if (!client) {
    close(fd);
    return;
  }
  client->fd = client->out.fd = fd;
  frame_reader_init(&client->reader, LIMIT_MAX_REQUEST);
  client->next = relay.clients;
  relay.clients = client;
}

/* A command whose client went away goes on without it, as if its output went nowhere. */
void drop_client(struct client *gone) {
  struct client **at = &relay.clients;
  while (*at != gone) at = &(*at)->next;
  *at = gone->next;
  close(gone->fd);
  if (gone->stream) to_guest(FRAME_INPUT, gone->stream, NULL, 0);
  frame_reader_free(&gone->reader);
  bytes_free(&gone->out.waiting);
  free(gone);
}

static void request(struct client *client, const struct frame *frame) {
  if (client->stream) return refuse(client, EBUSY, "one request a connection");
  if (relay.phase != RUNNING) return refuse(client, ESRCH, "container is not running");
  client->stream = relay.next_stream++;
  to_guest(frame->type, client->stream, frame->payload, frame->size);
}

static void start(struct client *client) {
  if (relay.phase != CREATED) return refuse(client, EBUSY, "container is started already");
  client->wants_start = true;
  after_deadline(START_PATIENCE_MS);
  if (begin_workload()) return;
  int error = errno;
  char text[160];
  const char *reason = error == ENODEV ? "there are more interfaces than the machine has (annotation isle.vm.networks)"
                                       : strerror(error);
  snprintf(text, sizeof text, "cannot join its network: %s", reason);
  client->wants_start = false;
  refuse(client, error, text);
  end_machine(128);
}

/* A workload that does not end by SIGKILL is ended with its machine. */
static void pass_signal(struct client *client, const struct frame *frame) {
  struct field whole = {.size = frame->size, .value = frame->payload};
  uint32_t number = field_u32(&whole, 0);
  if (!client->stream && number == KILL_SIGNAL) {
    if (relay.phase != RUNNING) end_machine(128 + KILL_SIGNAL);
    else after_deadline(KILL_PATIENCE_MS);
  }
  to_guest_u32(FRAME_SIGNAL, client->stream ? client->stream : WORKLOAD, number);
  if (!client->stream) tell_client(client, FRAME_DONE, NULL, 0);
}

static void hold(struct client *client) {
  if (client->stream || relay.hold) return refuse(client, EBUSY, "it stands still already");
  if (relay.phase != RUNNING) return refuse(client, ESRCH, "container is not running");
  hold_guest(client);
}

static void ask(struct client *client, const struct frame *frame) {
  struct field whole = {.size = frame->size, .value = frame->payload};
  char *line = field_text(&whole);
  if (!line || strchr(line, '\n')) refuse(client, EINVAL, "one line for the machine");
  else {
    client->wants_words = true;
    ask_machine(line, client);
  }
  free(line);
}

static void handle(struct client *client, const struct frame *frame) {
  uint32_t stream = client->stream ? client->stream : WORKLOAD;
  switch (frame->type) {
    case FRAME_START: start(client); break;
    case FRAME_EXEC:
    case FRAME_PROCESSES:
    case FRAME_FILES:
    case FRAME_CHANGED:
    case FRAME_UPDATE: request(client, frame); break;
    case FRAME_SIGNAL: pass_signal(client, frame); break;
    case FRAME_INPUT:
    case FRAME_RESIZE: to_guest(frame->type, stream, frame->payload, frame->size); break;
    case FRAME_PAUSE: ask_machine("{\"execute\":\"stop\"}", client); break;
    case FRAME_RESUME:
      ask_machine("{\"execute\":\"cont\"}", client);
      wake_guest();
      break;
    case FRAME_HOLD: hold(client); break;
    case FRAME_ASK: ask(client, frame); break;
    case FRAME_LEAVE: end_machine(0); break;
    default: refuse(client, EINVAL, "unknown request"); break;
  }
}

void read_client(struct client *client) {
  size_t room;
  uint8_t *into = frame_room(&client->reader, &room);
  ssize_t got = into ? recv(client->fd, into, room, MSG_DONTWAIT) : -1;
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return drop_client(client);
  frame_filled(&client->reader, (size_t)got);
  struct frame frame;
  int state;
  while ((state = frame_next(&client->reader, &frame)) == 1) handle(client, &frame);
  if (state < 0) drop_client(client);
}
