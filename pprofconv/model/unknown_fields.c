/* SPDX-License-Identifier: MIT */
#include "model/unknown_fields.h"

#include <errno.h>

#include "base/wire.h"

typedef VEC(char) byte_vec;

static int append_varint(byte_vec *bytes, uint64_t value)
{
	int r = 0;

	for (; !r && value >= 0x80; value >>= 7)
		r = vec_push(bytes, (char)(value | 0x80));
	return r ? r : vec_push(bytes, (char)value);
}

uint32_t unknown_fields_take(struct profile *profile, const ProtobufCMessage *message)
{
	byte_vec bytes = {0};
	uint32_t string = 0;
	int r = 0;

	for (unsigned i = 0; !r && i < message->n_unknown_fields; i++) {
		const ProtobufCMessageUnknownField *field = &message->unknown_fields[i];

		r = append_varint(&bytes, (uint64_t)field->tag << 3 | field->wire_type);
		r = r ? r : vec_append(&bytes, (const char *)field->data, field->len);
	}
	if (!r)
		r = strtab_intern(&profile->unknown_fields, bytes.items, bytes.n, &string);
	if (r < 0)
		profile_fail(profile, r);
	vec_deinit(&bytes);
	return string;
}

static struct cursor bytes_of(const struct profile *profile, uint32_t string)
{
	return cursor_make(strtab_text(&profile->unknown_fields, string),
			   strtab_size(&profile->unknown_fields, string));
}

size_t unknown_fields_count(const struct profile *profile, uint32_t string)
{
	struct cursor bytes = bytes_of(profile, string);
	struct wire_field field;
	size_t n = 0;

	while (wire_next_field(&bytes, &field))
		n++;
	return n;
}

void unknown_fields_give(const struct profile *profile, uint32_t string, unknown_field_vec *fields,
			 ProtobufCMessage *message)
{
	struct cursor bytes = bytes_of(profile, string);
	struct wire_field field;

	message->unknown_fields = vec_from(fields, fields->n);
	while (wire_next_field(&bytes, &field)) {
		fields->items[fields->n++] = (ProtobufCMessageUnknownField){
			.tag = field.number,
			.wire_type = (ProtobufCWireType)field.wire_type,
			.len = cursor_left(&field.encoded),
			.data = (uint8_t *)field.encoded.at,
		};
		message->n_unknown_fields++;
	}
}
