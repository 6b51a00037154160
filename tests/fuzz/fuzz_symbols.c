/* SPDX-License-Identifier: MIT */
/* Parses what clients send to `heapprof serve`: the addresses that they post for names, and the
 * host that they name. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command/serve/loopback.h"
#include "command/serve/serve_symbols.h"
#include "target.h"

static const uint64_t call = 0x401135;

static struct profile *make_profile(void)
{
	struct profile *profile = profile_new();
	struct profile_location location = {.address = call, .mapping = PROFILE_NONE};
	struct profile_function function = {.name = profile_intern(profile, "main")};
	struct profile_line line = {.function = profile_add_function(profile, &function)};

	profile_add_location(profile, &location, &line, 1);
	return profile;
}

/* The answer has at most the two lines for the address of the call and the address after it. */
static void answer(address_vec *addresses)
{
	static struct profile *profile;
	size_t size, n = 0;
	char *text;

	profile = profile ? profile : make_profile();
	text = serve_symbols_answer(profile, addresses, &size);
	for (const char *line = text; line && *line; line = strchr(line, '\n') + 1)
		n++;
	if (!text || strlen(text) != size || n > 2)
		abort();
	free(text);
}

static void parse_host(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct loopback host;

	if (text && loopback_parse(text, size % 2, &host) == LOOPBACK_OURS &&
	    (!host.size || strlen(host.host) >= sizeof(host.host)))
		abort();
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	address_vec addresses = {0};
	int r = serve_symbols_parse((const char *)data, size, &addresses);

	if (!r)
		answer(&addresses);
	else if (r != -EINVAL)
		abort();
	vec_deinit(&addresses);
	parse_host(data, size);
	return 0;
}
