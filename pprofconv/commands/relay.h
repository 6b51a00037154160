/* SPDX-License-Identifier: MIT */
/* A relay reads a process for other programs. Where kernel.yama.ptrace_scope is 1, only the
 * ancestors of a process may read its memory, so `heapprof run` serves a relay for the processes
 * under it. The others ask it by a socket in a folder of the user; the socket's name is the ID of
 * the process that serves. Each side takes the other for a possible enemy: texts and times are
 * bounded, only the same user and root are answered or asked, and nothing in a request is a path.
 */
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/diag.h"

/* --- what both sides know ------------------------------------------------------------------ */

#define RELAY_MAGIC       "hprelay1"
#define RELAY_PATIENCE_MS 60000               /* for a request and its answer */
#define RELAY_TEXT_MAX    (UINT64_C(1) << 30) /* bytes of a dump */

struct relay_request {
	char magic[8];
	uint32_t pid;
	uint32_t reserved; /* 0 */
};

struct relay_answer { /* followed by `size` bytes */
	char magic[8];
	uint32_t is_error; /* the bytes are a message, not a dump */
	uint32_t task;     /* as outside_read_process() has it */
	uint64_t size;
};

/* Stores the n-th folder in which the relays of a user may be, from 0. Returns false if there is no
 * such folder. */
bool relay_folder(unsigned n, uid_t uid, char out[PATH_MAX]);

/* Opens that folder. Returns a descriptor, or -1 if it is not a folder that only this user may
 * use. */
int relay_open_folder(const char *path, uid_t uid);

/* Returns the time of CLOCK_MONOTONIC. */
uint64_t relay_now_ms(void);

/* --- the program that asks ----------------------------------------------------------------- */

enum {
	RELAY_NONE = 1, /* no process above it serves, or none that may be trusted */
};

/* Asks the nearest ancestor of the process that serves a relay. Returns 0 and what
 * outside_read_process() returns; RELAY_NONE without a message; or a failure with one. */
int relay_ask(int pid, int *out_task, char **out_text, size_t *out_size, struct diag *diag);

/* --- the program that serves --------------------------------------------------------------- */

struct relay_server;

/* Reads a process as outside_read_process() does, or refuses to. */
typedef int relay_read_function(void *context, int pid, int *out_task, char **out_text,
				size_t *out_size, struct diag *diag);

/* Begins to serve; relay_ask() in this process then finds no relay. Returns NULL if there is no
 * folder for the socket. */
struct relay_server *relay_server_new(relay_read_function *read, void *context);

/* Removes the socket. Takes NULL. */
void relay_server_free(struct relay_server *server);

/* Returns a descriptor that is readable when there is something to do for relay_server_work(),
 * which does not wait. */
int relay_server_fd(const struct relay_server *server);
void relay_server_work(struct relay_server *server);

/* Returns whether this process serves. */
bool relay_is_server(void);
