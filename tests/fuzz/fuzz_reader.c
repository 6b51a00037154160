/* SPDX-License-Identifier: MIT */
/* Calls the reader named READER directly, so that inputs whose first line is another format's reach
 * it as well. If READER is empty, the reader is found by content, which may be gzipped. */
#include "consumers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct profile *profile = consume_bytes(READER[0] ? READER : NULL, data, size);

	if (profile)
		consume_profile(profile);
	profile_free(profile);
	return 0;
}
