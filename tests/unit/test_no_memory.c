/* SPDX-License-Identifier: MIT */
/* Reads and writes profiles while the N-th allocation fails, for N = 1, 2, 3, ... until none fails.
 * There must be no crash, no leak (where the sanitizers look), and an error whenever there is no
 * result. */
#include <errno.h>

#include "base/input.h"
#include "no_memory.h"
#include "readers/reader.h"
#include "test.h"
#include "writers/writer.h"

static int write_all(const struct profile *profile, const struct writer *writer, struct diag *diag)
{
	struct output *output = NULL;
	struct diag refusal = {0};
	bool is_refused = writer->check && writer->check(profile, &refusal);
	int r;

	diag_deinit(&refusal);
	if (is_refused)
		return 0;
	r = output_open(&output, "/dev/null", diag);
	if (!r)
		r = writer->write(profile, 0, output);
	if (!r)
		r = output_commit(output, diag);
	output_free(output);
	return r;
}

static int convert(const char *path, struct diag *diag)
{
	struct profile *profile = NULL;
	struct input *input = NULL;
	int r = input_open(&input, path, 0, diag);

	if (!r)
		r = reader_read(&profile, NULL, input, diag);
	for (size_t i = 0; !r && writers[i]; i++)
		r = write_all(profile, writers[i], diag);
	profile_free(profile);
	input_free(input);
	return r;
}

static void check_file(const char *name)
{
	char path[1024];
	long n = 0;
	int r;

	snprintf(path, sizeof(path), TEST_DATA "/%s", name);
	do {
		struct diag diag = {0};

		countdown = n++;
		r = convert(path, &diag);
		if (countdown >= 0) /* no allocation failed */
			CHECK_INT_EQ(r, 0);
		else if (r)
			CHECK_INT_EQ(r, -ENOMEM);
		countdown = countdown >= 0 ? -2 : -1;
		diag_deinit(&diag);
	} while (countdown != -2);
	countdown = -1;
	CHECK(n > 10);
}

static void test_dumps(void)
{
	check_file("good-exact.heap");
	check_file("good-sampled.heap");
	check_file("good-gperftools.heap");
	check_file("good-brief-maps.heap");
	check_file("good-jemalloc.heap");
	check_file("good-go.heap");
	check_file("good-folded.txt");
	check_file("good-memcheck-searches.txt");
	check_file("good-memcheck.xml");
	check_file("good-dhat.json");
	check_file("good-heaptrack.txt");
	check_file("good-lsan-modules.txt");
	check_file("good-massif.out");
	check_file("good-memleak.txt");
	check_file("good-smaps.txt");
	check_file("good-pmap.txt");
}

TEST_MAIN(TEST(test_dumps))
