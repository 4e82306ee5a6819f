#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "relay.h"

#define MAX_OWNERS 8
#define MAX_GROUPS 16
#define NOBODY_CAME_MS 20000

struct order {
  uid_t user;
  bool with_kvm;
  char *groups[MAX_GROUPS];
  size_t group_count;
  char *const *walls; /* directories that QEMU sees, NULL-terminated */
  const char *writable; /* one more, or NULL */
  struct discards discards;
  char **command;
};

static void place(int fd, int number, const char *what) {
  if (fd < 0 || dup2(fd, number) < 0) die(what);
  if (fd != number) close(fd);
}

/* In memory, and only of what the file holds: most of it is holes. */
static int open_copy(const char *path) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  int copy = memfd_create("isle", 0);
  off_t size = file < 0 ? -1 : lseek(file, 0, SEEK_END);
  if (copy < 0 || size < 0 || ftruncate(copy, size) != 0) return -1;
  for (off_t start = 0, end = 0; (start = lseek(file, end, SEEK_DATA)) >= 0;) {
    end = lseek(file, start, SEEK_HOLE);
    if (end < 0 || lseek(copy, start, SEEK_SET) < 0) return -1;
    while (start < end)
      if (sendfile(copy, file, &start, (size_t)(end - start)) <= 0) return -1;
  }
  close(file);
  return copy;
}

/* In a network namespace of the keeper's own. */
static int new_tap(void) {
  static unsigned count;
  char name[16];
  if (count == 0 && unshare(CLONE_NEWNET) != 0) die("new network namespace");
  snprintf(name, sizeof name, TAP_PREFIX "%u", count++);
  return make_tap(name);
}

static int open_file(const char *mode, const char *path) {
  if (strcmp(mode, "copy") == 0) return open_copy(path);
  bool readonly = strcmp(mode, "ro") == 0;
  return open(path, readonly ? O_RDONLY : O_RDWR);
}

/* Opens as root what QEMU gets, at the numbers that its command line names. */
static struct order take_order(int count, char **arguments) {
  struct order order = {.user = 65534, .discards = {.listener = -1, .proc = -1}};
  int at = 0;
  for (; at < count && strcmp(arguments[at], "--") != 0;) {
    const char *word = arguments[at];
    int left = count - at;
    if (strcmp(word, "--dir") == 0 && left > 1) {
      if (chdir(arguments[at + 1]) != 0) die(arguments[at + 1]);
      at += 2;
    } else if (strcmp(word, "--user") == 0 && left > 1) {
      order.user = (uid_t)strtoul(arguments[at + 1], NULL, 10);
      at += 2;
    } else if (strcmp(word, "--kvm") == 0) {
      order.with_kvm = true;
      at += 1;
    } else if (strcmp(word, "--writable") == 0 && left > 1) {
      order.writable = arguments[at + 1];
      at += 2;
    } else if (strcmp(word, "--group") == 0 && left > 1 && order.group_count < MAX_GROUPS) {
      order.groups[order.group_count++] = arguments[at + 1];
      at += 2;
    } else if (strcmp(word, "--socket") == 0 && left > 2) {
      place(listen_unix(arguments[at + 2]), atoi(arguments[at + 1]), arguments[at + 2]);
      at += 3;
    } else if (strcmp(word, "--file") == 0 && left > 3) {
      place(open_file(arguments[at + 2], arguments[at + 3]), atoi(arguments[at + 1]), arguments[at + 3]);
      if (strcmp(arguments[at + 2], "mapped") == 0 && fstat(atoi(arguments[at + 1]), &order.discards.kept) == 0)
        order.discards.proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
      at += 4;
    } else if (strcmp(word, "--connect") == 0 && left > 2) {
      place(connect_unix(arguments[at + 2]), atoi(arguments[at + 1]), arguments[at + 2]);
      at += 3;
    } else if (strcmp(word, "--tap") == 0 && left > 1) {
      place(new_tap(), atoi(arguments[at + 1]), "tap");
      at += 2;
    } else {
      errno = EINVAL;
      die(word);
    }
  }
  if (at + 1 >= count) {
    errno = EINVAL;
    die("no command");
  }
  order.command = arguments + at + 1;
  return order;
}

static void as_user(const struct order *order) {
  if (setgroups(0, NULL) != 0) die("groups");
  if (setresgid(order->user, order->user, order->user) != 0) die("group");
  if (setresuid(order->user, order->user, order->user) != 0) die("user");
}

