#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "tar.h"

/* Of a running workload what it sees itself; otherwise the root that is mounted here. */
static void enter_tree(const struct child *child) {
  char path[64];
  if (child->workload > 0) {
    snprintf(path, sizeof path, "/proc/%d/ns/mnt", child->workload);
    int space = open(path, O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof path, "/proc/%d/root", child->workload);
    int top = open(path, O_PATH | O_CLOEXEC);
    if (space < 0 || top < 0 || setns(space, CLONE_NEWNS) != 0 || fchdir(top) != 0 || chroot(".") != 0)
      child_fail(child, errno, "entering its %s", "root");
  } else if (chroot(ROOT_PATH) != 0) {
    child_fail(child, errno, "entering the %s", "root");
  }
}

static struct unpack_wish wish_of(const struct child *child, char **operation, char **path) {
  struct unpack_wish wish = {0};
  struct field field;
  for (size_t offset = 0; field_next(child->payload, child->size, &offset, &field) == 1;) {
    if (field.tag == FIELD_OPERATION) *operation = field_text(&field);
    if (field.tag == FIELD_PATH) *path = field_text(&field);
    if (field.tag == FIELD_FLAG) wish.keep_kind = true;
    if (field.tag == FIELD_OWNER) {
      wish.has_owner = true;
      wish.uid = field_u32(&field, 0);
      wish.gid = field_u32(&field, 4);
    }
  }
  return wish;
}

/* An operation on files in a process of its own: archives are its streams, an errno its exit code. */
void files_main(const struct child *child) {
  char *operation = NULL, *path = NULL;
  struct unpack_wish wish = wish_of(child, &operation, &path);
  if (!operation) child_fail(child, EBADMSG, "reading the %s", "request");
  dup2(child->input, 0);
  dup2(child->output, 1);
  dup2(child->errors, 2);
  if (strcmp(operation, "layer") == 0) {
    if (chdir("/run/disk/upper") != 0) child_fail(child, errno, "opening the %s", "changes");
    close(child->report);
    _exit(pack_layer());
  }
  if (strcmp(operation, "sockets") == 0) {
    close(child->report);
    serve_sockets();
  }
  enter_tree(child);
  if (!path || chdir(path) != 0) child_fail(child, errno, "Could not find the file %s in container", path ? path : "");
  close(child->report);
  _exit(unpack(&wish));
}
