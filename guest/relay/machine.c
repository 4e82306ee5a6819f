#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay.h"
#include "serve.h"

#define MOST_ASKED 64
#define MOST_SAID (1u << 20)

/* Who waits for which answer, in the order of the questions. */
static struct client *askers[MOST_ASKED];
static size_t asked;

void ask_machine(const char *line, struct client *client) {
  if (asked >= MOST_ASKED || relay.machine < 0) return;
  bytes_add(&relay.to_machine, line, strlen(line));
  bytes_add(&relay.to_machine, "\n", 1);
  if (client) client->wants_machine = true;
  askers[asked++] = client;
}

/* What the machine is told first stands in a file, a line each. */
void open_machine(void) {
  ask_machine("{\"execute\":\"qmp_capabilities\"}", NULL);
  int file = open("machine.first", O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  static char text[65536];
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  char *rest = text;
  text[length > 0 ? length : 0] = 0;
  for (char *line; (line = strsep(&rest, "\n"));) {
    if (*line) ask_machine(line, NULL);
  }
}

static bool is_listed(const struct client *wanted) {
  for (struct client *client = relay.clients; client; client = client->next)
    if (client == wanted) return true;
  return false;
}

static void handle_line(const char *line) {
  bool failed = strstr(line, "\"error\"") != NULL;
  if (strstr(line, "\"event\": \"SHUTDOWN\"")) relay.guest_ended = true;
  if (strstr(line, "\"event\"") || (!failed && !strstr(line, "\"return\""))) return;
  if (asked == 0) return;
  struct client *client = askers[0];
  memmove(askers, askers + 1, --asked * sizeof askers[0]);
  if (!client && failed) dprintf(complaints, "the machine refused: %s\n", line);
  if (!client || !is_listed(client) || !client->wants_machine) return;
  client->wants_machine = false;
  size_t length = strlen(line);
  if (client->wants_words && length <= LIMIT_MAX_FRAME) {
    tell_client(client, FRAME_DATA, line, length);
    return tell_client(client, FRAME_DONE, NULL, 0);
  }
  tell_client(client, failed ? FRAME_FAILED : FRAME_DONE, "\5\0\0\0the machine refused", failed ? 23 : 0);
}

void read_machine(void) {
  char chunk[16384];
  ssize_t got = recv(relay.machine, chunk, sizeof chunk, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0 || relay.from_machine.size > MOST_SAID) {
    close(relay.machine);
    relay.machine = -1;
    return;
  }
  bytes_add(&relay.from_machine, chunk, (size_t)got);
  for (uint8_t *end; (end = memchr(relay.from_machine.data, '\n', relay.from_machine.size));) {
    *end = 0;
    handle_line((const char *)relay.from_machine.data);
    bytes_drop(&relay.from_machine, (size_t)(end - relay.from_machine.data) + 1);
    if (relay.from_machine.size == 0) break;
  }
}
