/* SPDX-License-Identifier: MIT */
#include "base/gzip.h"

#include "base/input.h"
#include "folder.h"

static struct output *open_output(const char *path)
{
	struct diag diag = {0};
	struct output *output = NULL;

	CHECK_INT_EQ(output_open(&output, path, &diag), 0);
	return output;
}

/* The lines fill more blocks than are compressed at a time, and no two lines are equal. */
#define N_PACKED_LINES 400000

static void write_packed(const char *path, size_t n_threads)
{
	struct output *output = open_output(path);
	struct gzip *gzip = gzip_new(output, 1, n_threads);
	struct diag diag = {0};
	char line[32];

	for (uint32_t i = 0; i < N_PACKED_LINES; i++) {
		snprintf(line, sizeof(line), "stack %u\n", i * 2654435761u);
		gzip_write(gzip, line, strlen(line));
	}
	gzip_finish(gzip);
	gzip_free(gzip);
	CHECK_INT_EQ(output_commit(output, &diag), 0);
	output_free(output);
}

static void test_packed_output_is_read_back(void)
{
	const char *path = in_folder("a.gz");
	struct diag diag = {0};
	struct input *input = NULL;
	struct cursor line;
	uint32_t n = 0;

	write_packed(path, 2);
	CHECK_INT_EQ(input_open(&input, path, 0, &diag), 0);
	for (; input_next_line(input, &line); n++) {
		CHECK(cursor_accept_text(&line, "stack "));
		CHECK_UINT_EQ(cursor_take_decimal(&line), n * 2654435761u);
	}
	CHECK_UINT_EQ(n, N_PACKED_LINES);
	CHECK_INT_EQ(input_status(input), 0);
	input_free(input);
	unlink(path);
}

static size_t read_whole(const char *path, char *to, size_t size)
{
	FILE *stream = fopen(path, "rb");
	size_t n = fread(to, 1, size, stream);

	fclose(stream);
	return n;
}

static void test_threads_do_not_show(void)
{
	enum {
		SIZE = 8 << 20
	};
	const char *path = in_folder("a.gz");
	char *first = malloc(SIZE), *other = malloc(SIZE);
	size_t n_first, n_other;

	write_packed(path, 0);
	n_first = read_whole(path, first, SIZE);
	for (size_t n_threads = 1; n_threads <= GZIP_THREADS_MAX; n_threads++) {
		write_packed(path, n_threads);
		n_other = read_whole(path, other, SIZE);
		CHECK_UINT_EQ(n_other, n_first);
		CHECK(n_other == n_first && memcmp(first, other, n_first) == 0);
	}
	free(first);
	free(other);
	unlink(path);
}

/* Freeing a gzip that is not finished must end its threads. Whether they leak or race is for the
 * sanitizers to detect. */
static void test_packing_can_be_given_up(void)
{
	struct output *output = open_output(in_folder("a.gz"));
	struct gzip *gzip = gzip_new(output, 1, 2);
	char *block = calloc(1, 1 << 20);

	gzip_write(gzip, block, 1 << 20);
	gzip_free(gzip);
	output_free(output);
	free(block);
	CHECK_INT_EQ(access(in_folder("a.gz"), F_OK), -1);
}

static void test_no_time_is_noted(void)
{
	const char *path = in_folder("a.gz");
	unsigned char head[10] = {0};
	int fd;

	write_packed(path, 2);
	fd = open(path, O_RDONLY);
	CHECK_INT_EQ(read(fd, head, sizeof(head)), 10);
	CHECK_INT_EQ(head[3], 0); /* no file name either */
	CHECK_INT_EQ(memcmp(head + 4, "\0\0\0\0", 4), 0);
	close(fd);
	unlink(path);
}

static void test_nothing_was_written(void)
{
	const char *path = in_folder("a.gz");

	for (size_t n_threads = 0; n_threads <= 1; n_threads++) {
		struct diag diag = {0};
		struct output *output = open_output(path);
		struct gzip *gzip = gzip_new(output, 9, n_threads);
		struct input *input = NULL;
		struct cursor rest;

		gzip_finish(gzip);
		gzip_free(gzip);
		CHECK_INT_EQ(output_commit(output, &diag), 0);
		output_free(output);
		CHECK_INT_EQ(input_open(&input, path, 0, &diag), 0);
		CHECK_INT_EQ(input_take_rest(input, &rest), 0);
		CHECK(cursor_at_end(&rest));
		input_free(input);
		unlink(path);
	}
	gzip_free(NULL);
}

TEST_MAIN(TEST(test_packed_output_is_read_back), TEST(test_threads_do_not_show),
	  TEST(test_packing_can_be_given_up), TEST(test_no_time_is_noted),
	  TEST(test_nothing_was_written))
