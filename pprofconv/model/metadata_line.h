/* SPDX-License-Identifier: MIT */
/* A metadata line holds all metadata of a dump in one comment, since pprof prints each comment
 * above every table: "heapprof: program=/usr/bin/redis-server pid=4711 dump=3 ...". A space, a '%'
 * and an unprintable byte of a value are written as % and two hexadecimal digits. In memory each
 * key has a comment of its own, "KEY: VALUE". */
#pragma once
#include "model/profile.h"

typedef VEC(uint32_t) comment_vec;

/* Packs the metadata of a profile. Sets *out_line to the line, which the caller frees, or to NULL
 * if the profile has none of ours, and adds the other comments to `out_rest`. Returns 0 or -ENOMEM.
 */
int metadata_line_pack(const struct profile *profile, char **out_line, comment_vec *out_rest);

/* Replaces each metadata line among the comments of a profile by the comments that it holds. Equal
 * comments are kept once. Failures are kept in the status of the profile. */
void metadata_line_unpack(struct profile *profile);
