/* SPDX-License-Identifier: MIT */
#include "command/cgroup_room.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"

#define CGROUP_ROOT "/sys/fs/cgroup"
#define UNLIMITED   (UINT64_C(1) << 60) /* version 1 has a number near 2^63 for no limit */
#define LEVELS_MAX  64                  /* of cgroups in one another */
#define TEXT_MAX    16384

const struct cgroup_files cgroup_files_v1 = {"memory.limit_in_bytes", "memory.usage_in_bytes",
					     "\ntotal_inactive_file "};
const struct cgroup_files cgroup_files_v2 = {"memory.max", "memory.current", "\ninactive_file "};

/* Reads at most size - 1 bytes of a file. */
static bool read_text(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	size_t n = 0;

	if (fd < 0)
		return false;
	while (n < size - 1) {
		ssize_t some = read(fd, out + n, size - 1 - n);

		if (some < 0 && errno == EINTR)
			continue;
		if (some <= 0)
			break;
		n += (size_t)some;
	}
	close(fd);
	out[n] = '\0';
	return n > 0;
}

static bool read_in(const char *folder, const char *name, char *out, size_t size)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/%s", folder, name) < (int)sizeof(path) &&
	       read_text(path, out, size);
}

/* number = digits; a limit may also be "max" */
static bool parse_number(const char *text, uint64_t *out)
{
	struct cursor cursor = cursor_make(text, strlen(text));

	*out = cursor_take_decimal(&cursor);
	return !cursor.failed;
}

static uint64_t dropped_bytes(const char *folder, const struct cgroup_files *files)
{
	char text[TEXT_MAX];
	const char *line;
	uint64_t bytes;

	if (!read_in(folder, "memory.stat", text, sizeof(text)))
		return 0;
	line = strstr(text, files->dropped);
	return line && parse_number(line + strlen(files->dropped), &bytes) ? bytes : 0;
}

/* Reads the room of one cgroup. Returns false if it has no limit. */
static bool read_room(const char *folder, const struct cgroup_files *files, struct cgroup_room *out)
{
	uint64_t usage, dropped;
	char text[64];

	if (!read_in(folder, files->limit, text, sizeof(text)) ||
	    !parse_number(text, &out->limit) || out->limit >= UNLIMITED ||
	    !read_in(folder, files->usage, text, sizeof(text)) || !parse_number(text, &usage))
		return false;
	dropped = dropped_bytes(folder, files);
	usage -= dropped < usage ? dropped : usage;
	out->room = out->limit > usage ? out->limit - usage : 0;
	return true;
}

bool cgroup_room_find_below(const char *root, const char *path, const struct cgroup_files *files,
			    struct cgroup_room *out)
{
	struct cgroup_room room;
	char folder[PATH_MAX];
	bool is_found = false;

	if (snprintf(folder, sizeof(folder), "%s%s", root, path) >= (int)sizeof(folder))
		return false;
	for (int i = 0; i < LEVELS_MAX && strlen(folder) >= strlen(root); i++) {
		if (read_room(folder, files, &room) && (!is_found || room.room < out->room)) {
			*out = room;
			is_found = true;
		}
		if (!strrchr(folder, '/'))
			break;
		*strrchr(folder, '/') = '\0';
	}
	return is_found;
}

/* --- the cgroup of a process --------------------------------------------------------------- */

/* Returns whether a controller is in a list such as "cpu,memory". */
static bool has_controller(const char *list, size_t size, const char *controller)
{
	size_t wanted = strlen(controller);

	for (;;) {
		const char *comma = memchr(list, ',', size);
		size_t n = comma ? (size_t)(comma - list) : size;

		if (n == wanted && memcmp(list, controller, n) == 0)
			return true;
		if (!comma)
			return false;
		list += n + 1;
		size -= n + 1;
	}
}

static bool leads_upwards(const char *path)
{
	for (const char *at = path; (at = strstr(at, "/.."));) {
		at += strlen("/..");
		if (*at == '/' || !*at)
			return true;
	}
	return false;
}

/* line = number ":" controllers ":" path "\n" */
bool cgroup_room_parse(const char *text, const char *controller, char *out_path, size_t size)
{
	while (*text) {
		const char *end = strchrnul(text, '\n');
		const char *list = memchr(text, ':', (size_t)(end - text));
		const char *path = list ? memchr(list + 1, ':', (size_t)(end - list - 1)) : NULL;

		if (path && path[1] == '/' &&
		    has_controller(list + 1, (size_t)(path - list - 1), controller)) {
			size_t n = (size_t)(end - path - 1);

			if (n >= size)
				return false;
			memcpy(out_path, path + 1, n);
			out_path[n] = '\0';
			return !leads_upwards(out_path);
		}
		text = *end ? end + 1 : end;
	}
	return false;
}

bool cgroup_room_find(pid_t pid, struct cgroup_room *out)
{
	char file[64], text[TEXT_MAX], path[PATH_MAX];

	snprintf(file, sizeof(file), "/proc/%d/cgroup", pid);
	if (!read_text(file, text, sizeof(text)))
		return false;
	if (cgroup_room_parse(text, "memory", path, sizeof(path)))
		return cgroup_room_find_below(CGROUP_ROOT "/memory", path, &cgroup_files_v1, out);
	return cgroup_room_parse(text, "", path, sizeof(path)) &&
	       cgroup_room_find_below(CGROUP_ROOT, path, &cgroup_files_v2, out);
}
