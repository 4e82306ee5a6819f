#include "netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int netlink_open(void) { return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE); }

void request_begin(struct request *request, uint16_t type, uint16_t flags, const void *header, size_t size) {
  memset(request, 0, sizeof *request);
  struct nlmsghdr *message = (struct nlmsghdr *)request->bytes;
  message->nlmsg_type = type;
  message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
  memcpy(NLMSG_DATA(message), header, size);
  request->size = NLMSG_SPACE(size);
}

void request_attribute(struct request *request, uint16_t type, const void *value, size_t size) {
  if (request->size + RTA_SPACE(size) > sizeof request->bytes) return;
  struct rtattr *attribute = (struct rtattr *)(request->bytes + request->size);
  attribute->rta_type = type;
  attribute->rta_len = (unsigned short)RTA_LENGTH(size);
  if (size > 0) memcpy(RTA_DATA(attribute), value, size);
  request->size += RTA_SPACE(size);
}

size_t request_nest(struct request *request, uint16_t type) {
  size_t at = request->size;
  request_attribute(request, type, NULL, 0);
  return at;
}

void request_unnest(struct request *request, size_t nest) {
  ((struct rtattr *)(request->bytes + nest))->rta_len = (unsigned short)(request->size - nest);
}

int request_send(int socket, struct request *request) {
  struct nlmsghdr *message = (struct nlmsghdr *)request->bytes;
  message->nlmsg_len = (uint32_t)request->size;
  message->nlmsg_seq = 1;
  if (send(socket, request->bytes, request->size, 0) < 0) return errno;
  uint8_t reply[8192];
  ssize_t length = recv(socket, reply, sizeof reply, 0);
  if (length < (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr))) return EPROTO;
  struct nlmsghdr *answer = (struct nlmsghdr *)reply;
  if (answer->nlmsg_type != NLMSG_ERROR) return EPROTO;
  return -((struct nlmsgerr *)NLMSG_DATA(answer))->error;
}

int netlink_dump(int socket, uint16_t type, uint8_t family, void (*each)(const void *body, size_t size, void *to),
                 void *to) {
  struct {
    struct nlmsghdr message;
    struct rtgenmsg body;
  } ask = {.message = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtgenmsg)), .nlmsg_type = type,
                       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP, .nlmsg_seq = 2},
           .body = {.rtgen_family = family}};
  if (send(socket, &ask, ask.message.nlmsg_len, 0) < 0) return errno;
  uint8_t reply[32768];
  for (;;) {
    ssize_t length = recv(socket, reply, sizeof reply, 0);
    if (length <= 0) return length < 0 ? errno : EPROTO;
    int left = (int)length;
    for (struct nlmsghdr *message = (struct nlmsghdr *)reply; NLMSG_OK(message, left);
         message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_type == NLMSG_DONE) return 0;
      if (message->nlmsg_type == NLMSG_ERROR) return EPROTO;
      each(NLMSG_DATA(message), message->nlmsg_len - NLMSG_HDRLEN, to);
    }
  }
}
