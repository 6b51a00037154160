/* SPDX-License-Identifier: MIT */
/* Unknown fields are fields of pprof messages that are not in our definition. A profile keeps them
 * from reading to writing. The unknown fields of one message are one string in
 * profile.unknown_fields, in the wire format. */
#pragma once
#include <protobuf-c/protobuf-c.h>

#include "model/profile.h"

/* Stores the unknown fields of an unpacked message. Returns the number of the string that holds
 * them, or 0 if there are none. */
uint32_t unknown_fields_take(struct profile *profile, const ProtobufCMessage *message);

typedef VEC(ProtobufCMessageUnknownField) unknown_field_vec;

/* Gives the unknown fields in `string` to a message that will be packed. They are appended to
 * `fields`, which must have room for them, see unknown_fields_count(), and must outlive the
 * message. */
void unknown_fields_give(const struct profile *profile, uint32_t string, unknown_field_vec *fields,
			 ProtobufCMessage *message);

/* Returns how many unknown fields `string` holds. */
size_t unknown_fields_count(const struct profile *profile, uint32_t string);
