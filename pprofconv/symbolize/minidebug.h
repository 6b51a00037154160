/* SPDX-License-Identifier: MIT */
/* .gnu_debugdata: an ELF file packed by xz into a section of another, which holds the local
 * functions that .dynsym leaves out. */
#pragma once
#include "symbolize/object.h"

#define MINIDEBUG_BYTES_MAX (256u << 20) /* unpacked: a few KiB of xz can stand for terabytes */

enum {
	MINIDEBUG_E_NONE = 1, /* there is none, or none that can be read */
};

/* 0; MINIDEBUG_E_NONE; -ENOMEM. */
int minidebug_open(const struct object *object, struct object **out_minidebug);
