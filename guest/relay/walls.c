#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "relay.h"

#define TOP "/tmp"

static void show(const char *path, unsigned long flags) {
  char target[256];
  struct stat kind;
  snprintf(target, sizeof target, TOP "%s", path);
  if (lstat(path, &kind) != 0) return;
  if (S_ISLNK(kind.st_mode)) {
    char link[256];
    ssize_t length = readlink(path, link, sizeof link - 1);
    if (length < 0) die(path);
    link[length] = 0;
    if (symlink(link, target) != 0) die(target);
    return;
  }
  if (S_ISDIR(kind.st_mode)) mkdir(target, 0755);
  else close(open(target, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
  if (mount(path, target, NULL, MS_BIND, NULL) != 0) die(path);
  if (mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | flags, NULL) != 0) die(target);
}

/* A root of its own with the given directories read-only, few devices, and at /out a directory to write to if one is named. */
void enter_walls(const char *const *directories, const char *writable, bool with_kvm) {
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) die("private mounts");
  char out[32] = "";
  if (writable) {
    /* Its path may lead through the directory that the new root covers. */
    int place = open(writable, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (place < 0) die(writable);
    snprintf(out, sizeof out, "/proc/self/fd/%d", place);
  }
  if (mount("isle", TOP, "tmpfs", MS_NOSUID, "mode=0755,size=1m") != 0) die("new root");
  for (; *directories; directories++) show(*directories, MS_RDONLY | MS_NOSUID | MS_NODEV);
  if (writable) {
    mkdir(TOP "/out", 0755);
    if (mount(out, TOP "/out", NULL, MS_BIND, NULL) != 0) die(writable);
    if (mount(NULL, TOP "/out", NULL, MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0) die(writable);
  }
  mkdir(TOP "/etc", 0755);
  show("/etc/ld.so.cache", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC);
  mkdir(TOP "/dev", 0755);
  show("/dev/null", MS_NOSUID | MS_NOEXEC);
  show("/dev/urandom", MS_NOSUID | MS_NOEXEC);
  /* A node of its own: the host's may be for root alone. */
  struct stat kvm;
  if (with_kvm && stat("/dev/kvm", &kvm) == 0) {
    if (mknod(TOP "/dev/kvm", S_IFCHR | 0666, kvm.st_rdev) != 0 || chmod(TOP "/dev/kvm", 0666) != 0) die("/dev/kvm");
  }
  mkdir(TOP "/proc", 0755);
  if (mount("proc", TOP "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0) die("proc");
  if (chdir(TOP) != 0 || syscall(SYS_pivot_root, ".", ".") != 0 || umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
    die("entering the new root");
  if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID, NULL) != 0) die("read-only root");
}
