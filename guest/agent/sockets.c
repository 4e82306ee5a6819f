#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent.h"

#define MOST_CONNECTIONS 64
/* A workload that does not read what it asked for is let go. */
#define MOST_QUEUED (1u << 20)

/* One that the workload made; the host knows it by its number. */
struct connection {
  struct connection *next;
  uint32_t number;
  int fd;
  bool said_all, heard_all; /* the workload has, and the host has */
  struct bytes queued;      /* for the workload */
};

static struct connection *connections;
static uint32_t last_number;

static void say(uint16_t type, uint32_t number, const void *payload, size_t size) {
  uint8_t packet[HEADER_BYTES + LIMIT_CHUNK];
  frame_header(packet, type, number, (uint32_t)size);
  if (size > 0) memcpy(packet + HEADER_BYTES, payload, size);
  for (size_t at = 0; at < HEADER_BYTES + size;) {
    ssize_t written = write(1, packet + at, HEADER_BYTES + size - at);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) _exit(0);
    at += (size_t)written;
  }
}

static void drop(struct connection *gone) {
  struct connection **at = &connections;
  while (*at != gone) at = &(*at)->next;
  *at = gone->next;
  close(gone->fd);
  bytes_free(&gone->queued);
  free(gone);
}

static void give_up(struct connection *connection) {
  say(FRAME_EXITED, connection->number, NULL, 0);
  drop(connection);
}

static void take_connection(uint32_t socket) {
  int fd = accept4(sockets[socket], NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  struct connection *connection = fd < 0 ? NULL : calloc(1, sizeof *connection);
  if (!connection) {
    if (fd >= 0) close(fd);
    return;
  }
  connection->fd = fd;
  connection->number = ++last_number;
  connection->next = connections;
  connections = connection;
  uint8_t index[4] = {(uint8_t)socket};
  say(FRAME_STARTED, connection->number, index, sizeof index);
}

static void hear_workload(struct connection *connection) {
  uint8_t chunk[LIMIT_CHUNK];
  ssize_t got = read(connection->fd, chunk, sizeof chunk);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got < 0) return give_up(connection);
  say(FRAME_OUTPUT, connection->number, chunk, (size_t)got);
  if (got > 0) return;
  connection->said_all = true;
  if (connection->heard_all && connection->queued.size == 0) drop(connection);
}

static void tell_workload(struct connection *connection) {
  while (connection->queued.size > 0) {
    ssize_t written = send(connection->fd, connection->queued.data, connection->queued.size, MSG_NOSIGNAL);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) return;
    if (written < 0) return give_up(connection);
    bytes_drop(&connection->queued, (size_t)written);
  }
  if (!connection->heard_all) return;
  shutdown(connection->fd, SHUT_WR);
  if (connection->said_all) drop(connection);
}

static void hear_host(const struct frame *frame) {
  struct connection *connection = connections;
  while (connection && connection->number != frame->stream) connection = connection->next;
  if (!connection) return;
  if (frame->type == FRAME_EXITED) return drop(connection);
  if (frame->type != FRAME_INPUT) return;
  if (frame->size == 0) connection->heard_all = true;
  else if (connection->queued.size + frame->size > MOST_QUEUED) return give_up(connection);
  else bytes_add(&connection->queued, frame->payload, frame->size);
  tell_workload(connection);
}

static void read_host(struct frame_reader *reader) {
  size_t room;
  uint8_t *into = frame_room(reader, &room);
  ssize_t got = into ? read(0, into, room) : 0;
  if (got < 0 && errno == EINTR) return;
  if (got <= 0) _exit(0);
  frame_filled(reader, (size_t)got);
  struct frame frame;
  int state;
  while ((state = frame_next(reader, &frame)) == 1) hear_host(&frame);
  if (state < 0) _exit(EBADMSG);
}

static short awaited(const struct connection *connection) {
  return (short)((connection->said_all ? 0 : POLLIN) | (connection->queued.size > 0 ? POLLOUT : 0));
}

void serve_sockets(void) {
  struct frame_reader reader;
  frame_reader_init(&reader, LIMIT_MAX_REQUEST);
  for (;;) {
    struct pollfd polled[1 + MOST_SOCKETS + MOST_CONNECTIONS];
    struct connection *served[MOST_CONNECTIONS];
    size_t count = 0;
    for (struct connection *at = connections; at; at = at->next) served[count++] = at;
    bool full = count == MOST_CONNECTIONS;
    polled[0] = (struct pollfd){.fd = 0, .events = POLLIN};
    for (size_t i = 0; i < socket_count; i++)
      polled[1 + i] = (struct pollfd){.fd = full ? -1 : sockets[i], .events = POLLIN};
    struct pollfd *theirs = polled + 1 + socket_count;
    for (size_t i = 0; i < count; i++) theirs[i] = (struct pollfd){.fd = served[i]->fd, .events = awaited(served[i])};
    if (poll(polled, 1 + socket_count + count, -1) < 0) continue;
    /* One that ended both ways is heard no more: its hang-up would be told for ever. */
    for (size_t i = 0; i < count; i++) {
      if (theirs[i].revents & POLLOUT) tell_workload(served[i]);
      else if (theirs[i].revents & POLLIN) hear_workload(served[i]);
      else if (theirs[i].revents) give_up(served[i]);
    }
    for (uint32_t i = 0; i < socket_count && !full; i++)
      if (polled[1 + i].revents) {
        take_connection(i);
        break;
      }
    if (polled[0].revents) read_host(&reader);
  }
}
