/* SPDX-License-Identifier: MIT */
/* Demangles hostile symbol names, by libiberty within our limits, and shortens them. */
#include <stdlib.h>
#include <string.h>

#include "base/short_name.h"
#include "symbolize/demangle.h"
#include "target.h"

/* A short name must not have a short name. */
static void shorten(const char *name)
{
	char *shorter = short_name(name);
	char *again = shorter ? short_name(shorter) : NULL;

	if (again)
		abort();
	free(shorter);
	free(short_name_with(name, 0, "~"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *symbol = strndup((const char *)data, size);

	shorten(symbol);
	for (enum demangle_style style = DEMANGLE_SHORT; style <= DEMANGLE_NONE; style++) {
		char *name = demangle(symbol, style);

		if (name)
			shorten(name);
		free(name);
	}
	free(symbol);
	return 0;
}