static _Noreturn void become_machine(const struct order *order, int keeper) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  enter_walls((const char *const[]){"/usr", "/lib", "/lib64", "/bin", NULL}, order->writable, order->with_kvm);
  pass_descriptor(keeper, order->discards.proc >= 0 ? watch_discards() : -1, "d");
  as_user(order);
  /* Given up with the change of user, and asked for again so that the end of the keeper is always heard. */
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_DUMPABLE, 1);
  execv(order->command[0], order->command);
  die(order->command[0]);
}

static pid_t start_machine(struct order *order) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) die("socket");
  if (unshare(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) != 0) die("new namespaces");
  pid_t machine = fork();
  if (machine < 0) die("fork");
  if (machine == 0) become_machine(order, ends[1]);
  close(ends[1]);
  order->discards.listener = take_descriptor(ends[0]);
  close(ends[0]);
  return machine;
}

/* One that says a word is the only owner from now on; one that ends is none. Returns how many are left. */
static int hear_owner(int owners[MAX_OWNERS], int count, int which) {
  char word;
  if (read(owners[which], &word, 1) != 1) {
    close(owners[which]);
    owners[which] = owners[count - 1];
    return count - 1;
  }
  int only = owners[which];
  for (int i = 0; i < count; i++)
    if (owners[i] != only) close(owners[i]);
  owners[0] = only;
  return 1;
}

/* Lives as long as somebody is connected: then the machine ends, whatever happened to its owner. */
static _Noreturn void keep(int life, pid_t machine, struct discards *discards) {
  int machine_end = (int)syscall(SYS_pidfd_open, machine, 0);
  int owners[MAX_OWNERS];
  int count = 0;
  bool owned = false;
  for (;;) {
    struct pollfd polled[MAX_OWNERS + 3] = {
        {.fd = life, .events = POLLIN}, {.fd = machine_end, .events = POLLIN}, {.fd = discards->listener, .events = POLLIN}};
    for (int i = 0; i < count; i++) polled[i + 3] = (struct pollfd){.fd = owners[i], .events = POLLIN};
    int ready = poll(polled, (nfds_t)count + 3, owned ? -1 : NOBODY_CAME_MS);
    if (ready < 0 && errno == EINTR) continue;
    if (polled[1].revents || ready == 0) break;
    if (polled[2].revents & POLLIN) answer_discard(discards);
    else if (polled[2].revents) discards->listener = -1;
    for (int i = count - 1; i >= 0; i--) {
      if (polled[i + 3].revents) count = hear_owner(owners, count, i);
      if (count == 1) break;
    }
    if (polled[0].revents) {
      int owner = accept4(life, NULL, NULL, SOCK_CLOEXEC);
      if (owner >= 0 && count < MAX_OWNERS) owners[count++] = owner;
      else if (owner >= 0) close(owner);
      owned = owned || count > 0;
    }
    if (owned && count == 0) break;
  }
  kill(machine, SIGKILL);
  waitpid(machine, NULL, 0);
  _exit(0);
}

/* Prints the numbers of keeper and machine once all sockets listen. */
int keep_main(int count, char **arguments) {
  struct order order = take_order(count, arguments);
  int life = listen_unix("life");
  if (life < 0) die("life");
  int log = open("machine.log", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (log < 0 || nothing < 0) die("machine.log");
  join_groups(order.groups, order.group_count);
  int told[2];
  if (pipe2(told, O_CLOEXEC) != 0) die("pipe");
  pid_t keeper = fork();
  if (keeper < 0) die("fork");
  if (keeper > 0) {
    pid_t machine = 0;
    close(told[1]);
    if (read(told[0], &machine, sizeof machine) != sizeof machine) return 125;
    printf("%d %d\n", keeper, machine);
    return 0;
  }
  setsid();
  dup2(nothing, 0);
  dup2(log, 1);
  dup2(log, 2);
  pid_t machine = start_machine(&order);
  if (write(told[1], &machine, sizeof machine) < 0) die("pipe");
  close(told[1]);
  prctl(PR_SET_NAME, "isle-keeper");
  for (int fd = 10; fd < 64; fd++)
    if (fd != life && fd != order.discards.listener && fd != order.discards.proc) close(fd);
  keep(life, machine, &order.discards);
}
