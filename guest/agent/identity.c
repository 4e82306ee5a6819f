#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent.h"

#define MAX_GROUPS 256

struct identity {
  uid_t uid;
  gid_t gid;
  gid_t groups[MAX_GROUPS];
  size_t group_count;
  mode_t umask;
  bool has_capabilities, no_new_privileges;
  uint64_t capabilities[5]; /* bounding, effective, permitted, inheritable, ambient */
  struct field filter;
};

static void set_rlimit(const struct child *child, const struct field *field) {
  struct rlimit limit = {.rlim_cur = field_u64(field, 4), .rlim_max = field_u64(field, 12)};
  if (setrlimit((int)field_u32(field, 0), &limit) != 0) child_fail(child, errno, "setting a %s", "limit");
}

static struct identity read_identity(const struct child *child) {
  struct identity identity = {.umask = 022, .filter = child->filter};
  struct field field;
  size_t offset = 0;
  while (field_next(child->payload, child->size, &offset, &field) == 1) {
    switch (field.tag) {
      case FIELD_USER: identity.uid = field_u32(&field, 0); identity.gid = field_u32(&field, 4); break;
      case FIELD_GROUP:
        if (identity.group_count < MAX_GROUPS) identity.groups[identity.group_count++] = field_u32(&field, 0);
        break;
      case FIELD_UMASK: identity.umask = field_u32(&field, 0); break;
      case FIELD_RLIMIT: set_rlimit(child, &field); break;
      case FIELD_NO_NEW_PRIVILEGES: identity.no_new_privileges = true; break;
      case FIELD_SECCOMP: identity.filter = field; break;
      case FIELD_CAPABILITIES:
        identity.has_capabilities = true;
        for (size_t i = 0; i < 5; i++) identity.capabilities[i] = field_u64(&field, 8 * i);
        break;
      default: break;
    }
  }
  return identity;
}

static void set_oom_score(const struct field *field) {
  char text[16];
  snprintf(text, sizeof text, "%d", (int)field_u32(field, 0));
  write_text("/proc/self/oom_score_adj", text);
}

static void load_filter(const struct child *child, const struct identity *identity) {
  if (identity->filter.size < sizeof(struct sock_filter)) return;
  struct sock_filter *instructions = malloc(identity->filter.size);
  if (!instructions) child_fail(child, ENOMEM, "loading the %s", "system call filter");
  memcpy(instructions, identity->filter.value, identity->filter.size);
  struct sock_fprog program = {.len = (unsigned short)(identity->filter.size / sizeof(struct sock_filter)),
                               .filter = instructions};
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
    child_fail(child, errno, "loading the %s", "system call filter");
  free(instructions);
}

static void set_capabilities(const struct child *child, const struct identity *identity) {
  const uint64_t *sets = identity->capabilities;
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2];
  for (int i = 0; i < 2; i++) {
    data[i].effective = (uint32_t)(sets[1] >> (32 * i));
    data[i].permitted = (uint32_t)(sets[2] >> (32 * i));
    data[i].inheritable = (uint32_t)(sets[3] >> (32 * i));
  }
  if (syscall(SYS_capset, &header, data) != 0) child_fail(child, errno, "setting %s", "capabilities");
  for (int bit = 0; bit < 64; bit++) {
    if (sets[4] >> bit & 1) prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, bit, 0, 0);
  }
}

static void take_user(const struct child *child, const struct identity *identity) {
  if (setgroups(identity->group_count, identity->groups) != 0) child_fail(child, errno, "setting the %s", "groups");
  if (setresgid(identity->gid, identity->gid, identity->gid) != 0) child_fail(child, errno, "setting the %s", "group");
  if (setresuid(identity->uid, identity->uid, identity->uid) != 0) child_fail(child, errno, "setting the %s", "user");
}

static void enter_directory(const struct child *child, const char *path) {
  if (chdir(path) == 0) return;
  if (errno == ENOENT && !child->is_exec) {
    int root = open("/", O_PATH | O_CLOEXEC);
    int made = open_in_root(root, path, S_IFDIR);
    if (made >= 0 && fchdir(made) == 0) {
      close(made);
      close(root);
      return;
    }
  }
  child_fail(child, errno, "chdir `%s`", path);
}

/* In the order in which each step still has the rights that it needs. */
void take_identity(const struct child *child) {
  struct field field;
  char *directory = NULL;
  size_t offset = 0;
  while (field_next(child->payload, child->size, &offset, &field) == 1) {
    if (field.tag == FIELD_OOM_SCORE) set_oom_score(&field);
    if (field.tag == FIELD_DIRECTORY && !directory) directory = field_text(&field);
  }
  struct identity identity = read_identity(child);
  enter_directory(child, directory ? directory : "/");
  free(directory);
  for (int bit = 0; identity.has_capabilities && bit < 64; bit++) {
    if (!(identity.capabilities[0] >> bit & 1) && prctl(PR_CAPBSET_DROP, bit, 0, 0, 0) != 0) break;
  }
  /* Without no-new-privileges a filter needs rights that are given up below. */
  if (!identity.no_new_privileges) load_filter(child, &identity);
  prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
  take_user(child, &identity);
  if (identity.has_capabilities) set_capabilities(child, &identity);
  prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
  umask(identity.umask);
  if (!identity.no_new_privileges) return;
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  load_filter(child, &identity);
}

static char **texts_of(const struct child *child, uint16_t tag) {
  struct field field;
  size_t count = 0, offset = 0;
  while (field_next(child->payload, child->size, &offset, &field) == 1) count += field.tag == tag;
  char **texts = calloc(count + 1, sizeof *texts);
  if (!texts) child_fail(child, ENOMEM, "%s", "starting the command");
  count = offset = 0;
  while (field_next(child->payload, child->size, &offset, &field) == 1) {
    if (field.tag == tag && (texts[count] = field_text(&field))) count++;
  }
  return texts;
}

static const char *path_of(char **environment) {
  for (; *environment; environment++) {
    if (strncmp(*environment, "PATH=", 5) == 0) return *environment + 5;
  }
  return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/* A name without a slash is looked for in the PATH of the container. */
static bool find_program(const char *name, const char *path, char *found, size_t room) {
  while (*path) {
    size_t length = strcspn(path, ":");
    snprintf(found, room, "%.*s/%s", (int)length, length ? path : ".", name);
    struct stat kind;
    if (stat(found, &kind) == 0 && S_ISREG(kind.st_mode) && access(found, X_OK) == 0) return true;
    path += length + (path[length] == ':');
  }
  return false;
}

void execute(const struct child *child) {
  char **arguments = texts_of(child, FIELD_ARGUMENT), **environment = texts_of(child, FIELD_ENVIRONMENT);
  char program[4096];
  if (!arguments[0]) child_fail(child, EINVAL, "%s", "no command");
  if (strcmp(arguments[0], REHEARSAL) == 0) snprintf(program, sizeof program, "/proc/self/exe");
  else if (strchr(arguments[0], '/')) snprintf(program, sizeof program, "%s", arguments[0]);
  else if (!find_program(arguments[0], path_of(environment), program, sizeof program))
    child_fail(child, ENOENT, "executable file `%s` not found in $PATH", arguments[0]);
  execve(program, arguments, environment);
  if (errno == ENOENT) child_fail(child, ENOENT, "executable file `%s` not found in $PATH", arguments[0]);
  child_fail(child, errno, "%s: exec", arguments[0]);
}
