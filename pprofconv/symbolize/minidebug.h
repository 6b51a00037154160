/* SPDX-License-Identifier: MIT */
/* Minidebug (.gnu_debugdata) is an ELF file, compressed by xz, in a section of another ELF file. It
 * has the symbols of local functions, which .dynsym does not have. */
#pragma once
#include "symbolize/object.h"

#define MINIDEBUG_BYTES_MAX (256u << 20) /* unpacked: a few KiB of xz can hold terabytes */

enum {
	MINIDEBUG_E_NONE = 1, /* there is none, or it can't be read */
};

/* Unpacks and opens the minidebug in `object`. Returns 0; MINIDEBUG_E_NONE; -ENOMEM. The caller
 * closes *out_minidebug. */
int minidebug_open(const struct object *object, struct object **out_minidebug);
