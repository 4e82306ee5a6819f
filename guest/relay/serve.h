#ifndef ISLE_SERVE_H
#define ISLE_SERVE_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "../common/frame.h"

#define MAX_CLIENTS 256
#define WORKLOAD 1u

/* Something that bytes wait for: a standard stream or a client. */
struct outlet {
  int fd;
  struct bytes waiting;
  uint32_t owed; /* bytes passed on that the guest has not been credited for */
};

struct client {
  int fd;
  struct frame_reader reader;
  struct outlet out;
  uint32_t stream; /* of its exec or request; 0 when it has none */
  bool wants_start, wants_machine, wants_words; /* words: what the machine says, not only that it did */
  struct client *next;
};

enum phase { CREATED, STARTING, RUNNING, FINISHING, OVER };

struct options {
  const char *netns, *plan, *console;
  int keeper;
  uid_t user; /* what it becomes once the workload runs */
  bool new_netns, terminal, ephemeral;
  char *groups[16];
  size_t group_count;
};

struct relay {
  struct options options;
  enum phase phase;
  int life, guest, machine, control, signals, verdict;
  struct frame_reader reader;
  struct bytes to_guest, to_machine, from_machine;
  uint32_t hold;         /* the request that has the guest stand still; 0 for none */
  struct bytes held_back; /* what it is to hear afterwards */
  struct outlet output, errors;
  int input;
  uint32_t input_credit, next_stream;
  struct client *clients;
  int exit_code;
  bool guest_ended; /* by itself: a panic or a reboot */
  int64_t deadline; /* milliseconds of the monotonic clock, 0 for none */
};

extern struct relay relay;

int64_t now_ms(void);
void to_guest(uint16_t type, uint32_t stream, const void *payload, size_t size);
void to_guest_u32(uint16_t type, uint32_t stream, uint32_t value);
void hold_guest(struct client *client);
void wake_guest(void);
void end_machine(int code);
void pass_on(struct outlet *outlet, uint32_t stream);
void after_deadline(int milliseconds);
void give_up_rights(void);

/* client.c */
void accept_client(void);
void read_client(struct client *client);
void drop_client(struct client *client);
struct client *client_of(uint32_t stream);
struct client *starting_client(void);
void tell_client(struct client *client, uint16_t type, const void *payload, size_t size);

/* guest.c */
void read_guest(void);
bool begin_workload(void);
bool add_moment(struct bytes *setup);

/* machine.c */
void open_machine(void);
void ask_machine(const char *line, struct client *client);
void read_machine(void);

#endif
