#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"

static bool held;

bool is_held(void) { return held; }

/* The workload stands, and the answer is the last that the host hears: so no frame is torn when the machine is saved. */
void hold(uint32_t stream) {
  if (held) return port_fail(stream, EBUSY, "it stands still already");
  if (!group_freeze(true)) {
    group_freeze(false);
    return port_fail(stream, EBUSY, "a process of the workload cannot be stopped: it waits for a device");
  }
  held = true;
  port_send(FRAME_DONE, stream, NULL, 0);
}

/* The workload's host name is not the agent's: it has one for itself. */
static int name_workload(const struct field *field, int *link, const char **problem) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/ns/uts", workload_pid());
  int theirs = open(path, O_RDONLY | O_CLOEXEC), own = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
  *problem = "setting the host name";
  int error = theirs < 0 || own < 0 || setns(theirs, CLONE_NEWUTS) != 0 ? errno : 0;
  if (error == 0) {
    error = apply_identity(field, link, problem);
    setns(own, CLONE_NEWUTS);
  }
  if (theirs >= 0) close(theirs);
  if (own >= 0) close(own);
  return error;
}

/* In the order in which they were brought at the start; one that is the same program as before is in use. */
static int replace_file(const struct field *field, unsigned number) {
  const uint8_t *end = field->size > 4 ? memchr(field->value + 4, 0, field->size - 4) : NULL;
  if (!end) return EBADMSG;
  char path[64];
  snprintf(path, sizeof path, "/run/file-%u", number);
  int file = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
  if (file < 0) return errno == ETXTBSY ? 0 : errno;
  size_t size = field->size - (size_t)(end + 1 - field->value);
  ssize_t written = write(file, end + 1, size);
  close(file);
  return written == (ssize_t)size ? 0 : EIO;
}

/* What a workload wrote for itself would be the same in all copies. */
static void renew_machine_id(const struct field *field) {
  char root[64], id[33];
  snprintf(root, sizeof root, "/proc/%d/root", workload_pid());
  int top = open(root, O_PATH | O_CLOEXEC);
  int file = top < 0 ? -1 : open_existing(top, "/etc/machine-id", O_RDWR);
  if (top >= 0) close(top);
  if (file < 0) return;
  size_t length = 0;
  for (size_t i = 0; i < field->size && length < 32; i++)
    if (field->value[i] != '-' && field->value[i] != '\n') id[length++] = (char)field->value[i];
  id[32] = '\n';
  char first;
  if (length == 32 && pread(file, &first, 1, 0) == 1 && first != '\n') pwrite(file, id, sizeof id, 0);
  close(file);
}

static int become(const uint8_t *payload, size_t size, const char **problem) {
  struct field field;
  size_t offset = 0;
  int link = 0, error = 0, state;
  unsigned files = 0;
  net_begin_anew();
  while (error == 0 && (state = field_next(payload, size, &offset, &field)) == 1) {
    *problem = "writing a file";
    if (field.tag == FIELD_HOSTNAME || field.tag == FIELD_DOMAINNAME) error = name_workload(&field, &link, problem);
    else if (field.tag == FIELD_FILE) error = replace_file(&field, files++);
    else error = apply_identity(&field, &link, problem);
    if (field.tag == FIELD_BOOT_ID) renew_machine_id(&field);
  }
  net_unplug_rest();
  return error;
}

static int catch_up(const uint8_t *payload, size_t size, const char **problem) {
  struct field field;
  size_t offset = 0;
  int link = 0, error = 0;
  while (error == 0 && field_next(payload, size, &offset, &field) == 1) error = apply_identity(&field, &link, problem);
  return error;
}

void wake(uint32_t stream, const uint8_t *payload, size_t size) {
  if (!held) return port_fail(stream, EINVAL, "it does not stand still");
  /* Otherwise it was saved and goes on under the relay it has, which only knows how late it is. */
  bool new_host = stream == WORKLOAD_STREAM;
  if (new_host || size > 0) {
    const char *problem = "";
    int error = new_host ? become(payload, size, &problem) : catch_up(payload, size, &problem);
    if (error != 0) {
      char text[512];
      snprintf(text, sizeof text, "%s: %s", problem, strerror(error));
      return port_fail(stream, error, text);
    }
  }
  if (new_host) process_of_new_host();
  held = false;
  group_freeze(false);
  port_send_u32(FRAME_STARTED, stream, (uint32_t)workload_pid());
  process_reap();
}
