/* The rtnetlink(7) requests that both sides need, each acknowledged; a refusal is returned as an errno. */
#ifndef ISLE_NETLINK_H
#define ISLE_NETLINK_H

#include <stddef.h>
#include <stdint.h>

struct request {
  uint8_t bytes[4096];
  size_t size;
};

void request_begin(struct request *request, uint16_t type, uint16_t flags, const void *header, size_t size);
void request_attribute(struct request *request, uint16_t type, const void *value, size_t size);
size_t request_nest(struct request *request, uint16_t type);
void request_unnest(struct request *request, size_t nest);
int request_send(int socket, struct request *request);
int netlink_open(void);
/* Asks for a list; `each` gets every message's body. */
int netlink_dump(int socket, uint16_t type, uint8_t family, void (*each)(const void *body, size_t size, void *to), void *to);

#endif
