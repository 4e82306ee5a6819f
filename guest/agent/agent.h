/* The agent: PID 1 of a microVM's guest. One thread, one loop; everything it is told comes in frames over the port. */
#ifndef ISLE_AGENT_H
#define ISLE_AGENT_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../common/frame.h"

#define ROOT_PATH "/run/root"
#define SHARED_PATH "/run/shared"
#define BOOT_ID_PATH "/run/boot_id"
#define WORKLOAD_GROUP "/sys/fs/cgroup/workload"
#define WORKLOAD_STREAM 1
/* The name by which the agent is run in the place of a workload, and ends at once. */
#define REHEARSAL "isle-rehearsal"

/* boot.c */
void boot_mounts(void);
void boot_modules(void);
void boot_new_root(void);
int open_port(void);

/* port.c: everything that goes to the host. */
extern int port;
void port_send(uint16_t type, uint32_t stream, const void *payload, size_t size);
void port_send_u32(uint16_t type, uint32_t stream, uint32_t value);
void port_fail(uint32_t stream, int error, const char *text);

/* setup.c: 0, or an errno with `problem` saying what failed. */
int apply_setup(const uint8_t *payload, size_t size, const char **problem);
int apply_identity(const struct field *field, int *link, const char **problem);
void finish_disk(void);
int mount_disks(const char **problem);

/* net.c */
/* Before the first interface is configured. */
void net_expect(int count);
int net_link(const struct field *field, int *index);
int net_address(const struct field *field, int index);
int net_route(const struct field *field, int index);
int net_loopback(void);
void net_unplug_rest(void);
/* The next link is the first again, and what it had is forgotten. */
void net_begin_anew(void);

/* process.c */
struct poll_set;
void process_run(uint32_t stream, const uint8_t *payload, size_t size);
void rehearse(uint32_t stream, const uint8_t *payload, size_t size);
void process_exec(uint32_t stream, const uint8_t *payload, size_t size);
void process_files(uint32_t stream, const uint8_t *payload, size_t size);
void process_input(const struct frame *frame);
void process_credit(uint32_t stream, uint32_t bytes);
void process_signal(uint32_t stream, int signal);
void process_resize(uint32_t stream, uint16_t rows, uint16_t columns);
void process_reap(void);
size_t process_poll(struct pollfd *into, size_t room);
void process_ready(const struct pollfd *polled, size_t count);
void process_list(uint32_t stream);
void process_of_new_host(void);
pid_t workload_pid(void);

/* container.c: what a child does between fork and exec; it never returns. */
struct child {
  const uint8_t *payload;
  size_t size;
  bool is_exec, is_files, terminal;
  int input, output, errors; /* its standard streams; -1 with a terminal */
  int report;                /* socket: complaints, and the terminal's descriptor */
  int go;                    /* pipe: a byte comes when the child may go on */
  pid_t workload;            /* whose namespaces an exec joins */
  struct field filter;       /* the system call filter of an exec */
};
_Noreturn void child_main(const struct child *child);
/* Hands a descriptor to the agent: T for a terminal, S for a socket. */
void child_give(const struct child *child, char kind, int fd);
_Noreturn void child_fail(const struct child *child, int error, const char *format, const char *what);
void close_all_but(const int *kept, size_t count);

/* mounts.c, in the child */
void mount_all(const struct child *child);
int open_existing(int root, const char *path, int flags);
int open_in_root(int root, const char *path, mode_t kind);

/* changes.c: what others change in shared directories */
void tell_changes(uint32_t stream, const uint8_t *payload, size_t size);

/* identity.c, in the child */
void take_identity(const struct child *child);
_Noreturn void execute(const struct child *child);

/* group.c: control groups of the workload */
void group_prepare(const uint8_t *payload, size_t size);
void group_add(pid_t pid);
bool group_ran_out_of_memory(void);

bool group_freeze(bool frozen);

/* hold.c: standing still while the machine is saved */
bool is_held(void);
void hold(uint32_t stream);
void wake(uint32_t stream, const uint8_t *payload, size_t size);

/* files.c, in a child */
_Noreturn void files_main(const struct child *child);

/* sockets.c: the workload's sockets that somebody outside answers */
#define MOST_SOCKETS 8
extern int sockets[MOST_SOCKETS];
extern size_t socket_count;
_Noreturn void serve_sockets(void);

int write_text(const char *path, const char *text);

#endif
