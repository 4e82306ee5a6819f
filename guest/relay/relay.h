/* The relay: the process that stands for a microVM's workload on the host, and the keeper, QEMU's parent. */
#ifndef ISLE_RELAY_H
#define ISLE_RELAY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "../common/frame.h"

/* Where complaints go: not to the standard error that is the workload's. */
extern int complaints;
_Noreturn void die(const char *what);
int connect_unix(const char *name);
int listen_unix(const char *name);
void join_groups(char *const *groups, size_t count);

/* keep.c */
int keep_main(int count, char **arguments);
/* walls.c: what QEMU sees of the machine */
void enter_walls(const char *const *directories, const char *writable, bool with_kvm);

/* discard.c: what a guest gives back of a file that other machines are mapped from */
struct discards {
  int listener;     /* tells of them; -1 when nobody is asked */
  int proc;         /* the host's /proc, which the machine's parent does not see otherwise */
  struct stat kept; /* the file */
};
int watch_discards(void);
void answer_discard(const struct discards *discards);
/* Beside a name, or no descriptor when there is none. */
bool pass_descriptor(int socket, int fd, const char *name);
int take_descriptor(int socket);

/* link.c */
int make_tap(const char *name);
#define TAP_PREFIX "isle"
/* Brings the keeper's taps here, joins each with an interface that is here, and adds to the setup what the guest must know. */
int take_taps(pid_t keeper, struct bytes *setup);

/* changes.c: what others than the guest change in the directories that it shares */
/* Where the shared tree is, in a mount namespace of its own. */
extern const char *shared_tree;
#define PATH_BYTES 4096
/* While there are rights left: events tell who caused them only to one who had all of them. */
void open_notices(void);
/* Tells the guest of changes in these directories of the tree until the server ends. */
void watch_tree(const char *const *names, size_t count, pid_t server);

/* share.c: the server of the directories that the guest shares with the host */
int share_main(int count, char **arguments);

/* console.c: makes a new terminal the standard streams and gives its other side away */
void open_console(const char *path);
int console_main(char **arguments);

/* watch.c: tells of the first packet for a machine that is suspended */
int watch_main(int count, char **arguments);

/* counter.c */
int counter_main(void);

/* serve.c */
int serve_main(int count, char **arguments);

#endif
