/* SPDX-License-Identifier: MIT */
/* Unknown fields are fields of pprof messages that are not in our definition. They are kept from
 * reading to writing: those of one message are one string of profile.unknown_fields, in the wire
 * format. */
#pragma once
#include <protobuf-c/protobuf-c.h>

#include "model/profile.h"

/* Returns the string that holds the unknown fields of an unpacked message, or 0 if it has none. */
uint32_t unknown_fields_take(struct profile *profile, const ProtobufCMessage *message);

typedef VEC(ProtobufCMessageUnknownField) unknown_field_vec;

/* Gives the fields in that string to a message that is to be packed. They are appended to `fields`,
 * which must have room for them (unknown_fields_count) and outlive the message. */
void unknown_fields_give(const struct profile *profile, uint32_t string, unknown_field_vec *fields,
			 ProtobufCMessage *message);

/* Returns how many fields there are in that string. */
size_t unknown_fields_count(const struct profile *profile, uint32_t string);
