/* SPDX-License-Identifier: MIT */
/* Demangles hostile symbol names: libiberty within our limits. */
#include <stdlib.h>
#include <string.h>

#include "symbolize/demangle.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *symbol = strndup((const char *)data, size);

	for (enum demangle_style style = DEMANGLE_SHORT; style <= DEMANGLE_NONE; style++)
		free(demangle(symbol, style));
	free(symbol);
	return 0;
}
