#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent.h"

/*
 * A time of change that is set to what it is makes the kernel tell those who watch the file that it changed, and look
 * at its attributes anew. False when it is not there.
 */
static bool touch(int tree, const char *path) {
  struct open_how how = {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
                         .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
  int file = (int)syscall(SYS_openat2, tree, path, &how, sizeof how);
  if (file < 0) return false;
  struct statx now;
  char self[32];
  snprintf(self, sizeof self, "/proc/self/fd/%d", file);
  bool there = statx(file, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, STATX_MTIME | STATX_TYPE | STATX_NLINK, &now) == 0;
  if (there && !S_ISLNK(now.stx_mode)) {
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                {.tv_sec = now.stx_mtime.tv_sec, .tv_nsec = now.stx_mtime.tv_nsec}};
    utimensat(AT_FDCWD, self, times, 0);
  }
  close(file);
  /* The server knows one that was removed as long as the guest has it open. */
  return there && now.stx_nlink > 0;
}

/* Of one that is gone the directory above it is what has changed. */
static void touch_nearest(int tree, char *path) {
  while (!touch(tree, path)) {
    char *slash = strrchr(path, '/');
    if (!slash) return;
    *slash = 0;
  }
}

/* In a child, since a host's file system may never answer. */
void tell_changes(uint32_t stream, const uint8_t *payload, size_t size) {
  static pid_t teller;
  if (teller > 0 && kill(teller, 0) == 0) return port_fail(stream, EBUSY, "an earlier change is being told");
  teller = fork();
  if (teller < 0) return port_fail(stream, errno, "no process for it");
  if (teller > 0) return port_send(FRAME_DONE, stream, NULL, 0);
  int tree = open(SHARED_PATH, O_PATH | O_DIRECTORY | O_CLOEXEC);
  struct field field;
  for (size_t offset = 0; tree >= 0 && field_next(payload, size, &offset, &field) == 1;) {
    char path[4096];
    if (field.tag != FIELD_PATH || field.size >= sizeof path) continue;
    memcpy(path, field.value, field.size);
    path[field.size] = 0;
    touch_nearest(tree, path);
  }
  _exit(0);
}
