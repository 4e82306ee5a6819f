#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tar.h"

#define LONGEST_PATH 4096
#define MOST_RECORDS (1u << 20)

/* What the archive says of the next file. */
struct entry {
  char name[LONGEST_PATH], target[LONGEST_PATH];
  char type;
  mode_t mode;
  uid_t uid;
  gid_t gid;
  uint64_t size;
  struct timespec time;
  dev_t device;
  char *records; /* pax records that hold extended attributes */
  size_t records_size;
};

static int take(void *into, size_t size) { return fread(into, 1, size, stdin) == size ? 0 : EBADMSG; }

static int skip(uint64_t size) {
  char block[TAR_BLOCK];
  for (uint64_t left = (size + TAR_BLOCK - 1) / TAR_BLOCK; left > 0; left--)
    if (take(block, sizeof block) != 0) return EBADMSG;
  return 0;
}

/* Octal digits, or a binary number whose first bit says so. */
static uint64_t number(const char *field, size_t width) {
  if ((unsigned char)field[0] & 0x80) {
    uint64_t value = (unsigned char)field[0] & 0x7f;
    for (size_t i = 1; i < width; i++) value = value << 8 | (unsigned char)field[i];
    return value;
  }
  char text[16] = {0};
  memcpy(text, field, width < sizeof text ? width : sizeof text - 1);
  return strtoull(text, NULL, 8);
}

static void copy_field(char *into, const char *field, size_t width) {
  size_t length = strnlen(field, width);
  memcpy(into, field, length);
  into[length] = 0;
}

static void read_time(struct timespec *time, const char *text) {
  char *rest;
  time->tv_sec = strtoll(text, &rest, 10);
  time->tv_nsec = 0;
  if (*rest != '.') return;
  long scale = 100000000;
  for (rest++; *rest >= '0' && *rest <= '9' && scale > 0; rest++, scale /= 10) time->tv_nsec += (*rest - '0') * scale;
}

static void apply_record(struct entry *entry, const char *key, const char *value) {
  if (strcmp(key, "path") == 0) snprintf(entry->name, sizeof entry->name, "%s", value);
  else if (strcmp(key, "linkpath") == 0) snprintf(entry->target, sizeof entry->target, "%s", value);
  else if (strcmp(key, "size") == 0) entry->size = strtoull(value, NULL, 10);
  else if (strcmp(key, "uid") == 0) entry->uid = (uid_t)strtoul(value, NULL, 10);
  else if (strcmp(key, "gid") == 0) entry->gid = (gid_t)strtoul(value, NULL, 10);
  else if (strcmp(key, "mtime") == 0) read_time(&entry->time, value);
}

/* Steps to the next record, and ends key and value with zeros; NULL at the end or when it is torn. */
static char *next_record(char *at, char *end, char **key, char **value, size_t *size) {
  char *blank;
  unsigned long length = strtoul(at, &blank, 10);
  if (at >= end || *blank != ' ' || length < 5 || length > (size_t)(end - at) || at[length - 1] != '\n') return NULL;
  char *equals = memchr(blank, '=', (size_t)(at + length - blank));
  if (!equals) return NULL;
  *key = blank + 1;
  *equals = 0;
  *value = equals + 1;
  *size = (size_t)(at + length - 1 - *value);
  at[length - 1] = 0;
  return at + length;
}

