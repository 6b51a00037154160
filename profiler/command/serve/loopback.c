/* SPDX-License-Identifier: MIT */
#include "command/serve/loopback.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cursor.h"

/* Returns the size of the host, which the port or the end of the text follows. */
static size_t host_size(const char *text)
{
	const char *end = *text == '[' ? strchr(text, ']') : NULL;

	return end ? (size_t)(end + 1 - text) : strcspn(text, ":");
}

/* port = ":" decimal */
static bool parse_port(const char *text, uint16_t *out)
{
	struct cursor cursor = cursor_make(text, strlen(text));
	uint64_t port;

	cursor_expect(&cursor, ':');
	port = cursor_take_decimal(&cursor);
	if (cursor.failed || !cursor_at_end(&cursor) || port > UINT16_MAX)
		return false;
	*out = (uint16_t)port;
	return true;
}

static void set_ipv4(struct loopback *out, struct in_addr address)
{
	struct sockaddr_in *to = (struct sockaddr_in *)&out->address;

	*to = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(out->port),
		.sin_addr = address,
	};
	out->size = sizeof(*to);
}

static void set_ipv6(struct loopback *out)
{
	struct sockaddr_in6 *to = (struct sockaddr_in6 *)&out->address;

	*to = (struct sockaddr_in6){
		.sin6_family = AF_INET6,
		.sin6_port = htons(out->port),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT,
	};
	out->size = sizeof(*to);
}

static bool set_address(struct loopback *out)
{
	struct in_addr address = {htonl(INADDR_LOOPBACK)};
	bool is_name = strcasecmp(out->host, "localhost") == 0;

	if (strcmp(out->host, "[::1]") == 0)
		set_ipv6(out);
	else if (is_name || (inet_pton(AF_INET, out->host, &address) == 1 &&
			     ntohl(address.s_addr) >> 24 == IN_LOOPBACKNET))
		set_ipv4(out, address);
	else
		return false;
	return true;
}

enum loopback_kind loopback_parse(const char *text, bool needs_port, struct loopback *out)
{
	size_t size = host_size(text);
	struct loopback found = {0};

	if (size >= sizeof(found.host))
		return LOOPBACK_OTHER;
	memcpy(found.host, text, size);
	if ((text[size] || needs_port) && !parse_port(text + size, &found.port))
		return LOOPBACK_NO_PORT;
	if (!set_address(&found))
		return LOOPBACK_OTHER;
	*out = found;
	return LOOPBACK_OURS;
}
