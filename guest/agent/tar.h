/* Tar archives with pax records, as docker cp and layers have them. */
#ifndef ISLE_TAR_H
#define ISLE_TAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TAR_BLOCK 512

/* Packs the changes of an overlay below the current directory as a layer, to standard output. 0 or an errno. */
int pack_layer(void);

struct unpack_wish {
  bool has_owner;
  uint32_t uid, gid;
  /* Refuse to replace a directory by something else, or something else by a directory. */
  bool keep_kind;
};

/* Unpacks standard input below the current directory; complains on standard error. 0 or an errno. */
int unpack(const struct unpack_wish *wish);

#endif
