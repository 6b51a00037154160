/* SPDX-License-Identifier: MIT */
/* Minidebug (.gnu_debugdata) is an ELF file, compressed by xz, in a section of another. It holds
 * the local functions that .dynsym leaves out. */
#pragma once
#include "symbolize/object.h"

#define MINIDEBUG_BYTES_MAX (256u << 20) /* unpacked: a few KiB of xz can hold terabytes */

enum {
	MINIDEBUG_E_NONE = 1, /* there is none, or it can't be read */
};

/* Returns 0; MINIDEBUG_E_NONE; -ENOMEM. The caller closes *out_minidebug. */
int minidebug_open(const struct object *object, struct object **out_minidebug);
