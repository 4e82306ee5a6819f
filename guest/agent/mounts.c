#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent.h"

int open_existing(int root, const char *path, int flags) {
  struct open_how how = {.flags = (unsigned)flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
  return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

static int look_up(int root, const char *path) { return open_existing(root, path, O_PATH); }

/* The path followed as if `root` were the top; what lacks is made, the last part as `kind`. -1 and errno on failure. */
int open_in_root(int root, const char *path, mode_t kind) {
  int found = look_up(root, path);
  if (found >= 0 || errno != ENOENT) return found;
  char *copy = strdup(path);
  if (!copy) return -1;
  size_t length = strlen(copy);
  while (length > 1 && copy[length - 1] == '/') copy[--length] = 0;
  char *slash = strrchr(copy, '/');
  const char *name = slash ? slash + 1 : copy;
  int parent = -1;
  if (slash && slash != copy) {
    *slash = 0;
    parent = open_in_root(root, copy, S_IFDIR);
  } else {
    parent = look_up(root, "/");
  }
  int made = -1;
  if (parent >= 0 && *name) made = S_ISDIR(kind) ? mkdirat(parent, name, 0755) : mknodat(parent, name, S_IFREG | 0644, 0);
  int error = errno;
  if (parent >= 0) close(parent);
  free(copy);
  errno = error;
  if (made != 0 && error != EEXIST) return -1;
  return look_up(root, path);
}

static void self_path(char path[32], int fd) { snprintf(path, 32, "/proc/self/fd/%d", fd); }

/* A mount's flags can be set at once but for binds, which take them by a second call. */
static void mount_at(const struct child *child, int target, const char *what, const char *const texts[3],
                     unsigned long flags) {
  char path[32];
  self_path(path, target);
  const char *type = texts[0], *source = texts[1], *data = texts[2];
  unsigned long propagation = flags & (MS_PRIVATE | MS_SLAVE | MS_SHARED | MS_UNBINDABLE);
  unsigned long plain = flags & ~(MS_PRIVATE | MS_SLAVE | MS_SHARED | MS_UNBINDABLE);
  if (mount(source, path, type, plain, *data ? data : NULL) != 0) child_fail(child, errno, "mounting on %s", what);
  if (propagation == 0 && !(plain & MS_BIND)) return;
  int top = open(what, O_PATH | O_CLOEXEC);
  if (top >= 0) close(top);
}

static void remount_bind(int root, const char *target, unsigned long flags) {
  unsigned long kept = flags & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME);
  if (kept == 0) return;
  int top = look_up(root, target);
  if (top < 0) return;
  char path[32];
  self_path(path, top);
  mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | kept, NULL);
  close(top);
}

/* Splits a value after `start` into its texts, each ended by a zero. */
static bool split_texts(const struct field *field, size_t start, const char **texts, size_t count) {
  size_t at = start;
  for (size_t i = 0; i < count; i++) {
    if (at >= field->size) return false;
    const uint8_t *end = memchr(field->value + at, 0, field->size - at);
    if (!end) return false;
    texts[i] = (const char *)field->value + at;
    at = (size_t)(end - field->value) + 1;
  }
  return true;
}

static void add_mount(const struct child *child, int root, const struct field *field) {
  const char *texts[4];
  if (!split_texts(field, 8, texts, 4)) child_fail(child, EBADMSG, "reading a %s", "mount");
  const char *three[3] = {texts[0], texts[1], texts[3]};
  int target = open_in_root(root, texts[2], S_IFDIR);
  if (target < 0) child_fail(child, errno, "making the mount point %s", texts[2]);
  mount_at(child, target, texts[2], three, (unsigned long)field_u64(field, 0));
  close(target);
}

static void add_share(const struct child *child, int root, const struct field *field) {
  const char *texts[2];
  if (!split_texts(field, 8, texts, 2)) child_fail(child, EBADMSG, "reading a %s", "share");
  char source[64];
  struct stat kind;
  snprintf(source, sizeof source, SHARED_PATH "/%s", texts[0]);
  if (strchr(texts[0], '/') || stat(source, &kind) != 0) child_fail(child, ENOENT, "finding the share for %s", texts[1]);
  int target = open_in_root(root, texts[1], S_ISDIR(kind.st_mode) ? S_IFDIR : S_IFREG);
  if (target < 0) child_fail(child, errno, "making the mount point %s", texts[1]);
  const char *three[3] = {"", source, ""};
  unsigned long flags = (unsigned long)field_u64(field, 0);
  mount_at(child, target, texts[1], three, MS_BIND | (flags & MS_REC));
  close(target);
  remount_bind(root, texts[1], flags);
}

/* Files that are brought along are kept in memory and bound over what the image has there. */
static void add_file(const struct child *child, int root, const struct field *field) {
  static unsigned number;
  const char *text[1];
  if (!split_texts(field, 4, text, 1)) child_fail(child, EBADMSG, "reading a %s", "file");
  size_t start = 4 + strlen(text[0]) + 1;
  char source[64];
  snprintf(source, sizeof source, "/run/file-%u", number++);
  int file = open(source, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) child_fail(child, errno, "writing %s", text[0]);
  for (size_t at = start; at < field->size;) {
    ssize_t written = write(file, field->value + at, field->size - at);
    if (written <= 0) child_fail(child, errno, "writing %s", text[0]);
    at += (size_t)written;
  }
  fchmod(file, field_u32(field, 0) & 07777);
  close(file);
  int target = open_in_root(root, text[0], S_IFREG);
  if (target < 0) child_fail(child, errno, "making the mount point %s", text[0]);
  const char *three[3] = {"", source, ""};
  mount_at(child, target, text[0], three, MS_BIND);
  close(target);
}

