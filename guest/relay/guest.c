#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "relay.h"
#include "serve.h"

#define FINISH_PATIENCE_MS 10000
#define SETUP_STREAM 0u
#define MOST_WAITING (2u * LIMIT_WINDOW + LIMIT_MAX_FRAME)

static void put_u64(uint8_t to[8], uint64_t value) {
  for (int i = 0; i < 8; i++) to[i] = (uint8_t)(value >> (8 * i));
}

/* The parts of a setup that are of this moment. */
bool add_moment(struct bytes *setup) {
  struct timespec now;
  uint8_t clock[8], entropy[64];
  clock_gettime(CLOCK_REALTIME, &now);
  put_u64(clock, (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
  if (getrandom(entropy, sizeof entropy, 0) != sizeof entropy) return false;
  bytes_field(setup, FIELD_TIME, clock, sizeof clock);
  return bytes_field(setup, FIELD_ENTROPY, entropy, sizeof entropy) == 0;
}

static bool read_plan(struct frame_reader *reader) {
  int file = open(relay.options.plan, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  ssize_t got = 1;
  while (got > 0) {
    size_t room;
    uint8_t *into = frame_room(reader, &room);
    got = into ? read(file, into, room) : -1;
    if (got > 0) frame_filled(reader, (size_t)got);
    struct frame frame;
    size_t start = reader->start;
    while (frame_next(reader, &frame) == 1) {
      struct bytes setup = {0};
      if (frame.type != FRAME_SETUP && frame.type != FRAME_WAKE) {
        to_guest(frame.type, frame.stream, frame.payload, frame.size);
        continue;
      }
      int error = add_moment(&setup) ? take_taps(relay.options.keeper, &setup) : EIO;
      if (error != 0) {
        bytes_free(&setup);
        close(file);
        errno = error;
        return false;
      }
      bytes_add(&setup, frame.payload, frame.size);
      /* A machine that was saved stands still until it hears who it is. */
      if (frame.type == FRAME_WAKE) ask_machine("{\"execute\":\"cont\"}", NULL);
      to_guest(frame.type, frame.stream, setup.data, setup.size);
      bytes_free(&setup);
    }
    if (reader->start == start && got == 0) break;
  }
  close(file);
  return got == 0;
}

/* Everything is sent at once; the guest takes it when it is up. */
bool begin_workload(void) {
  struct frame_reader reader;
  frame_reader_init(&reader, LIMIT_MAX_REQUEST);
  relay.phase = STARTING;
  bool good = read_plan(&reader);
  int error = errno;
  frame_reader_free(&reader);
  errno = error;
  return good;
}

static void finish_start(uint16_t type, const struct frame *frame) {
  struct client *client = starting_client();
  if (client) {
    client->wants_start = false;
    tell_client(client, type, frame->payload, frame->size);
  }
  after_deadline(0);
  if (type != FRAME_STARTED) return end_machine(127);
  relay.phase = RUNNING;
  give_up_rights();
}

static void end_workload(const struct frame *frame) {
  struct field whole = {.size = frame->size, .value = frame->payload};
  relay.exit_code = (int)(field_u32(&whole, 0) & 255);
  if (field_u32(&whole, 4) & EXIT_OUT_OF_MEMORY) write(relay.verdict, "out of memory\n", 14);
  /* What is thrown away next need not be written. */
  if (relay.options.ephemeral) return end_machine(relay.exit_code);
  relay.phase = FINISHING;
  to_guest(FRAME_FINISH, WORKLOAD, NULL, 0);
  after_deadline(FINISH_PATIENCE_MS);
}

/* False when the guest sends more than it was allowed to: a guest that does is not the agent any more. */
static bool queue(struct outlet *outlet, const struct frame *frame) {
  if (outlet->waiting.size + frame->size > MOST_WAITING) return false;
  bytes_add(&outlet->waiting, frame->payload, frame->size);
  outlet->owed += frame->size;
  pass_on(outlet, frame->stream);
  return true;
}

static bool handle_workload(const struct frame *frame) {
  switch (frame->type) {
    case FRAME_STARTED:
    case FRAME_FAILED:
      if (relay.phase == STARTING) finish_start(frame->type, frame);
      return true;
    case FRAME_OUTPUT: return queue(&relay.output, frame);
    case FRAME_ERRORS: return queue(&relay.errors, frame);
    case FRAME_EXITED:
      if (relay.phase == RUNNING) end_workload(frame);
      return true;
    case FRAME_CREDIT: {
      struct field whole = {.size = frame->size, .value = frame->payload};
      uint32_t more = field_u32(&whole, 0);
      relay.input_credit = more > LIMIT_WINDOW - relay.input_credit ? LIMIT_WINDOW : relay.input_credit + more;
      return true;
    }
    case FRAME_DONE:
      if (relay.phase == FINISHING) end_machine(relay.exit_code);
      return true;
    default: return true;
  }
}

static bool handle_request(const struct frame *frame) {
  struct client *client = client_of(frame->stream);
  bool counted = frame->type == FRAME_OUTPUT || frame->type == FRAME_ERRORS || frame->type == FRAME_DATA;
  if (!client) {
    if (counted) to_guest_u32(FRAME_CREDIT, frame->stream, frame->size);
    return true;
  }
  if (client->out.waiting.size + frame->size > MOST_WAITING) return false;
  /* It cannot stand still, so it goes on hearing. */
  if (frame->stream == relay.hold && frame->type == FRAME_FAILED) wake_guest();
  bytes_frame(&client->out.waiting, frame->type, 0, frame->payload, frame->size);
  if (counted) client->out.owed += frame->size;
  pass_on(&client->out, client->stream);
  return true;
}

static bool handle(const struct frame *frame) {
  if (frame->stream == WORKLOAD) return handle_workload(frame);
  if (frame->stream != SETUP_STREAM) return handle_request(frame);
  if (frame->type == FRAME_FAILED && relay.phase == STARTING) finish_start(FRAME_FAILED, frame);
  return true;
}

void read_guest(void) {
  size_t room;
  uint8_t *into = frame_room(&relay.reader, &room);
  ssize_t got = into ? recv(relay.guest, into, room, MSG_DONTWAIT) : -1;
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    /* The machine is gone; its keeper tells of it too. */
    close(relay.guest);
    relay.guest = -1;
    return;
  }
  frame_filled(&relay.reader, (size_t)got);
  struct frame frame;
  int state;
  while (relay.guest >= 0 && (state = frame_next(&relay.reader, &frame)) != 0) {
    if (state == 1 && handle(&frame)) continue;
    dprintf(complaints, "the guest broke the protocol and was ended\n");
    end_machine(137);
    return;
  }
}
