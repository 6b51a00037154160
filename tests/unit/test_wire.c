/* SPDX-License-Identifier: MIT */
#include "base/wire.h"

#include "test.h"

#define OVER(bytes) cursor_make(bytes, sizeof(bytes) - 1)

static void test_each_wire_type(void)
{
	struct cursor bytes = OVER("\x08\x96\x01"           /* 1: varint 150 */
				   "\x11\1\2\3\4\5\6\7\x08" /* 2: 64 bits */
				   "\x1a\x03"
				   "abc"                        /* 3: bytes */
				   "\x25\1\2\3\4"               /* 4: 32 bits */
				   "\xf8\xff\xff\xff\x0f\x00"); /* the largest field number */
	struct wire_field field;

	CHECK(wire_next_field(&bytes, &field));
	CHECK_UINT_EQ(field.number, 1);
	CHECK_UINT_EQ(field.value, 150);
	CHECK_UINT_EQ(cursor_left(&field.whole), 3);
	CHECK_UINT_EQ(cursor_left(&field.encoded), 2);
	CHECK(wire_next_field(&bytes, &field) && field.wire_type == WIRE_64);
	CHECK_UINT_EQ(cursor_left(&field.encoded), 8);
	CHECK(wire_next_field(&bytes, &field) && cursor_equals(&field.content, "abc"));
	CHECK_UINT_EQ(cursor_left(&field.encoded), 4);
	CHECK(wire_next_field(&bytes, &field) && field.wire_type == WIRE_32);
	CHECK(wire_next_field(&bytes, &field));
	CHECK_UINT_EQ(field.number, (1u << 29) - 1);
	CHECK(!wire_next_field(&bytes, &field));
	CHECK(!bytes.failed);
}

static void check_fails(struct cursor bytes)
{
	const char *start = bytes.at;
	struct wire_field field;

	CHECK(!wire_next_field(&bytes, &field));
	CHECK(bytes.failed);
	CHECK_PTR_EQ(bytes.at, start);
}

static void test_what_is_no_field(void)
{
	check_fails(OVER("\x08"));     /* the value is missing */
	check_fails(OVER("\x08\x80")); /* half of a varint */
	check_fails(OVER("\x1a\x04"
			 "abc")); /* fewer bytes than its length */
	check_fails(OVER("\x1a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")); /* 2^64 - 1 bytes */
	check_fails(OVER("\x11\1\2\3"));                                   /* half of 64 bits */
	check_fails(OVER("\x02\x00"));                                     /* number 0 */
	check_fails(OVER("\x0b\x0c"));                                     /* a group */
	/* A varint of more than 10 bytes. */
	check_fails(OVER("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
}

TEST_MAIN(TEST(test_each_wire_type), TEST(test_what_is_no_field))
