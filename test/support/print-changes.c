#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

/* Prints what changes at the given paths, a line each: the argument's number, and the name where it is inside. */
int main(int count, char **paths) {
  static char buffer[65536] __attribute__((aligned(8)));
  int notices = inotify_init();
  for (int i = 1; i < count; i++)
    if (inotify_add_watch(notices, paths[i], IN_MODIFY) != i) return 1;
  printf("ready\n");
  fflush(stdout);
  for (ssize_t size; (size = read(notices, buffer, sizeof buffer)) > 0; fflush(stdout))
    for (char *at = buffer; at < buffer + size;) {
      struct inotify_event *event = (struct inotify_event *)at;
      printf("%d %s\n", event->wd, event->len ? event->name : "itself");
      at += sizeof *event + event->len;
    }
}
