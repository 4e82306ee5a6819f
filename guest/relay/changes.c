#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "relay.h"

/*
 * Tells the guest what others than the guest itself change in the directories that it shares: no file system passes on
 * such events. A kernel or file system that cannot tell who changed something leaves the guest without them.
 */
#define MOST_DIRECTORIES 16384
#define MOST_TOLD 64
#define SETTLE_MS 20
#define AGAIN_MS 200
#define CHANGES (FAN_CLOSE_WRITE | FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO | FAN_ONDIR | FAN_EVENT_ON_CHILD)
#define HANDLE_BYTES 64

struct watched {
  char *path; /* below the tree */
  fsid_t volume;
  unsigned size;
  int kind;
  uint8_t handle[HANDLE_BYTES];
};

static struct watched *watched;
static size_t watched_count;
static int notices = -1;
static struct bytes told;
static unsigned told_count;

static void watch_below(const char *path);

static bool remember(const char *path, const char *full) {
  struct {
    struct file_handle head;
    uint8_t bytes[HANDLE_BYTES];
  } handle = {.head.handle_bytes = HANDLE_BYTES};
  int mount;
  struct statfs volume;
  if (name_to_handle_at(AT_FDCWD, full, &handle.head, &mount, 0) != 0 || statfs(full, &volume) != 0) return false;
  if (fanotify_mark(notices, FAN_MARK_ADD | FAN_MARK_ONLYDIR | FAN_MARK_DONT_FOLLOW, CHANGES, AT_FDCWD, full) != 0)
    return false;
  struct watched *more = realloc(watched, (watched_count + 1) * sizeof *more);
  if (!more) return false;
  watched = more;
  struct watched *one = &watched[watched_count];
  *one = (struct watched){.path = strdup(path), .volume = volume.f_fsid, .size = handle.head.handle_bytes,
                          .kind = handle.head.handle_type};
  memcpy(one->handle, handle.head.f_handle, one->size);
  if (one->path) watched_count++;
  return one->path;
}

static void watch(const char *path) {
  char full[PATH_BYTES];
  struct stat kind;
  snprintf(full, sizeof full, "%s/%s", shared_tree, path);
  if (watched_count == MOST_DIRECTORIES || lstat(full, &kind) != 0 || !S_ISDIR(kind.st_mode)) return;
  if (remember(path, full)) watch_below(path);
}

static void watch_below(const char *path) {
  char full[PATH_BYTES];
  snprintf(full, sizeof full, "%s/%s", shared_tree, path);
  DIR *directory = opendir(full);
  if (!directory) return;
  for (struct dirent *entry; (entry = readdir(directory));) {
    char inner[PATH_BYTES];
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN) continue;
    if (snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name) < (int)sizeof inner) watch(inner);
  }
  closedir(directory);
}

/* The newest is the last: a directory that was moved is remembered again by its new path. */
static const struct watched *find(const struct fanotify_event_info_fid *info) {
  const struct file_handle *handle = (const struct file_handle *)info->handle;
  for (size_t i = watched_count; i-- > 0;) {
    const struct watched *one = &watched[i];
    if (one->size == handle->handle_bytes && one->kind == handle->handle_type &&
        memcmp(&one->volume, &info->fsid, sizeof one->volume) == 0 && memcmp(one->handle, handle->f_handle, one->size) == 0)
      return one;
  }
  return NULL;
}

/* Beyond what fits into one message nothing is noted: a guest need not hear of each of thousands of files. */
static void note(const struct fanotify_event_metadata *event) {
  const struct fanotify_event_info_fid *info = (const void *)((const uint8_t *)event + event->metadata_len);
  if (event->event_len <= event->metadata_len || info->hdr.info_type != FAN_EVENT_INFO_TYPE_DFID_NAME) return;
  const struct watched *directory = find(info);
  const struct file_handle *handle = (const struct file_handle *)info->handle;
  const char *name = (const char *)handle->f_handle + handle->handle_bytes;
  char path[PATH_BYTES];
  if (!directory || strcmp(name, ".") == 0) return;
  if (snprintf(path, sizeof path, "%s/%s", directory->path, name) >= (int)sizeof path) return;
  if ((event->mask & FAN_ONDIR) && (event->mask & (FAN_CREATE | FAN_MOVED_TO))) watch(path);
  if (told_count == MOST_TOLD) return;
  told_count++;
  bytes_field(&told, FIELD_PATH, path, strlen(path));
}

static pid_t parent_of(pid_t process) {
  char path[64];
  int parent = 0;
  snprintf(path, sizeof path, "/proc/%d/stat", process);
  FILE *file = fopen(path, "re");
  if (!file) return 0;
  if (fscanf(file, "%*d (%*[^)]) %*c %d", &parent) != 1) parent = 0;
  fclose(file);
  return parent;
}

static void read_notices(pid_t server) {
  static pid_t worker; /* the server's child, which does what the guest does */
  uint8_t buffer[16384] __attribute__((aligned(8)));
  ssize_t size = read(notices, buffer, sizeof buffer);
  const struct fanotify_event_metadata *event = (const void *)buffer;
  for (; FAN_EVENT_OK(event, size); event = FAN_EVENT_NEXT(event, size)) {
    if (event->pid == server || (worker && event->pid == worker)) continue;
    if (!worker && parent_of(event->pid) == server) worker = event->pid;
    else note(event);
  }
}

/* True when the guest has taken the message; it does not while it is at an earlier one. */
static bool tell(void) {
  struct bytes message = {0};
  uint8_t answer[HEADER_BYTES] = {0};
  int relay = connect_unix("ctl");
  if (relay < 0) return false;
  struct timeval patience = {.tv_sec = 5};
  setsockopt(relay, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  bytes_frame(&message, FRAME_CHANGED, 0, told.data, told.size);
  bool sent = send(relay, message.data, message.size, MSG_NOSIGNAL) == (ssize_t)message.size;
  bool taken = sent && recv(relay, answer, sizeof answer, MSG_WAITALL) == sizeof answer && answer[4] == FRAME_DONE;
  bytes_free(&message);
  close(relay);
  return taken;
}

void watch_tree(const char *const *names, size_t count, pid_t server) {
  int end = (int)syscall(SYS_pidfd_open, server, 0);
  if (end < 0 || notices < 0) return;
  setpriority(PRIO_PROCESS, 0, 10);
  for (size_t i = 0; i < count; i++) watch(names[i]);
  int wait = -1;
  for (;;) {
    struct pollfd polled[] = {{.fd = notices, .events = POLLIN}, {.fd = end, .events = POLLIN}};
    int ready = poll(polled, 2, wait);
    if (ready < 0 && errno != EINTR) return;
    if (polled[1].revents) return;
    if (polled[0].revents) read_notices(server);
    if (ready == 0 && tell()) {
      bytes_drop(&told, told.size);
      told_count = 0;
    } else if (ready == 0) {
      wait = AGAIN_MS;
      continue;
    }
    wait = told_count > 0 ? SETTLE_MS : -1;
  }
}

void open_notices(void) {
  notices = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY | O_CLOEXEC);
}
