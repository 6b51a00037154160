/* SPDX-License-Identifier: MIT */
/* The socket at which `heapprof serve` listens: a unix socket that only its user can open, or a TCP
 * port that only programs on this machine can reach. */
#pragma once
#include <limits.h>
#include <sys/types.h>

#include "command/serve/loopback.h"

struct serve_listener {
	int fd;
	char path[PATH_MAX];   /* of a unix socket; empty: TCP */
	char folder[PATH_MAX]; /* that was made for the socket; empty: none */
	dev_t device;          /* of the socket's file */
	ino_t inode;
	struct loopback tcp; /* its address, with the port that it has */
};

/* Listens where `place` says: "HOST:PORT", "unix:PATH", or NULL for a unix socket in a new folder,
 * which is made in $XDG_RUNTIME_DIR or, if that is not a folder of this user alone, in $TMPDIR or
 * /tmp. Prints the error; returns the exit status. The caller calls serve_listener_close() after
 * success. */
int serve_listener_open(struct serve_listener *listener, const char *place);

/* Closes the socket and removes its file and folder, unless another file has the name meanwhile. */
void serve_listener_close(struct serve_listener *listener);
