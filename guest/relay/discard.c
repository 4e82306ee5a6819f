#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/falloc.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "relay.h"

/*
 * A guest gives memory back that it does not need, and QEMU then takes the pages out of the file that the memory is
 * mapped from, also where only its own copy of them is meant. Other machines are mapped from that file: it must stay as
 * it is. So whoever punches holes is asked about: of the shared file nothing is taken, and QEMU goes on to give
 * back its own copy; a disk may lose blocks.
 */
#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#else
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))

int watch_discards(void) {
  struct sock_filter filter[] = {
      LOAD(arch),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 0, 5),
      LOAD(nr),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fallocate, 0, 3),
      LOAD(args[1]),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, FALLOC_FL_PUNCH_HOLE, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {.len = sizeof filter / sizeof filter[0], .filter = filter};
  return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

static bool is_kept(const struct discards *discards, pid_t asker, int number) {
  char path[64];
  struct stat file;
  snprintf(path, sizeof path, "%d/fd/%d", asker, number);
  if (fstatat(discards->proc, path, &file, 0) != 0) return false;
  return file.st_dev == discards->kept.st_dev && file.st_ino == discards->kept.st_ino;
}

void answer_discard(const struct discards *discards) {
  struct seccomp_notif asked;
  memset(&asked, 0, sizeof asked);
  if (ioctl(discards->listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0) return;
  bool keep = is_kept(discards, (pid_t)asked.pid, (int)asked.data.args[0]);
  struct seccomp_notif_resp answer = {.id = asked.id, .flags = keep ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE};
  ioctl(discards->listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

bool pass_descriptor(int socket, int fd, const char *name) {
  char control[CMSG_SPACE(sizeof(int))] = {0};
  struct iovec part = {(void *)name, strlen(name)};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (fd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof(int));
  }
  return sendmsg(socket, &message, MSG_NOSIGNAL) >= 0;
}

int take_descriptor(int socket) {
  char control[CMSG_SPACE(sizeof(int))], byte;
  struct iovec part = {&byte, 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  int fd = -1;
  if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1) return -1;
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header && header->cmsg_type == SCM_RIGHTS) memcpy(&fd, CMSG_DATA(header), sizeof(int));
  return fd;
}
