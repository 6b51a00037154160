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

static int read_file(const char *path, struct profile **out, struct diag *diag)
{
	struct input *input = NULL;
	int r = input_open(&input, path, 0, diag);

	*out = NULL;
	if (!r)
		r = reader_read(out, NULL, input, diag);
	input_free(input);
	return r;
}

static void write_by_all(const struct profile *profile)
{
	for (size_t i = 0; writers[i]; i++) {
		struct diag diag = {0};

		CHECK_INT_EQ(write_all(profile, writers[i], &diag), 0);
		diag_deinit(&diag);
	}
}

/* Checks a result, and whether an allocation failed; returns whether one did. */
static bool check_result(int r)
{
	bool has_failed = countdown < 0;

	countdown = -1;
	if (!has_failed)
		CHECK_INT_EQ(r, 0);
	else if (r)
		CHECK_INT_EQ(r, -ENOMEM);
	return has_failed;
}

/* Lets each allocation of a read fail. A profile that is read all the same can be written. Returns
 * the profile that is read when none fails. */
static struct profile *check_reading(const char *path)
{
	for (long n = 0;; n++) {
		struct profile *profile;
		struct diag diag = {0};
		bool has_failed;
		int r;

		countdown = n;
		r = read_file(path, &profile, &diag);
		has_failed = check_result(r);
		diag_deinit(&diag);
		if (!has_failed) {
			CHECK(n > 10);
			return profile;
		}
		if (!r)
			write_by_all(profile);
		profile_free(profile);
	}
}

static void check_writing(const struct profile *profile, const struct writer *writer)
{
	bool has_failed = true;

	for (long n = 0; has_failed; n++) {
		struct diag diag = {0};

		countdown = n;
		has_failed = check_result(write_all(profile, writer, &diag));
		diag_deinit(&diag);
	}
}

static void check_file(const char *name)
{
	struct profile *profile;
	char path[1024];

	snprintf(path, sizeof(path), TEST_DATA "/%s", name);
	profile = check_reading(path);
	for (size_t i = 0; profile && writers[i]; i++)
		check_writing(profile, writers[i]);
	profile_free(profile);
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
