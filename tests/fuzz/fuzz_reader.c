/* SPDX-License-Identifier: MIT */
/* One reader, READER by name: asked straight, so that no other format's first line is in the way.
 * With an empty name the one that takes the content, gzipped or not. */
#include "consumers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct profile *profile = consume_bytes(READER[0] ? READER : NULL, data, size);

	if (profile)
		consume_profile(profile);
	profile_free(profile);
	return 0;
}
