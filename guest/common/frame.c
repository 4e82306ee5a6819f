#include "frame.h"

#include <stdlib.h>
#include <string.h>

static uint32_t read_u32(const uint8_t *from) {
  return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static uint16_t read_u16(const uint8_t *from) { return (uint16_t)(from[0] | from[1] << 8); }

static void write_u32(uint8_t *to, uint32_t value) {
  for (int i = 0; i < 4; i++) to[i] = (uint8_t)(value >> (8 * i));
}

void frame_reader_init(struct frame_reader *reader, uint32_t max_payload) {
  memset(reader, 0, sizeof *reader);
  reader->max_payload = max_payload;
}

void frame_reader_free(struct frame_reader *reader) {
  free(reader->buffer);
  reader->buffer = NULL;
  reader->capacity = reader->start = reader->end = 0;
}

uint8_t *frame_room(struct frame_reader *reader, size_t *room) {
  size_t held = reader->end - reader->start;
  if (reader->start > 0) {
    memmove(reader->buffer, reader->buffer + reader->start, held);
    reader->start = 0;
    reader->end = held;
  }
  size_t wanted = 65536;
  if (held >= HEADER_BYTES) {
    size_t whole = HEADER_BYTES + (size_t)read_u32(reader->buffer);
    if (whole > wanted) wanted = whole;
  }
  if (wanted - held < 4096) wanted = held + 4096;
  if (reader->capacity < wanted) {
    uint8_t *grown = realloc(reader->buffer, wanted);
    if (!grown) return NULL;
    reader->buffer = grown;
    reader->capacity = wanted;
  }
  *room = reader->capacity - reader->end;
  return reader->buffer + reader->end;
}

void frame_filled(struct frame_reader *reader, size_t bytes) { reader->end += bytes; }

int frame_next(struct frame_reader *reader, struct frame *frame) {
  size_t held = reader->end - reader->start;
  if (held < HEADER_BYTES) return 0;
  const uint8_t *at = reader->buffer + reader->start;
  uint32_t size = read_u32(at);
  if (size > reader->max_payload || read_u16(at + 6) != 0) return -1;
  if (held - HEADER_BYTES < size) return 0;
  frame->size = size;
  frame->type = read_u16(at + 4);
  frame->stream = read_u32(at + 8);
  frame->payload = at + HEADER_BYTES;
  reader->start += HEADER_BYTES + (size_t)size;
  return 1;
}

void frame_header(uint8_t header[HEADER_BYTES], uint16_t type, uint32_t stream, uint32_t size) {
  write_u32(header, size);
  header[4] = (uint8_t)type;
  header[5] = (uint8_t)(type >> 8);
  header[6] = header[7] = 0;
  write_u32(header + 8, stream);
}

int field_next(const uint8_t *payload, size_t size, size_t *offset, struct field *field) {
  size_t left = size - *offset;
  if (left == 0) return 0;
  if (left < 6) return -1;
  field->tag = read_u16(payload + *offset);
  field->size = read_u32(payload + *offset + 2);
  if (field->size > left - 6) return -1;
  field->value = payload + *offset + 6;
  *offset += 6 + (size_t)field->size;
  return 1;
}

uint32_t field_u32(const struct field *field, size_t offset) {
  return field->size >= offset + 4 ? read_u32(field->value + offset) : 0;
}

uint64_t field_u64(const struct field *field, size_t offset) {
  if (field->size < offset + 8) return 0;
  return (uint64_t)read_u32(field->value + offset) | (uint64_t)read_u32(field->value + offset + 4) << 32;
}

char *field_text(const struct field *field) {
  if (memchr(field->value, 0, field->size)) return NULL;
  char *text = malloc((size_t)field->size + 1);
  if (!text) return NULL;
  memcpy(text, field->value, field->size);
  text[field->size] = 0;
  return text;
}

int bytes_add(struct bytes *bytes, const void *data, size_t size) {
  if (bytes->capacity - bytes->size < size) {
    size_t capacity = bytes->capacity ? bytes->capacity * 2 : 4096;
    while (capacity - bytes->size < size) capacity *= 2;
    uint8_t *grown = realloc(bytes->data, capacity);
    if (!grown) return -1;
    bytes->data = grown;
    bytes->capacity = capacity;
  }
  if (size > 0) memcpy(bytes->data + bytes->size, data, size);
  bytes->size += size;
  return 0;
}

int bytes_frame(struct bytes *bytes, uint16_t type, uint32_t stream, const void *payload, size_t size) {
  uint8_t header[HEADER_BYTES];
  frame_header(header, type, stream, (uint32_t)size);
  if (bytes_add(bytes, header, sizeof header) != 0) return -1;
  return bytes_add(bytes, payload, size);
}

int bytes_field(struct bytes *bytes, uint16_t tag, const void *value, size_t size) {
  uint8_t header[6] = {(uint8_t)tag, (uint8_t)(tag >> 8)};
  write_u32(header + 2, (uint32_t)size);
  if (bytes_add(bytes, header, sizeof header) != 0) return -1;
  return bytes_add(bytes, value, size);
}

void bytes_drop(struct bytes *bytes, size_t size) {
  bytes->size -= size;
  memmove(bytes->data, bytes->data + size, bytes->size);
  if (bytes->size == 0 && bytes->capacity > 1 << 20) bytes_free(bytes);
}

void bytes_free(struct bytes *bytes) {
  free(bytes->data);
  memset(bytes, 0, sizeof *bytes);
}