static int read_records(struct entry *entry, uint64_t size) {
  if (size > MOST_RECORDS) return EBADMSG;
  free(entry->records);
  entry->records = calloc(1, size + TAR_BLOCK + 1);
  if (!entry->records) return ENOMEM;
  entry->records_size = size;
  return take(entry->records, (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK);
}

static int read_long(char into[LONGEST_PATH], uint64_t size) {
  char block[TAR_BLOCK];
  if (size >= LONGEST_PATH) return EBADMSG;
  size_t at = 0;
  for (uint64_t left = (size + TAR_BLOCK - 1) / TAR_BLOCK; left > 0; left--) {
    if (take(block, sizeof block) != 0) return EBADMSG;
    for (size_t i = 0; i < TAR_BLOCK && at < size; i++) into[at++] = block[i];
  }
  into[at] = 0;
  return 0;
}

static void read_plain(struct entry *entry, const char *block) {
  char prefix[156];
  copy_field(prefix, block + 345, 155);
  char name[101];
  copy_field(name, block, 100);
  if (memcmp(block + 257, "ustar", 6) == 0 && *prefix) snprintf(entry->name, sizeof entry->name, "%s/%s", prefix, name);
  else snprintf(entry->name, sizeof entry->name, "%s", name);
  copy_field(entry->target, block + 157, 100);
  entry->mode = (mode_t)number(block + 100, 8) & 07777;
  entry->uid = (uid_t)number(block + 108, 8);
  entry->gid = (gid_t)number(block + 116, 8);
  entry->size = number(block + 124, 12);
  entry->time = (struct timespec){.tv_sec = (time_t)number(block + 136, 12)};
  entry->type = block[156] ? block[156] : '0';
  entry->device = makedev(number(block + 329, 8), number(block + 337, 8));
}

/* The next file with all that headers before it say: 1, 0 at the end, or a negative errno. */
static int next_entry(struct entry *entry) {
  char block[TAR_BLOCK], name[LONGEST_PATH] = "", target[LONGEST_PATH] = "";
  free(entry->records);
  memset(entry, 0, sizeof *entry);
  for (;;) {
    if (take(block, sizeof block) != 0) return feof(stdin) ? 0 : -EBADMSG;
    if (block[0] == 0) return 0;
    char *records = entry->records;
    size_t records_size = entry->records_size;
    read_plain(entry, block);
    entry->records = records;
    entry->records_size = records_size;
    int error = 0;
    if (entry->type == 'x') error = read_records(entry, entry->size);
    else if (entry->type == 'L') error = read_long(name, entry->size);
    else if (entry->type == 'K') error = read_long(target, entry->size);
    else if (entry->type == 'g') error = skip(entry->size);
    else break;
    if (error) return -error;
  }
  if (*name) memcpy(entry->name, name, sizeof name);
  if (*target) memcpy(entry->target, target, sizeof target);
  char *key, *value;
  size_t size;
  for (char *at = entry->records, *end = at + entry->records_size; at;) {
    /* Extended attributes are read again when the file is there. */
    char *copy_end = next_record(at, end, &key, &value, &size);
    if (!copy_end) break;
    apply_record(entry, key, value);
    key[strlen(key)] = '=';
    copy_end[-1] = '\n';
    at = copy_end;
  }
  return 1;
}

static void set_xattrs(struct entry *entry, const char *path) {
  char *key, *value;
  size_t size;
  for (char *at = entry->records, *end = at + entry->records_size; at;) {
    at = next_record(at, end, &key, &value, &size);
    if (at && strncmp(key, "SCHILY.xattr.", 13) == 0) lsetxattr(path, key + 13, value, size, 0);
  }
}

/* Without leading slashes; a name with a way up is refused. */
static const char *clean(const char *name) {
  while (*name == '/' || (name[0] == '.' && name[1] == '/')) name += *name == '/' ? 1 : 2;
  for (const char *at = name; *at;) {
    size_t length = strcspn(at, "/");
    if (length == 2 && at[0] == '.' && at[1] == '.') return NULL;
    at += length + (at[length] == '/');
  }
  return *name ? name : ".";
}

static void make_parents(const char *path) {
  char copy[LONGEST_PATH];
  snprintf(copy, sizeof copy, "%s", path);
  for (char *slash = strchr(copy, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    mkdir(copy, 0755);
    *slash = '/';
  }
}

static int write_content(const struct entry *entry, const char *path) {
  int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return errno;
  char chunk[TAR_BLOCK * 128];
  int error = 0;
  for (uint64_t left = entry->size; left > 0 && !error;) {
    size_t whole = left < sizeof chunk ? (size_t)((left + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK) : sizeof chunk;
    size_t want = left < whole ? (size_t)left : whole;
    error = take(chunk, whole);
    for (size_t at = 0; at < want && !error;) {
      ssize_t written = write(file, chunk + at, want - at);
      if (written < 0) error = errno;
      else at += (size_t)written;
    }
    left -= want;
  }
  close(file);
  return error;
}

static int make_other(const struct entry *entry, const char *path) {
  const char *target;
  switch (entry->type) {
    case '1':
      target = clean(entry->target);
      return target && linkat(AT_FDCWD, target, AT_FDCWD, path, 0) == 0 ? 0 : errno;
    case '2': return symlink(entry->target, path) == 0 ? 0 : errno;
    case '3': return mknod(path, S_IFCHR | 0600, entry->device) == 0 ? 0 : errno;
    case '4': return mknod(path, S_IFBLK | 0600, entry->device) == 0 ? 0 : errno;
    case '6': return mkfifo(path, 0600) == 0 ? 0 : errno;
    default: return EBADMSG;
  }
}

/* What is in the way goes, but for a directory where there is to be one. */
static int make_way(const struct entry *entry, const char *path, const struct unpack_wish *wish, bool *there) {
  struct stat stat;
  *there = false;
  if (lstat(path, &stat) != 0) return 0;
  bool is_directory = S_ISDIR(stat.st_mode), wants_directory = entry->type == '5';
  if (is_directory && wants_directory) {
    *there = true;
    return 0;
  }
  if (wish->keep_kind && is_directory != wants_directory) return is_directory ? EISDIR : ENOTDIR;
  return (is_directory ? rmdir(path) : unlink(path)) == 0 ? 0 : errno;
}

static int place(struct entry *entry, const struct unpack_wish *wish) {
  const char *path = clean(entry->name);
  char copy[LONGEST_PATH];
  if (!path) return EINVAL;
  snprintf(copy, sizeof copy, "%s", path);
  size_t length = strlen(copy);
  while (length > 1 && copy[length - 1] == '/') copy[--length] = 0;
  make_parents(copy);
  bool there;
  int error = make_way(entry, copy, wish, &there);
  if (error) return error;
  if (entry->type == '5') error = there || mkdir(copy, 0700) == 0 ? 0 : errno;
  else if (entry->type == '0' || entry->type == '7') error = write_content(entry, copy);
  else error = make_other(entry, copy);
  if (error || entry->type == '1') return error;
  if (lchown(copy, wish->has_owner ? wish->uid : entry->uid, wish->has_owner ? wish->gid : entry->gid) != 0) return errno;
  set_xattrs(entry, copy);
  if (entry->type != '2' && chmod(copy, entry->mode) != 0) return errno;
  struct timespec times[2] = {entry->time, entry->time};
  utimensat(AT_FDCWD, copy, times, AT_SYMLINK_NOFOLLOW);
  return 0;
}

int unpack(const struct unpack_wish *wish) {
  static struct entry entry;
  int state;
  while ((state = next_entry(&entry)) == 1) {
    int error = place(&entry, wish);
    if (!error) continue;
    if (error == EISDIR || error == ENOTDIR) fprintf(stderr, "cannot overwrite by something of another kind: %s", entry.name);
    else fprintf(stderr, "unpacking %s: %s", entry.name, strerror(error));
    return error;
  }
  if (state < 0) fprintf(stderr, "the archive is damaged");
  return -state;
}
