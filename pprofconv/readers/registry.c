/* SPDX-License-Identifier: MIT */
#include "readers/reader.h"

#include <errno.h>
#include <string.h>

#include "readers/readers.h"
#include "readers/refused.h"

const struct reader *const readers[] = {
	&reader_heapprof,
	&reader_go_heap,
	&reader_gperftools,
	&reader_jemalloc,
	&reader_pprof,
	&reader_folded,
	NULL,
};

const struct reader *reader_find(const char *name)
{
	for (size_t i = 0; readers[i]; i++)
		if (strcmp(readers[i]->name, name) == 0)
			return readers[i];
	return NULL;
}

static int unknown(struct cursor head, struct diag *diag)
{
	const char *kind = refused_kind(head);

	if (kind)
		return diag_error_line(diag, READER_E_UNSUPPORTED, 1, "%s is not read", kind);
	return diag_error_line(diag, READER_E_UNKNOWN, 1,
			       "not a heap profile in any format that is known here; "
			       "'pprofconv formats' lists them");
}

/* The reader that takes input which begins so. */
static int probe_all(struct cursor head, const struct reader **out_reader, struct diag *diag)
{
	if (cursor_at_end(&head))
		return diag_error_line(diag, READER_E_UNKNOWN, 1, "the file is empty");
	for (size_t i = 0; !*out_reader && readers[i]; i++)
		if (readers[i]->probe(head))
			*out_reader = readers[i];
	return *out_reader ? 0 : unknown(head, diag);
}

/* A profile that could not hold what was read says so without a message. */
static int explain_status(const struct profile *profile, struct diag *diag)
{
	int r = profile_status(profile);

	if (r == -EOVERFLOW)
		return diag_error(diag, r, "values add up to more than 64 bits hold");
	return r < 0 ? diag_errno(diag, r) : 0;
}

static int read_into(struct profile **out_profile, struct profile *empty,
		     const struct reader *reader, struct input *input, struct diag *diag)
{
	_cleanup_(profile_freep) struct profile *profile = empty;
	struct cursor head = input_head(input);
	int r = input_status(input);

	if (!r)
		r = probe_all(head, &reader, diag);
	if (!r && !profile)
		r = diag_errno(diag, -ENOMEM);
	if (!r)
		r = reader->read(profile, input, diag);
	if (!r)
		r = explain_status(profile, diag);
	if (r)
		return r;
	*out_profile = profile;
	profile = NULL;
	return 0;
}

int reader_read(struct profile **out_profile, const struct reader *reader, struct input *input,
		struct diag *diag)
{
	return read_into(out_profile, profile_new(), reader, input, diag);
}

int reader_read_samples(struct profile **out_profile, const struct reader *reader,
			struct input *input, struct diag *diag)
{
	struct profile *profile = profile_new();

	if (profile)
		profile->keeps_samples = true;
	return read_into(out_profile, profile, reader, input, diag);
}
