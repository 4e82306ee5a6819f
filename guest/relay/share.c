#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "relay.h"

#define TREE "tree"
#define SOCKET_FD 10

/* A read-only bind is read-only here too: the guest is not asked to keep to it. */
static void add(unsigned number, const char *mode, const char *path) {
  char target[64];
  struct stat kind;
  snprintf(target, sizeof target, TREE "/%u", number);
  if (stat(path, &kind) != 0) die(path);
  if (S_ISDIR(kind.st_mode)) mkdir(target, 0700);
  else close(open(target, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  if (mount(path, target, NULL, MS_BIND | MS_REC, NULL) != 0) die(path);
  /* Only a bind that asks for it sees what the host mounts below it later. */
  if (!strstr(mode, "slave") && mount(NULL, target, NULL, MS_REC | MS_PRIVATE, NULL) != 0) die(target);
  if (strncmp(mode, "ro", 2) != 0) return;
  struct mount_attr readonly = {.attr_set = MOUNT_ATTR_RDONLY};
  if (syscall(SYS_mount_setattr, AT_FDCWD, target, AT_RECURSIVE, &readonly, sizeof readonly) != 0) die(target);
}

/* The tree is mounted where only the server sees it; mounts that the host adds below a bind later show up in it. */
static void make_tree(char **binds, int count) {
  if (unshare(CLONE_NEWNS) != 0) die("new mount namespace");
  if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) != 0) die("own mounts");
  mkdir(TREE, 0700);
  if (mount("isle", TREE, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=1m") != 0) die("shared tree");
  for (int i = 0; i < count; i++) add((unsigned)i, binds[2 * i], binds[2 * i + 1]);
}

/* share --dir DIR [--group GROUP]... [--bind MODE PATH]... -- SERVER ARGUMENTS: prints the server's number. */
int share_main(int count, char **arguments) {
  char *groups[16], *binds[512];
  size_t group_count = 0;
  int bind_count = 0, at = 0;
  while (at < count && strcmp(arguments[at], "--") != 0) {
    if (strcmp(arguments[at], "--dir") == 0 && at + 1 < count) {
      if (chdir(arguments[at + 1]) != 0) die(arguments[at + 1]);
      at += 2;
    } else if (strcmp(arguments[at], "--group") == 0 && at + 1 < count && group_count < 16) {
      groups[group_count++] = arguments[at + 1];
      at += 2;
    } else if (strcmp(arguments[at], "--bind") == 0 && at + 2 < count && bind_count < 256) {
      binds[2 * bind_count] = arguments[at + 1];
      binds[2 * bind_count++ + 1] = arguments[at + 2];
      at += 3;
    } else {
      errno = EINVAL;
      die(arguments[at]);
    }
  }
  join_groups(groups, group_count);
  int socket = listen_unix("shares");
  if (socket < 0 || dup2(socket, SOCKET_FD) < 0) die("shares");
  make_tree(binds, bind_count);
  int log = open("shares.log", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  pid_t server = fork();
  if (server < 0 || log < 0 || nothing < 0) die("starting the server");
  if (server > 0) {
    printf("%d\n", server);
    return 0;
  }
  setsid();
  dup2(nothing, 0);
  dup2(log, 1);
  dup2(log, 2);
  execv(arguments[at + 1], arguments + at + 1);
  die(arguments[at + 1]);
}
