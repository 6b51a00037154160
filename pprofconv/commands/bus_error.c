/* SPDX-License-Identifier: MIT */
/* The handler calls only async-signal-safe functions. /proc/self/maps says which file is mapped at
 * an address. */
#include "commands/bus_error.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "commands/command.h"

#define LINE_MAX_BYTES 8192 /* of /proc/self/maps, whose paths have up to 4 KiB */

static void print_error(const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		return;
}

static const char *read_hex(const char *text, uintptr_t *out)
{
	for (*out = 0; strchr("0123456789abcdef", *text) && *text; text++)
		*out = *out << 4 | (uintptr_t)(*text <= '9' ? *text - '0' : *text - 'a' + 10);
	return text;
}

/* line = start "-" end " " permissions " " offset " " device " " inode spaces path */
static bool holds(const char *line, uintptr_t address)
{
	uintptr_t start, end;

	line = read_hex(line, &start);
	if (*line != '-')
		return false;
	read_hex(line + 1, &end);
	return address >= start && address < end;
}

static bool next_line(int fd, char *line)
{
	size_t n = 0;
	char c;

	while (read(fd, &c, 1) == 1 && c != '\n')
		if (n + 1 < LINE_MAX_BYTES)
			line[n++] = c;
	line[n] = '\0';
	return n > 0;
}

/* Returns the path of the file that is mapped at an address, or NULL. It stays valid until the next
 * call. */
static const char *find_path(uintptr_t address)
{
	static char line[LINE_MAX_BYTES];
	const char *path = NULL;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

	while (!path && fd >= 0 && next_line(fd, line))
		if (holds(line, address))
			path = strchr(line, '/');
	if (fd >= 0)
		close(fd);
	return path;
}

static void on_bus_error(int signal, siginfo_t *info, void *context)
{
	const char *path;

	(void)context;
	if (info->si_code != BUS_ADRERR) {
		raise(signal); /* takes effect once this handler has returned */
		return;
	}
	path = find_path((uintptr_t)info->si_addr);
	print_error(PROGRAM ": ");
	print_error(path ? path : "a file");
	print_error(": truncated while it was read, or its disk fails\n");
	_exit(EXIT_BAD);
}

void bus_error_explain(void)
{
	struct sigaction action = {.sa_sigaction = on_bus_error,
				   .sa_flags = SA_SIGINFO | SA_RESETHAND};

	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, &action, NULL);
}
