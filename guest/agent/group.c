#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"

static void write_number(const char *file, unsigned long long value) {
  char path[128], text[32];
  snprintf(path, sizeof path, WORKLOAD_GROUP "/%s", file);
  snprintf(text, sizeof text, "%llu", value);
  write_text(path, text);
}

/* Limits of the workload itself; the machine around it is a little larger. */
void group_prepare(const uint8_t *payload, size_t size) {
  struct field field;
  size_t offset = 0;
  while (field_next(payload, size, &offset, &field) == 1) {
    if (field.tag == FIELD_MEMORY_LIMIT) write_number("memory.max", field_u64(&field, 0));
    if (field.tag == FIELD_PIDS_LIMIT) write_number("pids.max", field_u64(&field, 0));
  }
}

void group_add(pid_t pid) { write_number("cgroup.procs", (unsigned long long)pid); }

#define FREEZE_PATIENCE 5000

/* False when something of the workload cannot be stopped in time. */
bool group_freeze(bool frozen) {
  write_number("cgroup.freeze", frozen);
  for (int tries = 0; frozen && tries < FREEZE_PATIENCE; tries++) {
    char text[256] = "";
    int file = open(WORKLOAD_GROUP "/cgroup.events", O_RDONLY | O_CLOEXEC);
    if (file < 0 || read(file, text, sizeof text - 1) < 0) text[0] = 0;
    if (file >= 0) close(file);
    if (strstr(text, "frozen 1")) return true;
    usleep(1000);
  }
  return !frozen;
}

bool group_ran_out_of_memory(void) {
  char text[512] = "";
  int file = open(WORKLOAD_GROUP "/memory.events", O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  const char *kills = length > 0 ? strstr(text, "oom_kill ") : NULL;
  return kills && strtoul(kills + 9, NULL, 10) > 0;
}
