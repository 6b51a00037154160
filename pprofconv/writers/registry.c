/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "writers/writers.h"

const struct writer *const writers[] = {
	&writer_pprof,      &writer_folded,  &writer_text, &writer_json, &writer_rows,
	&writer_speedscope, &writer_firefox, &writer_csv,  NULL,
};

const struct writer *writer_find(const char *name)
{
	for (size_t i = 0; writers[i]; i++)
		if (strcmp(writers[i]->name, name) == 0)
			return writers[i];
	return NULL;
}
