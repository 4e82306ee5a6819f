#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "relay.h"

#define SOCKET_FD 10
#define MOST_BINDS 256

const char *shared_tree;

/* A read-only bind is read-only here too: the guest is not asked to keep to it. */
static void add(unsigned number, const char *mode, const char *path) {
  char target[PATH_BYTES];
  struct stat kind;
  snprintf(target, sizeof target, "%s/%u", shared_tree, number);
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
  if (mount("isle", shared_tree, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=1m") != 0) die("shared tree");
  for (int i = 0; i < count; i++) add((unsigned)i, binds[2 * i], binds[2 * i + 1]);
}

/* A file system of processes can be mounted without rights over the machine where nothing covers a part of one. */
static bool may_mount_proc(void) {
  FILE *mounts = fopen("/proc/self/mountinfo", "re");
  char line[4096], path[4096];
  bool covered = false;
  while (mounts && !covered && fgets(line, sizeof line, mounts))
    covered = sscanf(line, "%*s %*s %*s %*s %4095s", path) == 1 && strncmp(path, "/proc/", 6) == 0 &&
              strcmp(path, "/proc/sys/fs/binfmt_misc") != 0 && strcmp(path, "/proc/fs/nfsd") != 0;
  if (mounts) fclose(mounts);
  return mounts && !covered;
}

static void map_all(pid_t process, const char *name) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", process, name);
  int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0 || write(file, "0 0 4294967295", 14) != 14) die(path);
  close(file);
}

/*
 * The server makes files for everybody whom the guest knows, but in a user namespace of its own: over the machine itself
 * it has no rights. `ready` tells this, `mapped` is answered.
 */
static void give_up_machine(int ready, int mapped) {
  char word;
  if (may_mount_proc() && unshare(CLONE_NEWUSER) == 0 && write(ready, "u", 1) == 1 && read(mapped, &word, 1) != 1)
    die("user namespace");
  close(ready);
}

/* 0 in the child, which has given up its rights. */
static pid_t fork_confined(void) {
  int log = open("shares.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  int ready[2], mapped[2];
  if (log < 0 || nothing < 0 || pipe2(ready, O_CLOEXEC) != 0 || pipe2(mapped, O_CLOEXEC) != 0) die("starting the server");
  pid_t server = fork();
  if (server < 0) die("starting the server");
  if (server == 0) {
    setsid();
    dup2(nothing, 0);
    dup2(log, 1);
    dup2(log, 2);
    give_up_machine(ready[1], mapped[0]);
    return 0;
  }
  close(log);
  close(nothing);
  close(mapped[0]);
  close(ready[1]);
  char word;
  if (read(ready[0], &word, 1) == 1) {
    map_all(server, "uid_map");
    map_all(server, "gid_map");
    if (write(mapped[1], "m", 1) != 1) die("user namespace");
  }
  close(ready[0]);
  close(mapped[1]);
  return server;
}

static pid_t start_server(char **command) {
  struct rlimit most = {.rlim_cur = 1000000, .rlim_max = 1000000};
  setrlimit(RLIMIT_NOFILE, &most);
  pid_t server = fork_confined();
  if (server != 0) return server;
  execv(command[0], command);
  die(command[0]);
}

/* Directories that only the host writes need nobody to watch them: the guest could not be made to notice. */
static pid_t start_watcher(char **binds, int count, pid_t server) {
  static char names[MOST_BINDS][16];
  const char *watched[MOST_BINDS];
  size_t watched_count = 0;
  struct stat kind;
  for (int i = 0; i < count; i++) {
    if (strncmp(binds[2 * i], "rw", 2) != 0 || stat(binds[2 * i + 1], &kind) != 0 || !S_ISDIR(kind.st_mode)) continue;
    snprintf(names[watched_count], sizeof names[0], "%d", i);
    watched[watched_count] = names[watched_count];
    watched_count++;
  }
  if (watched_count == 0) return 0;
  open_notices();
  pid_t watcher = fork_confined();
  if (watcher != 0) return watcher;
  prctl(PR_SET_NAME, "isle-watch");
  watch_tree(watched, watched_count, server);
  _exit(0);
}

/* share --dir DIR --tree DIR [--group GROUP]... [--bind MODE PATH]... -- SERVER ARGUMENTS: prints the numbers of server and watcher. */
int share_main(int count, char **arguments) {
  char *groups[16], *binds[2 * MOST_BINDS];
  size_t group_count = 0;
  int bind_count = 0, at = 0;
  while (at < count && strcmp(arguments[at], "--") != 0) {
    if (strcmp(arguments[at], "--dir") == 0 && at + 1 < count) {
      if (chdir(arguments[at + 1]) != 0) die(arguments[at + 1]);
      at += 2;
    } else if (strcmp(arguments[at], "--tree") == 0 && at + 1 < count) {
      shared_tree = arguments[at + 1];
      at += 2;
    } else if (strcmp(arguments[at], "--group") == 0 && at + 1 < count && group_count < 16) {
      groups[group_count++] = arguments[at + 1];
      at += 2;
    } else if (strcmp(arguments[at], "--bind") == 0 && at + 2 < count && bind_count < MOST_BINDS) {
      binds[2 * bind_count] = arguments[at + 1];
      binds[2 * bind_count++ + 1] = arguments[at + 2];
      at += 3;
    } else {
      errno = EINVAL;
      die(arguments[at]);
    }
  }
  join_groups(groups, group_count);
  unlink("shares.log");
  int socket = listen_unix("shares");
  if (socket < 0 || dup2(socket, SOCKET_FD) < 0) die("shares");
  make_tree(binds, bind_count);
  pid_t server = start_server(arguments + at + 1);
  close(socket);
  close(SOCKET_FD);
  printf("%d %d\n", server, start_watcher(binds, bind_count, server));
  return 0;
}
