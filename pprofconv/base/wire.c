/* SPDX-License-Identifier: MIT */
#include "base/wire.h"

#define NUMBER_MAX ((1u << 29) - 1)

static uint64_t take_varint(struct cursor *bytes)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		int byte = cursor_peek(bytes);

		if (byte < 0)
			break;
		bytes->at++;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
	}
	bytes->failed = true;
	return 0;
}

static void skip(struct cursor *bytes, uint64_t size)
{
	if (size <= cursor_left(bytes))
		bytes->at += size;
	else
		bytes->failed = true;
}

static void take_value(struct cursor *bytes, struct wire_field *field)
{
	uint64_t size;

	switch (field->wire_type) {
	case WIRE_VARINT:
		field->value = take_varint(bytes);
		break;
	case WIRE_64:
		skip(bytes, 8);
		break;
	case WIRE_32:
		skip(bytes, 4);
		break;
	case WIRE_BYTES:
		size = take_varint(bytes);
		field->content.at = bytes->at;
		skip(bytes, size);
		field->content.end = bytes->at;
		break;
	default: /* groups, which nobody writes any more */
		bytes->failed = true;
	}
}

bool wire_next_field(struct cursor *bytes, struct wire_field *out)
{
	struct cursor at = *bytes;
	struct wire_field field = {0};
	uint64_t tag;

	if (cursor_at_end(bytes))
		return false;
	tag = take_varint(&at);
	field.number = (uint32_t)(tag >> 3);
	field.wire_type = tag & 7;
	if (tag >> 3 == 0 || tag >> 3 > NUMBER_MAX)
		at.failed = true;
	field.encoded.at = at.at;
	if (!at.failed)
		take_value(&at, &field);
	if (at.failed) {
		bytes->failed = true;
		return false;
	}
	field.encoded.end = at.at;
	field.whole = (struct cursor){.at = bytes->at, .end = at.at};
	bytes->at = at.at;
	*out = field;
	return true;
}
