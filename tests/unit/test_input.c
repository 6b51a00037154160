/* SPDX-License-Identifier: MIT */
#include "base/input.h"

#include <errno.h>
#include <unistd.h>
#include <zlib.h>

#include "test.h"

struct bytes {
	unsigned char *data;
	size_t size;
};

static struct bytes gzipped(const void *data, size_t size)
{
	struct bytes packed = {malloc(size + 1024), 0};
	z_stream zlib = {0};

	deflateInit2(&zlib, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
	zlib.next_in = (unsigned char *)data;
	zlib.avail_in = (uInt)size;
	zlib.next_out = packed.data;
	zlib.avail_out = (uInt)size + 1024;
	deflate(&zlib, Z_FINISH);
	packed.size = zlib.total_out;
	deflateEnd(&zlib);
	return packed;
}

static struct input *open_bytes(const void *data, size_t size, uint64_t max, struct diag *diag)
{
	struct input *input = NULL;

	CHECK_INT_EQ(input_open_memory(&input, "memory", data, size, max, diag), 0);
	return input;
}

static void test_lines_and_their_numbers(void)
{
	struct diag diag = {0};
	struct input *input = open_bytes("one\n\ntwo", 8, 0, &diag);
	struct cursor line;

	CHECK(input_next_line(input, &line) && cursor_equals(&line, "one"));
	CHECK(input_next_line(input, &line) && cursor_at_end(&line));
	CHECK(!input_line_is_cut(input));
	CHECK(input_next_line(input, &line) && cursor_equals(&line, "two"));
	CHECK_UINT_EQ(input_line_number(input), 3);
	CHECK(input_line_is_cut(input));
	CHECK(!input_next_line(input, &line));
	CHECK_INT_EQ(input_status(input), 0);
	input_free(input);
}

static void test_the_head_takes_nothing(void)
{
	struct diag diag = {0};
	struct input *input = open_bytes("one\ntwo\n", 8, 0, &diag);
	struct cursor head = input_head(input, INPUT_HEAD_SIZE), line;

	CHECK(cursor_equals(&head, "one\ntwo\n"));
	CHECK(input_next_line(input, &line) && cursor_equals(&line, "one"));
	input_free(input);
}

/* Reads back lines of all lengths, more than any buffer holds, from packed or plain data. */
static void check_many_lines(bool packed)
{
	enum {
		N_LINES = 4000
	};
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	struct diag diag = {0};
	struct input *input;
	struct cursor line;
	struct bytes bytes;
	unsigned n = 0;

	for (unsigned i = 0; i < N_LINES; i++)
		fprintf(stream, "%0*u\n", 10 + (int)(i * 7 % 1000), i);
	fclose(stream);
	bytes = packed ? gzipped(text, size) : (struct bytes){(unsigned char *)text, size};
	input = open_bytes(bytes.data, bytes.size, 0, &diag);
	while (input_next_line(input, &line)) {
		CHECK_UINT_EQ(cursor_left(&line), 10 + n * 7 % 1000);
		CHECK_UINT_EQ(cursor_take_decimal(&line), n);
		n++;
	}
	CHECK_UINT_EQ(n, N_LINES);
	CHECK_INT_EQ(input_status(input), 0);
	CHECK_UINT_EQ(input_bytes(input), size);
	input_free(input);
	if (packed)
		free(bytes.data);
	free(text);
}

static void test_many_lines(void)
{
	check_many_lines(false);
}

static void test_many_packed_lines(void)
{
	check_many_lines(true);
}

static void test_members_follow_each_other(void)
{
	struct bytes one = gzipped("one\n", 4), two = gzipped("two\n", 4);
	unsigned char both[256] = {0};
	struct diag diag = {0};
	struct input *input;
	struct cursor rest;

	memcpy(both, one.data, one.size);
	memcpy(both + one.size, two.data, two.size);
	input = open_bytes(both, sizeof(both), 0, &diag); /* the remaining bytes are padding */
	CHECK_INT_EQ(input_take_rest(input, &rest), 0);
	CHECK(cursor_equals(&rest, "one\ntwo\n"));
	input_free(input);
	free(one.data);
	free(two.data);
}

static void test_every_cut_of_packed_data_is_seen(void)
{
	struct bytes whole = gzipped("heap profile: 1: 1 [ 1: 1] @\n", 29);

	for (size_t size = 2; size < whole.size; size++) {
		struct diag diag = {0};
		struct input *input = open_bytes(whole.data, size, 0, &diag);
		struct cursor rest;

		CHECK_INT_EQ(input_take_rest(input, &rest), INPUT_E_CORRUPT);
		CHECK(diag_has_error(&diag));
		input_free(input);
	}
	free(whole.data);
}

static void test_damage_is_seen(void)
{
	struct bytes whole = gzipped("heap profile: 1: 1 [ 1: 1] @\n", 29);
	struct diag diag = {0};
	struct input *input;
	struct cursor rest;

	whole.data[whole.size - 6] ^= 1; /* a bit of the checksum */
	input = open_bytes(whole.data, whole.size, 0, &diag);
	CHECK_INT_EQ(input_take_rest(input, &rest), INPUT_E_CORRUPT);
	CHECK_STR_EQ(diag.error, "memory: the gzip data is damaged");
	input_free(input);
	free(whole.data);
}

static void test_a_bomb_meets_the_limit(void)
{
	size_t size = 8 << 20;
	void *zeroes = calloc(1, size);
	struct bytes bomb = gzipped(zeroes, size);
	struct diag diag = {0};
	struct input *input = open_bytes(bomb.data, bomb.size, 1 << 20, &diag);
	struct cursor rest;

	CHECK_INT_EQ(input_take_rest(input, &rest), INPUT_E_LIMIT);
	CHECK(strstr(diag.error, "--max-input-bytes") != NULL);
	input_free(input);
	free(bomb.data);
	free(zeroes);
}

static void test_the_limit_itself_is_allowed(void)
{
	struct diag diag = {0};
	struct input *input = open_bytes("12345678", 8, 8, &diag);
	struct cursor rest;

	CHECK_INT_EQ(input_take_rest(input, &rest), 0);
	input_free(input);
	input = open_bytes("12345678", 8, 7, &diag);
	CHECK_INT_EQ(input_take_rest(input, &rest), INPUT_E_LIMIT);
	input_free(input);
}

static void test_a_line_without_end(void)
{
	size_t size = INPUT_LINE_MAX + 2;
	char *text = malloc(size);
	struct diag diag = {0};
	struct input *input;
	struct cursor line;

	memset(text, 'x', size);
	text[0] = '\n';
	input = open_bytes(text, size, 0, &diag);
	CHECK(input_next_line(input, &line));
	CHECK(!input_next_line(input, &line));
	CHECK_INT_EQ(input_status(input), INPUT_E_LIMIT);
	CHECK_STR_EQ(diag.error, "memory:2: the line is longer than 16777216 bytes");
	input_free(input);
	free(text);
}

/* The two bytes that identify gzipped data may arrive from a pipe one at a time. */
static void test_a_pipe_that_trickles(void)
{
	struct bytes whole = gzipped("one\n", 4);
	int fds[2], saved = dup(STDIN_FILENO);
	struct diag diag = {0};
	struct input *input = NULL;
	struct cursor rest;

	CHECK_INT_EQ(pipe(fds), 0);
	if (fork() == 0) {
		for (size_t i = 0; i < whole.size; i++)
			if (write(fds[1], whole.data + i, 1) != 1)
				_exit(1);
		_exit(0);
	}
	close(fds[1]);
	dup2(fds[0], STDIN_FILENO);
	close(fds[0]);
	CHECK_INT_EQ(input_open(&input, "-", 0, &diag), 0);
	CHECK_STR_EQ(diag.file, "standard input");
	CHECK_INT_EQ(input_take_rest(input, &rest), 0);
	CHECK(cursor_equals(&rest, "one\n"));
	input_free(input);
	dup2(saved, STDIN_FILENO);
	close(saved);
	free(whole.data);
}

static void note_progress(void *context, uint64_t n_bytes)
{
	uint64_t *seen = context;

	CHECK(n_bytes >= *seen);
	*seen = n_bytes;
}

static void test_progress_is_reported(void)
{
	struct diag diag = {0};
	struct input *input = open_bytes("one\ntwo\n", 8, 0, &diag);
	struct cursor rest;
	uint64_t seen = 0;

	input_on_progress(input, note_progress, &seen);
	CHECK_INT_EQ(input_take_rest(input, &rest), 0);
	CHECK_UINT_EQ(seen, 8);
	input_free(input);
}

static void test_files_that_cannot_be_read(void)
{
	struct diag diag = {0};
	struct input *input = NULL;

	CHECK_INT_EQ(input_open(&input, "/nonexistent/x.heap", 0, &diag), -ENOENT);
	CHECK_STR_EQ(diag.error, "/nonexistent/x.heap: No such file or directory");
	diag_deinit(&diag);
	CHECK_INT_EQ(input_open(&input, "/", 0, &diag), -EISDIR);
	CHECK_PTR_EQ(input, NULL);
	diag_deinit(&diag);
}

TEST_MAIN(TEST(test_lines_and_their_numbers), TEST(test_the_head_takes_nothing),
	  TEST(test_many_lines), TEST(test_many_packed_lines), TEST(test_members_follow_each_other),
	  TEST(test_every_cut_of_packed_data_is_seen), TEST(test_damage_is_seen),
	  TEST(test_a_bomb_meets_the_limit), TEST(test_the_limit_itself_is_allowed),
	  TEST(test_a_line_without_end), TEST(test_a_pipe_that_trickles),
	  TEST(test_progress_is_reported), TEST(test_files_that_cannot_be_read))
