#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent.h"

_Noreturn void child_fail(const struct child *child, int error, const char *format, const char *what) {
  uint8_t said[1024] = {'E'};
  memcpy(said + 1, &error, sizeof error);
  int length = snprintf((char *)said + 5, sizeof said - 5, format, what);
  if (length > (int)sizeof said - 6) length = (int)sizeof said - 6;
  snprintf((char *)said + 5 + length, sizeof said - 5 - (size_t)length, ": %s", strerror(error));
  send(child->report, said, 5 + strlen((char *)said + 5), MSG_NOSIGNAL);
  _exit(1);
}

void child_give(const struct child *child, char kind, int fd) {
  char control[CMSG_SPACE(sizeof(int))] = {0};
  struct iovec part = {&kind, 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &fd, sizeof(int));
  sendmsg(child->report, &message, MSG_NOSIGNAL);
}

static void join_workload(const struct child *child) {
  static const char *const kinds[] = {"ipc", "uts", "cgroup", "mnt"};
  int spaces[4];
  for (int i = 0; i < 4; i++) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/%s", child->workload, kinds[i]);
    spaces[i] = open(path, O_RDONLY | O_CLOEXEC);
  }
  char root[64];
  snprintf(root, sizeof root, "/proc/%d/root", child->workload);
  int top = open(root, O_PATH | O_CLOEXEC);
  for (int i = 0; i < 4; i++) {
    if (spaces[i] < 0 || setns(spaces[i], 0) != 0) child_fail(child, errno, "joining its %s namespace", kinds[i]);
  }
  if (top < 0 || fchdir(top) != 0 || chroot(".") != 0) child_fail(child, errno, "entering its %s", "root");
}

static void set_sysctl(const struct child *child, const struct field *field) {
  char *text = field_text(field);
  char *equals = text ? strchr(text, '=') : NULL;
  if (!equals) return;
  *equals = 0;
  char path[512];
  size_t start = (size_t)snprintf(path, sizeof path, "/proc/sys/");
  snprintf(path + start, sizeof path - start, "%s", text);
  for (char *at = path + start; *at; at++)
    if (*at == '.') *at = '/';
  int error = strstr(path, "..") ? EINVAL : write_text(path, equals + 1);
  if (error) child_fail(child, error, "setting sysctl %s", text);
  free(text);
}

static void make_container(const struct child *child) {
  struct field field;
  size_t offset = 0;
  while (field_next(child->payload, child->size, &offset, &field) == 1) {
    if (field.tag == FIELD_UNSHARE && (field_u32(&field, 0) & CLONE_NEWCGROUP)) unshare(CLONE_NEWCGROUP);
    if (field.tag == FIELD_HOSTNAME) sethostname((const char *)field.value, field.size);
    if (field.tag == FIELD_SYSCTL) set_sysctl(child, &field);
  }
  mount_all(child);
}

/* A terminal of the container's own devpts; its other side goes to the agent. */
static void open_terminal(const struct child *child, const struct field *size) {
  int ptmx = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (ptmx < 0) ptmx = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
  int unlocked = 0;
  if (ptmx < 0 || ioctl(ptmx, TIOCSPTLCK, &unlocked) != 0) child_fail(child, errno, "opening a %s", "terminal");
  uint32_t both = field_u32(size, 0);
  struct winsize shape = {.ws_row = (uint16_t)both, .ws_col = (uint16_t)(both >> 16)};
  if (shape.ws_row > 0) ioctl(ptmx, TIOCSWINSZ, &shape);
  int slave = ioctl(ptmx, TIOCGPTPEER, O_RDWR | O_NOCTTY);
  if (slave < 0) child_fail(child, errno, "opening a %s", "terminal");
  if (!child->is_exec) {
    char path[32];
    unsigned number = 0;
    ioctl(ptmx, TIOCGPTN, &number);
    snprintf(path, sizeof path, "/dev/pts/%u", number);
    int made = open("/dev/console", O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (made >= 0) close(made);
    mount(path, "/dev/console", NULL, MS_BIND, NULL);
  }
  setsid();
  ioctl(slave, TIOCSCTTY, 0);
  child_give(child, 'T', ptmx);
  for (int fd = 0; fd < 3; fd++) dup2(slave, fd);
  if (slave > 2) close(slave);
}

static void take_streams(const struct child *child) {
  struct field field;
  size_t offset = 0;
  if (!child->terminal) {
    setsid();
    dup2(child->input, 0);
    dup2(child->output, 1);
    dup2(child->errors, 2);
    return;
  }
  while (field_next(child->payload, child->size, &offset, &field) == 1) {
    if (field.tag == FIELD_TERMINAL) open_terminal(child, &field);
  }
}

void child_main(const struct child *child) {
  char go;
  while (read(child->go, &go, 1) < 0 && errno == EINTR) {}
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL);
  umask(0);
  if (child->is_files) files_main(child);
  if (child->is_exec) join_workload(child);
  else make_container(child);
  take_streams(child);
  take_identity(child);
  execute(child);
}
