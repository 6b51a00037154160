/* SPDX-License-Identifier: MIT */
#include "readers/reader.h"

#include <errno.h>
#include <string.h>

#include "readers/readers.h"
#include "readers/refused.h"

const struct reader *const readers[] = {
	/* clang-format off */
	&reader_heapprof,
	&reader_go_heap,
	&reader_gperftools,
	&reader_jemalloc,
	&reader_heaptrack,
	&reader_massif,
	&reader_dhat,
	&reader_v8_heapprofile,
	&reader_memray,
	&reader_jemalloc_stats,
	&reader_xtree,
	&reader_memcheck,
	&reader_memcheck_xml,
	&reader_lsan,
	&reader_memleak,
	&reader_bpftrace,
	&reader_mtrace,
	&reader_smaps,
	&reader_pmap,
	&reader_pprof,
	&reader_folded,
	&reader_postgres_contexts,
	NULL,
	/* clang-format on */
};

const struct reader *reader_find(const char *name)
{
	for (size_t i = 0; readers[i]; i++)
		if (strcmp(readers[i]->name, name) == 0)
			return readers[i];
	return NULL;
}

static int report_unknown(struct cursor head, struct diag *diag)
{
	const struct refused *refused = refused_find(head);

	if (refused)
		return diag_error_line(diag, READER_E_UNSUPPORTED, 1, "%s is not supported%s%s",
				       refused->kind, refused->help ? "; " : "",
				       refused->help ? refused->help : "");
	return diag_error_line(diag, READER_E_UNKNOWN, 1,
			       "not a heap profile in a known format; "
			       "'pprofconv formats' lists the formats, and "
			       "--from=FORMAT reports what is wrong with the file");
}

/* Returns the first reader whose answer to `head` is not PROBE_NO, and sets *out_answer to this
 * answer; returns NULL if there is none. PROBE_UNSURE counts as PROBE_NO if `is_last` is true: no
 * longer head will follow. */
static const struct reader *probe_all(struct cursor head, bool is_last, enum probe *out_answer)
{
	for (size_t i = 0; readers[i]; i++) {
		*out_answer = readers[i]->probe(head);
		if (*out_answer != PROBE_NO && !(is_last && *out_answer == PROBE_UNSURE))
			return readers[i];
	}
	return NULL;
}

_Static_assert(INPUT_HEAD_SIZE * 16 * 16 == READER_HEAD_MAX, "the last head is the longest one");

/* Finds the reader by content, unless the caller chose one. A few KiB of input are enough for
 * nearly all formats; while the answer is unsure, as it is if the first line is longer, the probes
 * get more. */
static int find_reader(struct input *input, const struct reader **out_reader, struct diag *diag)
{
	size_t size = INPUT_HEAD_SIZE;
	struct cursor head = input_head(input, size);
	const struct reader *found = *out_reader;
	enum probe answer = PROBE_UNSURE;
	bool is_last = found;

	if (input_status(input))
		return input_status(input);
	if (cursor_at_end(&head))
		return diag_error_line(diag, READER_E_UNKNOWN, 1, "the file is empty");
	while (!is_last) {
		is_last = size == READER_HEAD_MAX || cursor_left(&head) < size;
		found = probe_all(head, is_last, &answer);
		if (!found || answer == PROBE_YES || is_last)
			break;
		size *= 16;
		head = input_head(input, size);
		if (input_status(input))
			return input_status(input);
	}
	if (found && answer == PROBE_LIKELY && refused_find(head))
		found = NULL;
	*out_reader = found;
	return found ? 0 : report_unknown(head, diag);
}

/* Returns profile_status(), and reports its failure, which has no message yet. */
static int explain_status(const struct profile *profile, struct diag *diag)
{
	int r = profile_status(profile);

	if (r == -EOVERFLOW)
		return diag_error(diag, r, "values add up to more than 64 bits hold");
	return r < 0 ? diag_errno(diag, r) : 0;
}

static int check_report(const struct profile *profile, uint64_t wanted, struct diag *diag)
{
	if (wanted > 1 && !profile->n_reports)
		return diag_error(diag, READER_E_UNSUPPORTED,
				  "--nth=%ju: the input holds one profile", (uintmax_t)wanted);
	return 0;
}

int reader_read_wish(struct profile **out_profile, const struct reader_wish *wish,
		     struct input *input, struct diag *diag)
{
	_cleanup_(profile_freep) struct profile *profile = profile_new();
	const struct reader *reader = wish->reader;
	int r = find_reader(input, &reader, diag);

	if (r)
		return r;
	if (!profile)
		return diag_errno(diag, -ENOMEM);
	profile->keeps_samples = wish->keeps_samples;
	profile->wanted_report = wish->report;
	r = reader->read(profile, input, diag);
	if (r)
		return r;
	profile->format = reader->name;
	profile_complete(profile);
	r = explain_status(profile, diag);
	if (!r)
		r = check_report(profile, wish->report, diag);
	if (r)
		return r;
	*out_profile = profile;
	profile = NULL;
	return 0;
}

int reader_read(struct profile **out_profile, const struct reader *reader, struct input *input,
		struct diag *diag)
{
	return reader_read_wish(out_profile, &(struct reader_wish){.reader = reader}, input, diag);
}

int reader_read_samples(struct profile **out_profile, const struct reader *reader,
			struct input *input, struct diag *diag)
{
	return reader_read_wish(out_profile,
				&(struct reader_wish){.reader = reader, .keeps_samples = true},
				input, diag);
}
