/* SPDX-License-Identifier: MIT */
/* Runs the reader named READER, called directly, so that other formats' first lines are not in the
 * way. If the name is empty: the reader that recognizes the content, gzipped or not. */
#include "consumers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct profile *profile = consume_bytes(READER[0] ? READER : NULL, data, size);

	if (profile)
		consume_profile(profile);
	profile_free(profile);
	return 0;
}
