#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../common/netlink.h"
#include "relay.h"

unsigned int if_nametoindex(const char *name);

int make_tap(const char *name) {
  int tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  if (tap < 0) return -1;
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  if (ioctl(tap, TUNSETIFF, &request) == 0) return tap;
  close(tap);
  return -1;
}

static int move_tap(pid_t keeper, const char *name, int home) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/ns/net", keeper);
  int there = open(path, O_RDONLY | O_CLOEXEC);
  if (there < 0 || setns(there, CLONE_NEWNET) != 0) return errno;
  close(there);
  struct ifinfomsg header = {.ifi_index = (int)if_nametoindex(name)};
  struct request request;
  request_begin(&request, RTM_NEWLINK, 0, &header, sizeof header);
  request_attribute(&request, IFLA_NET_NS_FD, &home, sizeof home);
  int socket = netlink_open();
  int error = socket < 0 ? errno : request_send(socket, &request);
  close(socket);
  if (setns(home, CLONE_NEWNET) != 0) return errno;
  return error;
}

static void add_mirror(struct request *request, int to) {
  size_t actions = request_nest(request, TCA_U32_ACT);
  size_t first = request_nest(request, 1);
  request_attribute(request, TCA_ACT_KIND, "mirred", 7);
  size_t options = request_nest(request, TCA_ACT_OPTIONS);
  struct tc_mirred mirred = {.action = TC_ACT_STOLEN, .eaction = TCA_EGRESS_REDIR, .ifindex = (uint32_t)to};
  request_attribute(request, TCA_MIRRED_PARMS, &mirred, sizeof mirred);
  request_unnest(request, options);
  request_unnest(request, first);
  request_unnest(request, actions);
}

/* Whatever arrives at one interface leaves through the other, before this machine's own stack sees it. */
static int redirect(int socket, int from, int to) {
  struct tcmsg queue = {.tcm_ifindex = from, .tcm_handle = TC_H_MAKE(TC_H_INGRESS, 0), .tcm_parent = TC_H_INGRESS};
  struct request request;
  /* The machine was here before: what led to its earlier device leads nowhere. */
  request_begin(&request, RTM_DELQDISC, 0, &queue, sizeof queue);
  request_send(socket, &request);
  request_begin(&request, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &queue, sizeof queue);
  request_attribute(&request, TCA_KIND, "ingress", 8);
  int error = request_send(socket, &request);
  if (error != 0) return error;
  struct tcmsg filter = {.tcm_ifindex = from, .tcm_parent = TC_H_MAKE(TC_H_INGRESS, 0),
                         .tcm_info = TC_H_MAKE(1u << 16, htons(ETH_P_ALL))};
  request_begin(&request, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, &filter, sizeof filter);
  request_attribute(&request, TCA_KIND, "u32", 4);
  size_t options = request_nest(&request, TCA_OPTIONS);
  /* One key whose mask is empty fits every packet; not every kernel has the classifier made for that. */
  struct {
    struct tc_u32_sel selector;
    struct tc_u32_key key;
  } everything = {.selector = {.flags = TC_U32_TERMINAL, .nkeys = 1}};
  request_attribute(&request, TCA_U32_SEL, &everything, sizeof everything);
  add_mirror(&request, to);
  request_unnest(&request, options);
  return request_send(socket, &request);
}

#define MOST_INTERFACES 16

struct interface {
  int index;
  char name[IFNAMSIZ];
  uint8_t mac[6];
  uint32_t mtu;
  struct bytes *setup;
};

struct interfaces {
  struct interface list[MOST_INTERFACES];
  size_t count;
};

static void note_link(const void *body, size_t size, void *to) {
  struct interfaces *interfaces = to;
  const struct ifinfomsg *header = body;
  if ((header->ifi_flags & IFF_LOOPBACK) || interfaces->count == MOST_INTERFACES) return;
  struct interface *interface = &interfaces->list[interfaces->count++];
  interface->index = header->ifi_index;
  int left = (int)(size - NLMSG_ALIGN(sizeof *header));
  for (struct rtattr *at = IFLA_RTA(header); RTA_OK(at, left); at = RTA_NEXT(at, left)) {
    if (at->rta_type == IFLA_ADDRESS && RTA_PAYLOAD(at) == 6) memcpy(interface->mac, RTA_DATA(at), 6);
    if (at->rta_type == IFLA_MTU) memcpy(&interface->mtu, RTA_DATA(at), 4);
    if (at->rta_type == IFLA_IFNAME) snprintf(interface->name, IFNAMSIZ, "%s", (const char *)RTA_DATA(at));
  }
}

