#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../common/frame.h"
#include "tar.h"

#define LONGEST_PATH 4096

/* Files with several links, by what they are and the first name they went by. */
struct link {
  dev_t device;
  ino_t inode;
  char *name;
};
static struct link *links;
static size_t link_count;

static const char zeros[TAR_BLOCK];

static void put(const void *bytes, size_t size) { fwrite(bytes, 1, size, stdout); }
static void pad(uint64_t size) { put(zeros, (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK); }

/* Numbers that are too large for their octal digits stand in a pax record. */
static void octal(char *field, size_t width, uint64_t value) {
  uint64_t most = (1ull << (3 * (width - 1))) - 1;
  snprintf(field, width, "%0*llo", (int)width - 1, (unsigned long long)(value > most ? 0 : value));
}

static void put_header(const char *name, char type, const struct stat *stat, uint64_t size, const char *target) {
  char block[TAR_BLOCK] = {0};
  snprintf(block, 100, "%s", name);
  octal(block + 100, 8, stat->st_mode & 07777);
  octal(block + 108, 8, stat->st_uid);
  octal(block + 116, 8, stat->st_gid);
  octal(block + 124, 12, size);
  octal(block + 136, 12, stat->st_mtime < 0 ? 0 : (uint64_t)stat->st_mtime);
  memset(block + 148, ' ', 8);
  block[156] = type;
  snprintf(block + 157, 100, "%s", target);
  memcpy(block + 257, "ustar\00000", 8);
  octal(block + 329, 8, type == '3' || type == '4' ? major(stat->st_rdev) : 0);
  octal(block + 337, 8, type == '3' || type == '4' ? minor(stat->st_rdev) : 0);
  unsigned sum = 0;
  for (size_t i = 0; i < TAR_BLOCK; i++) sum += (unsigned char)block[i];
  snprintf(block + 148, 8, "%06o", sum);
  put(block, TAR_BLOCK);
}

/* A record tells its own length, whose digits are part of it. */
static void add_record(struct bytes *records, const char *key, const void *value, size_t size) {
  size_t rest = strlen(key) + size + 3, length = rest + 1;
  char number[24];
  while ((size_t)snprintf(number, sizeof number, "%zu", length) + rest != length)
    length = rest + (size_t)snprintf(number, sizeof number, "%zu", length);
  bytes_add(records, number, strlen(number));
  bytes_add(records, " ", 1);
  bytes_add(records, key, strlen(key));
  bytes_add(records, "=", 1);
  bytes_add(records, value, size);
  bytes_add(records, "\n", 1);
}

static void add_number(struct bytes *records, const char *key, unsigned long long value) {
  char text[24];
  add_record(records, key, text, (size_t)snprintf(text, sizeof text, "%llu", value));
}

static void add_xattrs(struct bytes *records, const char *path) {
  char names[8192], value[65536], key[8192 + 16];
  ssize_t length = llistxattr(path, names, sizeof names);
  for (char *name = names; length > 0 && name < names + length; name += strlen(name) + 1) {
    if (strncmp(name, "user.", 5) != 0 && strcmp(name, "security.capability") != 0) continue;
    ssize_t size = lgetxattr(path, name, value, sizeof value);
    if (size < 0) continue;
    snprintf(key, sizeof key, "SCHILY.xattr.%s", name);
    add_record(records, key, value, (size_t)size);
  }
}

static void put_entry(const char *name, char type, const struct stat *stat, const char *target, const char *path) {
  uint64_t size = type == '0' ? (uint64_t)stat->st_size : 0;
  struct bytes records = {0};
  char time[64];
  if (strlen(name) > 99) add_record(&records, "path", name, strlen(name));
  if (strlen(target) > 99) add_record(&records, "linkpath", target, strlen(target));
  if (size > 077777777777ull) add_number(&records, "size", size);
  if (stat->st_uid > 07777777) add_number(&records, "uid", stat->st_uid);
  if (stat->st_gid > 07777777) add_number(&records, "gid", stat->st_gid);
  int length = snprintf(time, sizeof time, "%lld.%09ld", (long long)stat->st_mtim.tv_sec, stat->st_mtim.tv_nsec);
  if (stat->st_mtim.tv_nsec != 0 || stat->st_mtim.tv_sec < 0) add_record(&records, "mtime", time, (size_t)length);
  if (path) add_xattrs(&records, path);
  if (records.size > 0) {
    struct stat plain = {.st_mode = 0644};
    put_header("pax", 'x', &plain, records.size, "");
    put(records.data, records.size);
    pad(records.size);
  }
  put_header(name, type, stat, size, target);
  bytes_free(&records);
}

/* A file that shrinks meanwhile is filled with zeros: its length is told already. */
static void put_content(const char *path, uint64_t size) {
  char chunk[65536];
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  uint64_t left = size;
  while (left > 0) {
    ssize_t got = file < 0 ? 0 : read(file, chunk, left < sizeof chunk ? left : sizeof chunk);
    if (got <= 0) {
      memset(chunk, 0, sizeof chunk);
      got = (ssize_t)(left < sizeof chunk ? left : sizeof chunk);
    }
    put(chunk, (size_t)got);
    left -= (uint64_t)got;
  }
  if (file >= 0) close(file);
  pad(size);
}

static const char *first_name(const struct stat *stat, const char *name) {
  for (size_t i = 0; i < link_count; i++)
    if (links[i].device == stat->st_dev && links[i].inode == stat->st_ino) return links[i].name;
  struct link *grown = realloc(links, (link_count + 1) * sizeof *links);
  if (!grown) return NULL;
  links = grown;
  links[link_count++] = (struct link){stat->st_dev, stat->st_ino, strdup(name)};
  return NULL;
}

static void put_mark(const char *directory, const char *prefix, const char *name) {
  char path[LONGEST_PATH];
  struct stat plain = {.st_mode = 0600};
  snprintf(path, sizeof path, "%s%s%s%s", directory, *directory ? "/" : "", prefix, name);
  put_entry(path, '0', &plain, "", NULL);
}

static bool is_opaque(const char *path) {
  char value;
  return lgetxattr(path, "trusted.overlay.opaque", &value, 1) == 1 && value == 'y';
}

static void pack_below(const char *directory);

static void pack_one(const char *directory, const char *name) {
  char path[LONGEST_PATH], target[LONGEST_PATH] = "";
  struct stat stat;
  if (snprintf(path, sizeof path, "%s%s%s", directory, *directory ? "/" : "", name) >= (int)sizeof path) return;
  if (lstat(path, &stat) != 0 || S_ISSOCK(stat.st_mode)) return;
  if (S_ISCHR(stat.st_mode) && stat.st_rdev == 0) return put_mark(directory, ".wh.", name);
  const char *before = !S_ISDIR(stat.st_mode) && stat.st_nlink > 1 ? first_name(&stat, path) : NULL;
  if (before) return put_entry(path, '1', &stat, before, NULL);
  switch (stat.st_mode & S_IFMT) {
    case S_IFREG:
      put_entry(path, '0', &stat, "", path);
      put_content(path, (uint64_t)stat.st_size);
      break;
    case S_IFDIR:
      put_entry(path, '5', &stat, "", path);
      if (is_opaque(path)) put_mark(path, ".wh..wh.", ".opq");
      pack_below(path);
      break;
    case S_IFLNK: {
      ssize_t length = readlink(path, target, sizeof target - 1);
      target[length > 0 ? length : 0] = 0;
      put_entry(path, '2', &stat, target, NULL);
      break;
    }
    case S_IFCHR: put_entry(path, '3', &stat, "", NULL); break;
    case S_IFBLK: put_entry(path, '4', &stat, "", NULL); break;
    case S_IFIFO: put_entry(path, '6', &stat, "", NULL); break;
    default: break;
  }
}

static int by_name(const struct dirent **one, const struct dirent **other) {
  return strcmp((*one)->d_name, (*other)->d_name);
}

static void pack_below(const char *directory) {
  struct dirent **names;
  int count = scandir(*directory ? directory : ".", &names, NULL, by_name);
  for (int i = 0; i < count; i++) {
    if (strcmp(names[i]->d_name, ".") != 0 && strcmp(names[i]->d_name, "..") != 0) pack_one(directory, names[i]->d_name);
    free(names[i]);
  }
  if (count >= 0) free(names);
}

int pack_layer(void) {
  pack_below("");
  put(zeros, TAR_BLOCK);
  put(zeros, TAR_BLOCK);
  return fflush(stdout) == 0 && !ferror(stdout) ? 0 : EIO;
}
