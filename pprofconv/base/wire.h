/* SPDX-License-Identifier: MIT */
/* A wire field is one field of an encoded protobuf message. wire_next_field() walks over the fields
 * of a message without knowing what they mean. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/cursor.h"

enum wire_type {
	WIRE_VARINT = 0,
	WIRE_64 = 1,
	WIRE_BYTES = 2, /* strings, messages, packed numbers */
	WIRE_32 = 5,
};

struct wire_field {
	uint32_t number;
	enum wire_type wire_type;
	struct cursor whole;   /* the field with its tag */
	struct cursor encoded; /* the field without its tag */
	struct cursor content; /* of WIRE_BYTES: the bytes after the length */
	uint64_t value;        /* of WIRE_VARINT */
};

/* Takes the next field, sets *out_field to it and returns true. Returns false at the end. If the
 * next bytes are not a complete field of one of these wire types, sets bytes->failed, leaves the
 * cursor before them and returns false. */
bool wire_next_field(struct cursor *bytes, struct wire_field *out_field);
