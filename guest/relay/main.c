#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "relay.h"

int complaints = 2;

void die(const char *what) {
  dprintf(complaints, "isle-relay: %s: %s\n", what, strerror(errno));
  exit(125);
}

static int unix_socket(const char *name, struct sockaddr_un *address) {
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  if (strlen(name) >= sizeof address->sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  strcpy(address->sun_path, name);
  return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

int connect_unix(const char *name) {
  struct sockaddr_un address;
  int socket = unix_socket(name, &address);
  if (socket < 0) return -1;
  if (connect(socket, (struct sockaddr *)&address, sizeof address) == 0) return socket;
  close(socket);
  return -1;
}

int listen_unix(const char *name) {
  struct sockaddr_un address;
  unlink(name);
  int socket = unix_socket(name, &address);
  if (socket < 0) return -1;
  if (bind(socket, (struct sockaddr *)&address, sizeof address) == 0 && listen(socket, 64) == 0) return socket;
  close(socket);
  return -1;
}

void join_groups(char *const *groups, size_t count) {
  for (size_t i = 0; i < count; i++) {
    char path[4096];
    snprintf(path, sizeof path, "%s/cgroup.procs", groups[i]);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0 || write(file, "0", 1) < 0) die(path);
    close(file);
  }
}

int main(int count, char **arguments) {
  if (count > 1 && strcmp(arguments[1], "keep") == 0) return keep_main(count - 2, arguments + 2);
  if (count > 1 && strcmp(arguments[1], "serve") == 0) return serve_main(count - 2, arguments + 2);
  if (count > 1 && strcmp(arguments[1], "counter") == 0) return counter_main();
  if (count > 1 && strcmp(arguments[1], "watch") == 0) return watch_main(count - 2, arguments + 2);
  if (count > 2 && strcmp(arguments[1], "share") == 0) return share_main(count - 2, arguments + 2);
  if (count > 4 && strcmp(arguments[1], "console") == 0) return console_main(arguments + 2);
  fprintf(stderr, "isle-relay belongs to isle-vm, which starts it\n");
  return 125;
}