/* The order in which they were made. */
static int by_index(const void *left, const void *right) {
  return ((const struct interface *)left)->index - ((const struct interface *)right)->index;
}

static void note_address(const void *body, size_t size, void *to) {
  struct interface *interface = to;
  const struct ifaddrmsg *header = body;
  if ((int)header->ifa_index != interface->index || header->ifa_scope == RT_SCOPE_LINK) return;
  bool six = header->ifa_family == AF_INET6;
  size_t length = six ? 16 : 4;
  uint8_t field[18] = {six ? 6 : 4, header->ifa_prefixlen};
  int left = (int)(size - NLMSG_ALIGN(sizeof *header));
  bool found = false, local = false;
  for (struct rtattr *at = IFA_RTA(header); RTA_OK(at, left); at = RTA_NEXT(at, left)) {
    if (RTA_PAYLOAD(at) != length || (at->rta_type != IFA_LOCAL && at->rta_type != IFA_ADDRESS) || local) continue;
    memcpy(field + 2, RTA_DATA(at), length);
    found = true;
    local = at->rta_type == IFA_LOCAL;
  }
  if (found) bytes_field(interface->setup, FIELD_ADDRESS, field, 2 + length);
}

/* Routes that follow from the addresses come with them. */
static void note_route(const void *body, size_t size, void *to) {
  struct interface *interface = to;
  const struct rtmsg *header = body;
  if (header->rtm_table != RT_TABLE_MAIN || header->rtm_protocol == RTPROT_KERNEL || header->rtm_type != RTN_UNICAST)
    return;
  bool six = header->rtm_family == AF_INET6;
  size_t length = six ? 16 : 4;
  uint8_t field[34] = {six ? 6 : 4, header->rtm_dst_len};
  int left = (int)(size - NLMSG_ALIGN(sizeof *header)), out = 0;
  for (struct rtattr *at = RTM_RTA(header); RTA_OK(at, left); at = RTA_NEXT(at, left)) {
    if (at->rta_type == RTA_DST && RTA_PAYLOAD(at) == length) memcpy(field + 2, RTA_DATA(at), length);
    if (at->rta_type == RTA_GATEWAY && RTA_PAYLOAD(at) == length) memcpy(field + 2 + length, RTA_DATA(at), length);
    if (at->rta_type == RTA_OIF) memcpy(&out, RTA_DATA(at), 4);
  }
  if (out == interface->index) bytes_field(interface->setup, FIELD_ROUTE, field, 2 + 2 * length);
}

static int set_up(int socket, int index, uint32_t mtu) {
  struct ifinfomsg header = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  struct request request;
  request_begin(&request, RTM_NEWLINK, 0, &header, sizeof header);
  request_attribute(&request, IFLA_MTU, &mtu, sizeof mtu);
  return request_send(socket, &request);
}

static int join(int socket, struct interface *interface, int tap) {
  uint8_t link[10 + IFNAMSIZ];
  memcpy(link, interface->mac, 6);
  for (int i = 0; i < 4; i++) link[6 + i] = (uint8_t)(interface->mtu >> (8 * i));
  memcpy(link + 10, interface->name, IFNAMSIZ);
  bytes_field(interface->setup, FIELD_LINK, link, 10 + strlen(interface->name));
  netlink_dump(socket, RTM_GETADDR, AF_UNSPEC, note_address, interface);
  netlink_dump(socket, RTM_GETROUTE, AF_INET, note_route, interface);
  netlink_dump(socket, RTM_GETROUTE, AF_INET6, note_route, interface);
  int error = set_up(socket, tap, interface->mtu);
  if (error == 0) error = redirect(socket, interface->index, tap);
  if (error == 0) error = redirect(socket, tap, interface->index);
  return error;
}

int take_taps(pid_t keeper, struct bytes *setup) {
  int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  int socket = netlink_open();
  if (home < 0 || socket < 0) return errno;
  struct interfaces interfaces = {0};
  netlink_dump(socket, RTM_GETLINK, AF_UNSPEC, note_link, &interfaces);
  qsort(interfaces.list, interfaces.count, sizeof interfaces.list[0], by_index);
  int error = 0;
  for (size_t i = 0; i < interfaces.count && error == 0; i++) {
    char tap[IFNAMSIZ];
    snprintf(tap, sizeof tap, TAP_PREFIX "%zu", i);
    interfaces.list[i].setup = setup;
    error = move_tap(keeper, tap, home);
    if (error == 0) error = join(socket, &interfaces.list[i], (int)if_nametoindex(tap));
  }
  close(socket);
  close(home);
  return error;
}
