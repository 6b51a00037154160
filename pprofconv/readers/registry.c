/* SPDX-License-Identifier: MIT */
#include "readers/reader.h"

#include <errno.h>
#include <string.h>

#include "readers/readers.h"

const struct reader *const readers[] = {
	&reader_heapprof,
	&reader_gperftools,
	&reader_pprof,
	NULL,
};

const struct reader *reader_find(const char *name)
{
	for (size_t i = 0; readers[i]; i++)
		if (strcmp(readers[i]->name, name) == 0)
			return readers[i];
	return NULL;
}

static const struct reader *probe_all(struct cursor head)
{
	for (size_t i = 0; readers[i]; i++)
		if (readers[i]->probe(head))
			return readers[i];
	return NULL;
}

/* A profile that could not hold what was read says so without a message. */
static int explain_status(const struct profile *profile, struct diag *diag)
{
	int r = profile_status(profile);

	if (r == -EOVERFLOW)
		return diag_error(diag, r, "values add up to more than 64 bits hold");
	return r < 0 ? diag_errno(diag, r) : 0;
}

int reader_read(struct profile **out_profile, const struct reader *reader, struct input *input,
		struct diag *diag)
{
	_cleanup_(profile_freep) struct profile *profile = profile_new();
	struct cursor head = input_head(input);
	int r = input_status(input);

	if (r)
		return r;
	if (cursor_at_end(&head))
		return diag_error_line(diag, READER_E_UNKNOWN, 1, "the file is empty");
	if (!reader)
		reader = probe_all(head);
	if (!reader)
		return diag_error_line(diag, READER_E_UNKNOWN, 1,
				       "not a heap profile in any format that is known here; "
				       "'pprofconv formats' lists them");
	if (!profile)
		return diag_errno(diag, -ENOMEM);
	r = reader->read(profile, input, diag);
	if (!r)
		r = explain_status(profile, diag);
	if (r)
		return r;
	*out_profile = profile;
	profile = NULL;
	return 0;
}
