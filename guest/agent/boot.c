#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent.h"

int write_text(const char *path, const char *text) {
  int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return errno;
  ssize_t written = write(file, text, strlen(text));
  int error = written < 0 ? errno : 0;
  close(file);
  return error;
}

void boot_mounts(void) {
  mkdir("/proc", 0755);
  mkdir("/sys", 0755);
  mkdir("/dev", 0755);
  mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=0755");
}

/* The initramfs names its modules in the order in which they load. */
void boot_modules(void) {
  FILE *list = fopen("/modules/order", "re");
  if (!list) return;
  char name[256], path[300];
  while (fgets(name, sizeof name, list)) {
    name[strcspn(name, "\n")] = 0;
    snprintf(path, sizeof path, "/modules/%s", name);
    int module = open(path, O_RDONLY | O_CLOEXEC);
    if (module < 0 || (syscall(SYS_finit_module, module, "", 0) != 0 && errno != EEXIST)) {
      fprintf(stderr, "isle: module %s: %s\n", name, strerror(errno));
    }
    if (module >= 0) close(module);
    unlink(path);
  }
  fclose(list);
}

/* Containers get their root by pivot_root, which the kernel's first root refuses; so the agent lives on a second one. */
void boot_new_root(void) {
  mkdir("/new", 0755);
  mount("isle", "/new", "tmpfs", MS_NOSUID, "mode=0755,size=64m");
  const char *const directories[] = {"/new/proc", "/new/sys", "/new/dev", "/new/run"};
  for (size_t i = 0; i < 4; i++) mkdir(directories[i], 0755);
  mount("/proc", "/new/proc", NULL, MS_MOVE, NULL);
  mount("/sys", "/new/sys", NULL, MS_MOVE, NULL);
  mount("/dev", "/new/dev", NULL, MS_MOVE, NULL);
  unlink("/init");
  if (chdir("/new") == 0 && mount(".", "/", NULL, MS_MOVE, NULL) == 0 && chroot(".") == 0 && chdir("/") == 0) {
    mkdir("/run/disk", 0700);
    mkdir("/run/image", 0700);
    mkdir(ROOT_PATH, 0755);
    mkdir(SHARED_PATH, 0700);
  }
  mount("cgroup2", "/sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  write_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory +pids +cpu");
  mkdir(WORKLOAD_GROUP, 0755);
  setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
}

/* The port has no fixed number: it is looked up by its name. */
int open_port(void) {
  DIR *ports = opendir("/sys/class/virtio-ports");
  if (!ports) return -1;
  int found = -1;
  for (struct dirent *entry; found < 0 && (entry = readdir(ports));) {
    char path[400], name[32] = "";
    snprintf(path, sizeof path, "/sys/class/virtio-ports/%s/name", entry->d_name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) continue;
    ssize_t length = read(file, name, sizeof name - 1);
    close(file);
    if (length < 4 || strncmp(name, "isle", 4) != 0) continue;
    snprintf(path, sizeof path, "/dev/%s", entry->d_name);
    found = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  }
  closedir(ports);
  return found;
}
