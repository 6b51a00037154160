/* SPDX-License-Identifier: MIT */
#include "model/unknown_fields.h"

#include "no_memory.h"

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))
#define TAG_MAX           536870911 /* the largest field number of protobuf */

#define FIELD(number, type, bytes)                                         \
	{                                                                  \
		.tag = (number), .wire_type = PROTOBUF_C_WIRE_TYPE_##type, \
		.len = sizeof(bytes) - 1, .data = (uint8_t *)(bytes),      \
	}

/* One field of each wire type. The data of a length-prefixed field includes its length. */
static ProtobufCMessageUnknownField fields[] = {
	FIELD(15, VARINT, "\x96\x01"),
	FIELD(16, 64BIT, "12345678"),
	FIELD(3000, LENGTH_PREFIXED,
	      "\x04"
	      "a\0bc"),
	FIELD(TAG_MAX, 32BIT, "\0\0\0\xff"),
};

static const char encoded[] = "\x78\x96\x01"
			      "\x81\x01"
			      "12345678"
			      "\xc2\xbb\x01\x04"
			      "a\0bc"
			      "\xfd\xff\xff\xff\x0f\0\0\0\xff";

/* Returns a message whose unknown fields are the first `n` of `fields`. */
static ProtobufCMessage message_with(unsigned n)
{
	return (ProtobufCMessage){.n_unknown_fields = n, .unknown_fields = n ? fields : NULL};
}

static void check_fields(const ProtobufCMessage *message, unsigned n)
{
	CHECK_UINT_EQ(message->n_unknown_fields, n);
	for (unsigned i = 0; i < n && i < message->n_unknown_fields; i++) {
		const ProtobufCMessageUnknownField *field = &message->unknown_fields[i];

		CHECK_UINT_EQ(field->tag, fields[i].tag);
		CHECK_INT_EQ(field->wire_type, fields[i].wire_type);
		CHECK_UINT_EQ(field->len, fields[i].len);
		CHECK(field->len == fields[i].len &&
		      memcmp(field->data, fields[i].data, field->len) == 0);
	}
}

static void test_message_without_unknown_fields(void)
{
	struct profile *profile = profile_new();
	ProtobufCMessage from = message_with(0), to = message_with(0);
	unknown_field_vec room = {0};

	CHECK_UINT_EQ(unknown_fields_take(profile, &from), 0);
	CHECK_UINT_EQ(unknown_fields_count(profile, 0), 0);
	unknown_fields_give(profile, 0, &room, &to);
	check_fields(&to, 0);
	CHECK_UINT_EQ(room.n, 0);
	CHECK_INT_EQ(profile_status(profile), 0);
	profile_free(profile);
}

static void test_stored_in_the_wire_format(void)
{
	struct profile *profile = profile_new();
	ProtobufCMessage from = message_with(N_ELEMENTS(fields));
	uint32_t string = unknown_fields_take(profile, &from);

	CHECK(string != 0);
	CHECK_UINT_EQ(strtab_size(&profile->unknown_fields, string), sizeof(encoded) - 1);
	CHECK(strtab_has(&profile->unknown_fields, encoded, sizeof(encoded) - 1));
	profile_free(profile);
}

static void test_given_back_as_they_were_taken(void)
{
	struct profile *profile = profile_new();

	for (unsigned n = 1; n <= N_ELEMENTS(fields); n++) {
		ProtobufCMessage from = message_with(n), to = message_with(0);
		uint32_t string = unknown_fields_take(profile, &from);
		unknown_field_vec room = {0};

		CHECK_UINT_EQ(unknown_fields_count(profile, string), n);
		CHECK_INT_EQ(vec_reserve(&room, n), 0);
		unknown_fields_give(profile, string, &room, &to);
		check_fields(&to, n);
		CHECK_UINT_EQ(room.n, n);
		vec_deinit(&room);
	}
	profile_free(profile);
}

/* The fields of one message stay where they are when another message gets its own. */
static void test_messages_share_the_room(void)
{
	struct profile *profile = profile_new();
	ProtobufCMessage few = message_with(1), all = message_with(N_ELEMENTS(fields));
	uint32_t few_string = unknown_fields_take(profile, &few);
	uint32_t all_string = unknown_fields_take(profile, &all);
	ProtobufCMessage to[3] = {message_with(0), message_with(0), message_with(0)};
	unknown_field_vec room = {0};

	CHECK_INT_EQ(vec_reserve(&room, 2 + N_ELEMENTS(fields)), 0);
	unknown_fields_give(profile, few_string, &room, &to[0]);
	unknown_fields_give(profile, all_string, &room, &to[1]);
	unknown_fields_give(profile, few_string, &room, &to[2]);
	check_fields(&to[0], 1);
	check_fields(&to[1], N_ELEMENTS(fields));
	check_fields(&to[2], 1);
	vec_deinit(&room);
	profile_free(profile);
}

static void test_equal_fields_are_one_string(void)
{
	struct profile *profile = profile_new();
	ProtobufCMessage one = message_with(1), two = message_with(2);
	uint32_t string = unknown_fields_take(profile, &one);

	CHECK(unknown_fields_take(profile, &two) != string);
	CHECK_UINT_EQ(unknown_fields_take(profile, &one), string);
	profile_free(profile);
}

/* Takes unknown fields into an empty profile while an allocation fails. */
static int take_without_memory(long n_until_failure)
{
	struct profile *profile = profile_new();
	ProtobufCMessage from = message_with(N_ELEMENTS(fields));
	int status;

	countdown = n_until_failure;
	unknown_fields_take(profile, &from);
	countdown = -1;
	status = profile_status(profile);
	profile_free(profile);
	return status;
}

static void test_no_memory_fails_the_profile(void)
{
	long n = 0;

	while (n < 100 && take_without_memory(n) == -ENOMEM)
		n++;
	CHECK_INT_LT(1, n); /* the bytes, and the table of strings */
	CHECK_INT_EQ(take_without_memory(n), 0);
}

TEST_MAIN(TEST(test_message_without_unknown_fields), TEST(test_stored_in_the_wire_format),
	  TEST(test_given_back_as_they_were_taken), TEST(test_messages_share_the_room),
	  TEST(test_equal_fields_are_one_string), TEST(test_no_memory_fails_the_profile))
