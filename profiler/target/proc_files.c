/* SPDX-License-Identifier: MIT */
#include "target/proc_files.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	SIZE_MAX_BYTES = 256 << 20,
	FIRST_ROOM = 8192,
};

long hp_proc_read(const char *path, char **out)
{
	size_t size = 0, room = FIRST_ROOM;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = fd < 0 ? NULL : malloc(room + 1);
	ssize_t n = 0;

	if (fd < 0)
		return -errno;
	while (text && (n = read(fd, text + size, room - size)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		size += (size_t)n;
		if (size < room)
			continue;
		if (room >= SIZE_MAX_BYTES) {
			n = -1;
			errno = EFBIG;
			break;
		}
		room *= 2;
		char *grown = realloc(text, room + 1);

		if (!grown)
			free(text);
		text = grown;
	}
	long r = !text ? -ENOMEM : n < 0 ? -errno : (long)size;

	close(fd);
	if (r < 0) {
		free(text);
		return r;
	}
	text[size] = '\0';
	*out = text;
	return r;
}

long hp_proc_read_process(int pid, const char *name, char **out)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return hp_proc_read(path, out);
}

long hp_proc_read_thread(int pid, int thread, const char *name, char **out)
{
	char path[96];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", pid, thread, name);
	return hp_proc_read(path, out);
}

const char *hp_proc_value(const char *status, const char *key)
{
	size_t size = strlen(key);
	const char *line = status;

	while (line && (strncmp(line, key, size) != 0 || line[size] != ':')) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return line ? line + size + 1 : NULL;
}

long hp_proc_last_number(const char *line)
{
	long value = 0;

	if (!line)
		return 0;
	while (*line && *line != '\n') {
		char *end;
		long n = strtol(line, &end, 10);

		if (end == line)
			break;
		value = n;
		line = end + strspn(end, " \t");
	}
	return value;
}

long hp_proc_first_number(const char *line)
{
	return line ? strtol(line, NULL, 10) : -1;
}
