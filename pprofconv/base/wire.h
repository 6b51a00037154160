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
	struct cursor whole;   /* with its tag */
	struct cursor encoded; /* without it */
	struct cursor content; /* of WIRE_BYTES: without the length in front */
	uint64_t value;        /* of WIRE_VARINT */
};

/* Takes the next field. Returns false at the end, and where there is no whole field: then the
 * cursor has failed and stays where that field begins. */
bool wire_next_field(struct cursor *bytes, struct wire_field *out_field);
