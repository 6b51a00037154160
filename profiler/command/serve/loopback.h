/* SPDX-License-Identifier: MIT */
/* A loopback address is one by which only programs on this machine can be reached: 127.x.y.z, [::1]
 * or the name localhost, followed by ":PORT" or not. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum loopback_kind {
	LOOPBACK_OURS,
	LOOPBACK_OTHER,   /* the address or name of any other machine */
	LOOPBACK_NO_PORT, /* no port follows, or not a port from 0 to 65535 */
};

struct loopback {
	struct sockaddr_storage address;
	socklen_t size;
	char host[64]; /* as it is written in a URL */
	uint16_t port; /* 0 if none follows */
};

/* Parses "HOST:PORT", or "HOST" as well unless `needs_port` is set. Sets *out for LOOPBACK_OURS. */
enum loopback_kind loopback_parse(const char *text, bool needs_port, struct loopback *out);
