#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "agent.h"

int port = -1;

/* The host always reads, so this waits only as long as its reader is busy. */
static void write_whole(const uint8_t *data, size_t size) {
  while (size > 0) {
    ssize_t written = write(port, data, size);
    if (written > 0) {
      data += written;
      size -= (size_t)written;
    } else if (written < 0 && errno == EAGAIN) {
      struct pollfd wait = {.fd = port, .events = POLLOUT};
      poll(&wait, 1, 100);
      /* Without a host nobody hears the rest of it. */
      if (wait.revents & POLLHUP) return;
    } else if (written < 0 && errno == EINTR) {
      continue;
    } else {
      return;
    }
  }
}

/* Header and payload in one write, which is one exchange with the device. */
void port_send(uint16_t type, uint32_t stream, const void *payload, size_t size) {
  static uint8_t packet[HEADER_BYTES + LIMIT_MAX_FRAME];
  if (size > LIMIT_MAX_FRAME) size = LIMIT_MAX_FRAME;
  frame_header(packet, type, stream, (uint32_t)size);
  if (size > 0) memcpy(packet + HEADER_BYTES, payload, size);
  write_whole(packet, HEADER_BYTES + size);
}

void port_send_u32(uint16_t type, uint32_t stream, uint32_t value) {
  uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
  port_send(type, stream, bytes, sizeof bytes);
}

void port_fail(uint32_t stream, int error, const char *text) {
  uint8_t packet[4 + 1024];
  size_t length = strnlen(text, 1024);
  for (int i = 0; i < 4; i++) packet[i] = (uint8_t)((uint32_t)error >> (8 * i));
  memcpy(packet + 4, text, length);
  port_send(FRAME_FAILED, stream, packet, 4 + length);
}
