#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <ifaddrs.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay.h"

/*
 * Stands in for a suspended machine on its networks: answers who asks for its hardware address, so that others go on sending to
 * it, and says a word when the first of them does. Lives as long as its standard input.
 */

#define MOST_ADDRESSES 32

struct address {
  int family;
  uint8_t bytes[16];
};

static struct address addresses[MOST_ADDRESSES];
static size_t address_count;
static bool told;

static void note_addresses(void) {
  struct ifaddrs *list;
  if (getifaddrs(&list) != 0) die("addresses");
  for (struct ifaddrs *at = list; at && address_count < MOST_ADDRESSES; at = at->ifa_next) {
    if (!at->ifa_addr || (at->ifa_flags & IFF_LOOPBACK)) continue;
    struct address *address = &addresses[address_count];
    address->family = at->ifa_addr->sa_family;
    if (address->family == AF_INET) memcpy(address->bytes, &((struct sockaddr_in *)at->ifa_addr)->sin_addr, 4);
    else if (address->family == AF_INET6) memcpy(address->bytes, &((struct sockaddr_in6 *)at->ifa_addr)->sin6_addr, 16);
    else continue;
    address_count++;
  }
  freeifaddrs(list);
}

static bool is_ours(int family, const uint8_t *bytes) {
  for (size_t i = 0; i < address_count; i++)
    if (addresses[i].family == family && memcmp(addresses[i].bytes, bytes, family == AF_INET ? 4 : 16) == 0) return true;
  return false;
}

static void wake(void) {
  if (told) return;
  told = true;
  if (write(1, "w\n", 2) != 2) _exit(0);
}

#define ARP_BYTES 28

/* Hardware and protocol of Ethernet and IPv4, operation, then sender and target with both their addresses. */
static void answer_arp(int packets, const struct sockaddr_ll *from, const uint8_t *asked) {
  static const uint8_t head[7] = {0, 1, 8, 0, 6, 4, 0};
  if (memcmp(asked, head, 7) != 0 || asked[7] != ARPOP_REQUEST || !is_ours(AF_INET, asked + 24)) return;
  struct sockaddr_ll own;
  socklen_t size = sizeof own;
  struct ifreq request = {0};
  if (!if_indextoname((unsigned)from->sll_ifindex, request.ifr_name) || ioctl(packets, SIOCGIFHWADDR, &request) != 0) return;
  const uint8_t *mac = (const uint8_t *)request.ifr_hwaddr.sa_data;
  uint8_t answer[ARP_BYTES];
  memcpy(answer, asked, ARP_BYTES);
  answer[7] = ARPOP_REPLY;
  memcpy(answer + 8, mac, 6);
  memcpy(answer + 14, asked + 24, 4);
  memcpy(answer + 18, asked + 8, 10);
  memset(&own, 0, size);
  own.sll_family = AF_PACKET;
  own.sll_protocol = htons(ETH_P_ARP);
  own.sll_ifindex = from->sll_ifindex;
  own.sll_halen = 6;
  memcpy(own.sll_addr, asked + 8, 6);
  sendto(packets, answer, sizeof answer, 0, (struct sockaddr *)&own, size);
}

/* Somebody else looks for its hardware address by IPv6: the target follows the header and four bytes. */
static bool is_solicited(const uint8_t *packet, size_t size) {
  return size >= 64 && packet[6] == IPPROTO_ICMPV6 && packet[40] == 135 && is_ours(AF_INET6, packet + 48);
}

static void look_at(int packets) {
  uint8_t packet[2048];
  struct sockaddr_ll from;
  socklen_t size = sizeof from;
  ssize_t got = recvfrom(packets, packet, sizeof packet, 0, (struct sockaddr *)&from, &size);
  if (got <= 0 || from.sll_pkttype == PACKET_OUTGOING || from.sll_hatype == ARPHRD_LOOPBACK) return;
  uint16_t kind = ntohs(from.sll_protocol);
  if (kind == ETH_P_ARP && got >= ARP_BYTES) answer_arp(packets, &from, packet);
  if (kind == ETH_P_IP && got >= 20 && is_ours(AF_INET, packet + 16)) wake();
  if (kind == ETH_P_IPV6 && got >= 40 && (is_ours(AF_INET6, packet + 24) || is_solicited(packet, (size_t)got))) wake();
}

int watch_main(int count, char **arguments) {
  if (count < 2) return 125;
  int netns = open(arguments[0], O_RDONLY | O_CLOEXEC);
  if (netns < 0 || setns(netns, CLONE_NEWNET) != 0) die(arguments[0]);
  close(netns);
  note_addresses();
  int packets = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ALL));
  if (packets < 0) die("packets");
  uid_t user = (uid_t)strtoul(arguments[1], NULL, 10);
  if (setgroups(0, NULL) != 0 || setresgid(user, user, user) != 0 || setresuid(user, user, user) != 0) die("rights");
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_NAME, "isle-watch");
  if (write(1, "r\n", 2) != 2) return 0;
  for (;;) {
    struct pollfd polled[2] = {{.fd = 0, .events = POLLIN}, {.fd = packets, .events = POLLIN}};
    if (poll(polled, 2, -1) < 0) continue;
    char word;
    if (polled[0].revents && read(0, &word, 1) <= 0) return 0;
    if (polled[1].revents) look_at(packets);
  }
}
