// SPDX-License-Identifier: MIT
#include "index.h"

#include <stdio.h>
#include <stdlib.h>

enum { NAME_BYTES = 32 };

int index_find(unsigned key)
{
	char *name = malloc(NAME_BYTES);

	if (!name)
		return -1;
	snprintf(name, NAME_BYTES, "key %u", key);
	if (key % 2 == 1) // the index knows even keys
		return -1; // the defect: the name is still ours
	free(name);
	return (int)key;
}
