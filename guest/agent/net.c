#include <errno.h>
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../common/netlink.h"
#include "agent.h"

unsigned int if_nametoindex(const char *name);

#define MOST_LINKS 16

static int next_link;
static int links[MOST_LINKS];

static int send_once(struct request *request) {
  int socket = netlink_open();
  if (socket < 0) return errno;
  int error = request_send(socket, request);
  close(socket);
  return error;
}

static int set_link(int index, const uint8_t *mac, uint32_t mtu, bool up) {
  struct ifinfomsg header = {.ifi_index = index, .ifi_flags = up ? IFF_UP : 0, .ifi_change = IFF_UP};
  struct request request;
  request_begin(&request, RTM_NEWLINK, 0, &header, sizeof header);
  if (mac) request_attribute(&request, IFLA_ADDRESS, mac, 6);
  if (mtu) request_attribute(&request, IFLA_MTU, &mtu, 4);
  return send_once(&request);
}

int net_loopback(void) { return set_link(1, NULL, 0, true); }

static int link_number(int number) {
  char name[16];
  snprintf(name, sizeof name, "eth%d", number);
  return (int)if_nametoindex(name);
}

/* A machine that goes on from a template may have more interfaces than that had. */
void net_expect(int count) {
  if (count > 1 && link_number(count - 1) == 0) write_text("/sys/bus/pci/rescan", "1");
}

static int rename_link(int index, const struct field *field) {
  char name[IFNAMSIZ] = "";
  if (field->size == 10) return 0;
  memcpy(name, field->value + 10, field->size - 10 < IFNAMSIZ - 1 ? field->size - 10 : IFNAMSIZ - 1);
  if ((int)if_nametoindex(name) == index) return 0;
  struct ifinfomsg header = {.ifi_index = index};
  struct request request;
  request_begin(&request, RTM_NEWLINK, 0, &header, sizeof header);
  request_attribute(&request, IFLA_IFNAME, name, strlen(name) + 1);
  return send_once(&request);
}

/* Interfaces are configured in the order in which the machine has them. */
int net_link(const struct field *field, int *index) {
  if (field->size < 10) return EBADMSG;
  if (next_link == MOST_LINKS) return E2BIG;
  /* One that was configured before may have another name since. */
  if (links[next_link] == 0) links[next_link] = link_number(next_link);
  *index = links[next_link++];
  if (*index == 0) return ENODEV;
  set_link(*index, NULL, 0, false);
  int error = set_link(*index, field->value, field_u32(field, 6), false);
  if (error == 0) error = rename_link(*index, field);
  return error ? error : set_link(*index, NULL, 0, true);
}

static void forget_address(const void *body, size_t size, void *to) {
  const struct ifaddrmsg *header = body;
  if (header->ifa_index == 1 || header->ifa_scope == RT_SCOPE_LINK) return;
  struct request *last = to;
  struct request request;
  struct ifaddrmsg which = *header;
  request_begin(&request, RTM_DELADDR, 0, &which, sizeof which);
  int left = (int)(size - NLMSG_ALIGN(sizeof *header));
  for (struct rtattr *at = IFA_RTA(header); RTA_OK(at, left); at = RTA_NEXT(at, left)) {
    if (at->rta_type == IFA_LOCAL || at->rta_type == IFA_ADDRESS)
      request_attribute(&request, at->rta_type, RTA_DATA(at), RTA_PAYLOAD(at));
  }
  *last = request;
}

/* One at a time, since a list is not to be changed while it is read. */
void net_begin_anew(void) {
  next_link = 0;
  for (int tries = 0; tries < 64; tries++) {
    struct request last = {.size = 0};
    int socket = netlink_open();
    if (socket < 0) return;
    netlink_dump(socket, RTM_GETADDR, AF_UNSPEC, forget_address, &last);
    close(socket);
    if (last.size == 0 || send_once(&last) != 0) return;
  }
}

/* The network has no interface for it: the guest is not to see one that leads nowhere. */
void net_unplug_rest(void) {
  for (;;) {
    char name[16], path[64], device[256];
    snprintf(name, sizeof name, "eth%d", next_link++);
    if (if_nametoindex(name) == 0) return;
    snprintf(path, sizeof path, "/sys/class/net/%s/device", name);
    ssize_t length = readlink(path, device, sizeof device - 1);
    if (length <= 0) return;
    device[length] = 0;
    const char *slash = strrchr(device, '/');
    write_text("/sys/bus/virtio/drivers/virtio_net/unbind", slash ? slash + 1 : device);
  }
}

int net_address(const struct field *field, int index) {
  if (field->size < 2) return EBADMSG;
  bool six = field->value[0] == 6;
  size_t length = six ? 16 : 4;
  if (field->size < 2 + length) return EBADMSG;
  struct ifaddrmsg header = {.ifa_family = six ? AF_INET6 : AF_INET, .ifa_prefixlen = field->value[1],
                             .ifa_flags = six ? IFA_F_NODAD : 0, .ifa_index = (unsigned)index};
  struct request request;
  request_begin(&request, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof header);
  request_attribute(&request, IFA_LOCAL, field->value + 2, length);
  request_attribute(&request, IFA_ADDRESS, field->value + 2, length);
  if (!six && header.ifa_prefixlen < 31) {
    uint8_t broadcast[4];
    for (unsigned bit = 0; bit < 32; bit++) {
      uint8_t mask = (uint8_t)(0x80 >> (bit % 8));
      if (bit % 8 == 0) broadcast[bit / 8] = field->value[2 + bit / 8];
      if (bit >= header.ifa_prefixlen) broadcast[bit / 8] |= mask;
    }
    request_attribute(&request, IFA_BROADCAST, broadcast, 4);
  }
  return send_once(&request);
}

int net_route(const struct field *field, int index) {
  if (field->size < 2) return EBADMSG;
  bool six = field->value[0] == 6;
  size_t length = six ? 16 : 4;
  if (field->size < 2 + 2 * length) return EBADMSG;
  static const uint8_t none[16];
  const uint8_t *destination = field->value + 2, *gateway = destination + length;
  bool direct = memcmp(gateway, none, length) == 0;
  struct rtmsg header = {.rtm_family = six ? AF_INET6 : AF_INET, .rtm_dst_len = field->value[1],
                         .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_BOOT,
                         .rtm_scope = direct && !six ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE, .rtm_type = RTN_UNICAST};
  struct request request;
  request_begin(&request, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof header);
  if (header.rtm_dst_len > 0) request_attribute(&request, RTA_DST, destination, length);
  if (!direct) request_attribute(&request, RTA_GATEWAY, gateway, length);
  request_attribute(&request, RTA_OIF, &index, 4);
  return send_once(&request);
}
