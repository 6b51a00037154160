/* SPDX-License-Identifier: MIT */
#include "command/top/held_messages.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/command.h"

#define HELD_MAX 16384

static int held = -1, real = -1; /* the file that holds them, and standard error */

int held_messages_begin(void)
{
	held = memfd_create("messages", MFD_CLOEXEC);
	real = held < 0 ? -1 : dup(STDERR_FILENO);
	if (real >= 0 && dup2(held, STDERR_FILENO) >= 0)
		return 0;
	return -errno;
}

/* Reads the end of the messages and drops all. `out` has HELD_MAX + 1 bytes. */
static size_t take_all(char *out)
{
	off_t size = lseek(held, 0, SEEK_END);
	off_t first = size > HELD_MAX ? size - HELD_MAX : 0;
	ssize_t n = pread(held, out, HELD_MAX, first);

	if (ftruncate(held, 0) == 0)
		lseek(held, 0, SEEK_SET);
	out[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

void held_messages_take(char *out, size_t size)
{
	char text[HELD_MAX + 1], prefix[64];
	size_t n = take_all(text);
	const char *line = text;

	while (n && text[n - 1] == '\n')
		text[--n] = '\0';
	if (strrchr(text, '\n'))
		line = strrchr(text, '\n') + 1;
	snprintf(prefix, sizeof(prefix), "%s: ", program_name());
	if (strncmp(line, prefix, strlen(prefix)) == 0)
		line += strlen(prefix);
	snprintf(out, size, "%s", line);
}

void held_messages_end(void)
{
	char text[HELD_MAX + 1];
	size_t n;

	if (held < 0)
		return;
	n = take_all(text);
	if (real >= 0) {
		dup2(real, STDERR_FILENO);
		close(real);
	}
	close(held);
	held = real = -1;
	fwrite(text, 1, n, stderr);
}
