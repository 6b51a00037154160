/* SPDX-License-Identifier: MIT */
/* A profile that uses every field of the model, and the bytes that the pprof writer makes of a
 * profile. */
#pragma once
#include <unistd.h>

#include "base/input.h"
#include "model/profile.h"
#include "test.h"
#include "writers/writer.h"

static inline struct profile *make_profile(void)
{
	struct profile *profile = profile_new();
	uint32_t f = profile_add_function(
		profile, &(struct profile_function){
				 .name = profile_intern(profile, "ns::f(int)"),
				 .system_name = profile_intern(profile, "_ZN2ns1fEi"),
				 .filename = profile_intern(profile, "f.cc"),
				 .start_line = 7,
			 });
	uint32_t mapping =
		profile_add_mapping(profile, &(struct profile_mapping){
						     .start = 0x1000,
						     .limit = 0x2000,
						     .offset = 0x40,
						     .file = profile_intern(profile, "/bin/\xff"),
						     .build_id = profile_intern(profile, "abcd"),
						     .has_functions = true,
						     .has_inline_frames = true,
					     });
	struct profile_line lines[] = {
		{.function = f, .line = 9, .column = 3},
		{.function = f, .line = 12},
	};
	uint32_t location = profile_add_location(
		profile,
		&(struct profile_location){.address = 0x1234, .mapping = mapping, .is_folded = 1},
		lines, 2);
	struct profile_label labels[] = {
		{.key = profile_intern(profile, "thread"), .text = profile_intern(profile, "t1")},
		{.key = profile_intern(profile, "bytes"),
		 .number = -8,
		 .unit = profile_intern(profile, "B")},
	};
	struct profile_sample key = {
		.stack = profile_add_stack(profile, &location, 1),
		.labels = profile_add_labels(profile, labels, 2),
	};

	profile_add_sample_type(profile, "objects", "count");
	profile_add_sample_type(profile, "space", "bytes");
	profile_add_sample(profile, key, (int64_t[]){-3, 4096});
	profile->period_type.type = profile_intern(profile, "space");
	profile->period = 512;
	profile->time_nanos = 99;
	profile->duration_nanos = 98;
	profile->drop_frames = profile_intern(profile, "malloc");
	profile->keep_frames = profile_intern(profile, "mallopt");
	profile->default_sample_type = profile_intern(profile, "space");
	profile->doc_url = profile_intern(profile, "https://example.org/");
	profile_add_comment(profile, "run: 1", 6);
	CHECK_INT_EQ(profile_status(profile), 0);
	return profile;
}

struct written {
	struct input *input; /* owns the bytes */
	struct cursor bytes; /* unpacked */
};

static inline struct written write_profile(const struct profile *profile)
{
	char path[] = "/tmp/test_writer_pprof.XXXXXX";
	struct written written = {0};
	struct output *output = NULL;
	struct diag diag = {0};

	close(mkstemp(path));
	CHECK_INT_EQ(output_open(&output, path, &diag), 0);
	CHECK_INT_EQ(writer_find("pprof")->write(profile, 0, output), 0);
	CHECK_INT_EQ(output_commit(output, &diag), 0);
	output_free(output);
	CHECK_INT_EQ(input_open(&written.input, path, 0, &diag), 0);
	CHECK_INT_EQ(input_take_rest(written.input, &written.bytes), 0);
	unlink(path);
	return written;
}