/* Listens before the workload runs, so that whoever comes early waits for who answers. */
static void add_socket(const struct child *child, int root, const struct field *field) {
  static unsigned number;
  const char *text[1];
  if (!split_texts(field, 12, text, 1)) child_fail(child, EBADMSG, "reading a %s", "socket");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "/run/socket-%u", number++);
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
      chown(address.sun_path, field_u32(field, 4), field_u32(field, 8)) != 0 ||
      chmod(address.sun_path, field_u32(field, 0) & 07777) != 0 || listen(listener, SOMAXCONN) != 0)
    child_fail(child, errno, "listening at %s", text[0]);
  int target = open_in_root(root, text[0], S_IFREG);
  if (target < 0) child_fail(child, errno, "making the mount point %s", text[0]);
  const char *three[3] = {"", address.sun_path, ""};
  mount_at(child, target, text[0], three, MS_BIND);
  close(target);
  child_give(child, 'S', listener);
  close(listener);
}

static void make_node(int directory, const char *name, mode_t mode, dev_t device) {
  if (mknodat(directory, name, mode, device) != 0 && errno == EEXIST) return;
}

static void make_devices(const struct child *child, int root) {
  int dev = open_in_root(root, "/dev", S_IFDIR);
  if (dev < 0) child_fail(child, errno, "making %s", "/dev");
  static const struct {
    const char *name;
    unsigned major, minor;
  } nodes[] = {{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};
  for (size_t i = 0; i < 6; i++) make_node(dev, nodes[i].name, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor));
  static const char *const links[][2] = {{"/proc/self/fd", "fd"}, {"/proc/self/fd/0", "stdin"},
                                         {"/proc/self/fd/1", "stdout"}, {"/proc/self/fd/2", "stderr"},
                                         {"/proc/kcore", "core"}, {"pts/ptmx", "ptmx"}};
  for (size_t i = 0; i < 6; i++) symlinkat(links[i][0], dev, links[i][1]);
  close(dev);
}

static void add_device(const struct child *child, int root, const struct field *field) {
  const char *text[1];
  if (!split_texts(field, 20, text, 1)) child_fail(child, EBADMSG, "reading a %s", "device");
  char parent[4096];
  snprintf(parent, sizeof parent, "%s", text[0]);
  char *slash = strrchr(parent, '/');
  if (!slash || slash == parent) return;
  *slash = 0;
  int directory = open_in_root(root, parent, S_IFDIR);
  if (directory < 0) child_fail(child, errno, "making %s", parent);
  make_node(directory, slash + 1, field_u32(field, 0), makedev(field_u32(field, 12), field_u32(field, 16)));
  if (fchownat(directory, slash + 1, field_u32(field, 4), field_u32(field, 8), AT_SYMLINK_NOFOLLOW) != 0) errno = 0;
  close(directory);
}

static void mask(int root, const struct field *field) {
  char *text = field_text(field);
  int target = text ? look_up(root, text) : -1;
  if (target >= 0) {
    char path[32];
    struct stat kind;
    self_path(path, target);
    if (fstat(target, &kind) == 0 && S_ISDIR(kind.st_mode)) mount("tmpfs", path, "tmpfs", MS_RDONLY, "size=0k");
    else mount("/dev/null", path, NULL, MS_BIND, NULL);
    close(target);
  }
  free(text);
}

static void make_readonly(int root, const struct field *field) {
  char *text = field_text(field);
  int target = text ? look_up(root, text) : -1;
  if (target >= 0) {
    char path[32];
    self_path(path, target);
    mount(path, path, NULL, MS_BIND | MS_REC, NULL);
    close(target);
    remount_bind(root, text, MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC);
  }
  free(text);
}

/* Clones of a template would show the same one. */
static void show_boot_id(int root) {
  int target = look_up(root, "/proc/sys/kernel/random/boot_id");
  if (target < 0) return;
  char path[32];
  self_path(path, target);
  mount(BOOT_ID_PATH, path, NULL, MS_BIND, NULL);
  close(target);
}

static void enter_root(const struct child *child, bool readonly) {
  if (readonly && mount(NULL, ROOT_PATH, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) != 0)
    child_fail(child, errno, "making the %s read-only", "root");
  if (chdir(ROOT_PATH) != 0 || syscall(SYS_pivot_root, ".", ".") != 0 || umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
    child_fail(child, errno, "entering the %s", "root");
}

void mount_all(const struct child *child) {
  mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
  int root = open(ROOT_PATH, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) child_fail(child, errno, "opening the %s", "root");
  struct field field;
  bool readonly = false;
  /* Devices lie on the file system that a mount brings, and paths are masked when all mounts are there. */
  for (size_t offset = 0; field_next(child->payload, child->size, &offset, &field) == 1;) {
    if (field.tag == FIELD_MOUNT) add_mount(child, root, &field);
    if (field.tag == FIELD_SHARE) add_share(child, root, &field);
    if (field.tag == FIELD_FILE) add_file(child, root, &field);
    if (field.tag == FIELD_SOCKET) add_socket(child, root, &field);
    if (field.tag == FIELD_READONLY_ROOT) readonly = true;
  }
  make_devices(child, root);
  show_boot_id(root);
  for (size_t offset = 0; field_next(child->payload, child->size, &offset, &field) == 1;) {
    if (field.tag == FIELD_DEVICE) add_device(child, root, &field);
    if (field.tag == FIELD_READONLY_PATH) make_readonly(root, &field);
    if (field.tag == FIELD_MASKED) mask(root, &field);
  }
  close(root);
  enter_root(child, readonly);
}
