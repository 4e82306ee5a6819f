/* Frames and fields of protocol/contract.ts. */
#ifndef ISLE_FRAME_H
#define ISLE_FRAME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../../protocol/protocol.h"

#define HEADER_BYTES 12

struct frame {
  uint16_t type;
  uint32_t stream;
  uint32_t size;
  const uint8_t *payload; /* valid until more is read */
};

/* Collects bytes until whole frames are there. */
struct frame_reader {
  uint8_t *buffer;
  size_t capacity, start, end;
  uint32_t max_payload;
};

void frame_reader_init(struct frame_reader *reader, uint32_t max_payload);
void frame_reader_free(struct frame_reader *reader);
/* Where the next bytes of the other side go, and how many fit; NULL when memory is short. */
uint8_t *frame_room(struct frame_reader *reader, size_t *room);
void frame_filled(struct frame_reader *reader, size_t bytes);
/* 1 with a frame, 0 when more bytes are needed, -1 when the other side breaks the rules. */
int frame_next(struct frame_reader *reader, struct frame *frame);
void frame_header(uint8_t header[HEADER_BYTES], uint16_t type, uint32_t stream, uint32_t size);

struct field {
  uint16_t tag;
  uint32_t size;
  const uint8_t *value;
};

/* Steps through the fields of a payload: 1 with a field, 0 at the end, -1 when they are torn. */
int field_next(const uint8_t *payload, size_t size, size_t *offset, struct field *field);
uint32_t field_u32(const struct field *field, size_t offset);
uint64_t field_u64(const struct field *field, size_t offset);
/* A copy with a final zero that the caller frees; NULL when the value holds a zero or memory is short. */
char *field_text(const struct field *field);

/* A growing buffer of outgoing bytes. */
struct bytes {
  uint8_t *data;
  size_t size, capacity;
};

int bytes_add(struct bytes *bytes, const void *data, size_t size);
int bytes_frame(struct bytes *bytes, uint16_t type, uint32_t stream, const void *payload, size_t size);
int bytes_field(struct bytes *bytes, uint16_t tag, const void *value, size_t size);
/* Takes away from the front. */
void bytes_drop(struct bytes *bytes, size_t size);
void bytes_free(struct bytes *bytes);

#endif
