/* SPDX-License-Identifier: MIT */
#include "command/memory_limit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

#define FILE_MAX (1 << 20)
#define LEVELS   64                  /* of cgroups in one another */
#define NO_LIMIT (UINT64_C(1) << 60) /* version 1 has a number near 2^63 for "no limit" */

/* The names of a version's files, and the key of the memory that can be dropped. */
struct cgroup_files {
	const char *limit, *usage, *key;
};

static const struct cgroup_files versions[] = {
	[1] = {"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"},
	[2] = {"memory.max", "memory.current", "inactive_file"},
};

/* Reads at most FILE_MAX bytes. Returns NULL if the file can't be read; the caller frees. */
static char *read_text(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char *text = fd < 0 ? NULL : malloc(FILE_MAX + 1);
	size_t size = 0;
	ssize_t n = 1;

	while (text && size < FILE_MAX && n > 0) {
		n = read(fd, text + size, FILE_MAX - size);
		size += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0)
		close(fd);
	if (text)
		text[size] = '\0';
	return text;
}

/* --- where cgroups are --------------------------------------------------------------------- */

/* Copies a path of mountinfo, in which a backslash and three digits are a byte. */
static void copy_unescaped(char out[PATH_MAX], const char *text)
{
	size_t n = 0;

	for (; *text && n < PATH_MAX - 1; text++) {
		if (*text == '\\' && strspn(text + 1, "01234567") >= 3) {
			const char digits[] = {text[1], text[2], text[3], '\0'};

			out[n++] = (char)strtoul(digits, NULL, 8);
			text += 3;
		} else {
			out[n++] = *text;
		}
	}
	out[n] = '\0';
}

/* Returns whether `word` is one of the words in a list with commas. */
static bool has_word(const char *list, const char *word)
{
	size_t size = strlen(word);

	for (; list; list = strchr(list, ',') ? strchr(list, ',') + 1 : NULL)
		if (strncmp(list, word, size) == 0 && (!list[size] || list[size] == ','))
			return true;
	return false;
}

/* line = id " " parent " " device " " root " " place " " options tag* " - " type " " source " "
 * options. Stores the version, or 0 if the mount has no memory limits. */
static void parse_mount(char *line, struct cgroup_mount *out)
{
	char *words[6], *at = line, *rest = strstr(line, " - "), *type, *options = NULL;

	out->version = 0;
	for (int i = 0; i < 6; i++)
		words[i] = strsep(&at, " ");
	if (!rest || !words[4] || words[4] > rest)
		return;
	at = rest + 3;
	type = strsep(&at, " ");
	if (strsep(&at, " ")) /* the source */
		options = at;
	if (strcmp(type, "cgroup2") == 0)
		out->version = 2;
	else if (strcmp(type, "cgroup") == 0 && options && has_word(options, "memory"))
		out->version = 1;
	if (!out->version)
		return;
	copy_unescaped(out->root, words[3]);
	copy_unescaped(out->place, words[4]);
}

void cgroup_mount_parse(const char *mountinfo, struct cgroup_mount *out)
{
	_cleanup_(freep) void *memory = strdup(mountinfo);
	char *at = memory, *line;

	*out = (struct cgroup_mount){0};
	while (at && (line = strsep(&at, "\n")) != NULL) {
		struct cgroup_mount found;

		parse_mount(line, &found);
		if (found.version && (!out->version || (found.version == 1 && out->version == 2)))
			*out = found;
	}
}

void cgroup_mount_find(struct cgroup_mount *out)
{
	_cleanup_(freep) void *text = read_text("/proc/self/mountinfo");

	*out = (struct cgroup_mount){0};
	if (text)
		cgroup_mount_parse(text, out);
}

/* --- the cgroup of a process --------------------------------------------------------------- */

/* line = number ":" controllers ":" path. Returns the path if the line is that of the mount's
 * cgroups. */
static char *path_in_line(const struct cgroup_mount *mount, char *line)
{
	const char *number = strsep(&line, ":"), *controllers = strsep(&line, ":");
	char *path = line;

	if (!number || !path || *path != '/')
		return NULL;
	if (mount->version == 2)
		return *controllers ? NULL : path;
	return has_word(controllers, "memory") ? path : NULL;
}

/* Returns the part of a cgroup's path under the mounted cgroup, or NULL if it is not under it. */
static const char *path_under(const struct cgroup_mount *mount, const char *path)
{
	size_t size = strlen(mount->root);

	if (strstr(path, "/../") || (strlen(path) > 2 && !strcmp(path + strlen(path) - 3, "/..")))
		return NULL;
	if (strcmp(mount->root, "/") == 0)
		return path;
	if (strncmp(path, mount->root, size) != 0 || (path[size] && path[size] != '/'))
		return NULL;
	return path + size;
}

bool cgroup_folder_parse(const struct cgroup_mount *mount, const char *cgroup, char out[PATH_MAX])
{
	_cleanup_(freep) void *memory = strdup(cgroup);
	char *at = memory, *line;

	while (mount->version && at && (line = strsep(&at, "\n")) != NULL) {
		const char *path = path_in_line(mount, line);

		path = path ? path_under(mount, path) : NULL;
		if (path)
			return snprintf(out, PATH_MAX, "%s%s", mount->place, path) < PATH_MAX;
	}
	return false;
}

/* --- limits -------------------------------------------------------------------------------- */

uint64_t cgroup_parse_stat(const char *text, const char *key)
{
	size_t size = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, size) == 0 && line[size] == ' ')
			return strtoull(line + size + 1, NULL, 10);
	}
	return 0;
}

static char *read_in(const char *folder, const char *name)
{
	char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return read_text(path);
}

/* number = digits. Returns false for other text, such as "max". */
static bool parse_number(const char *text, uint64_t *out)
{
	if (!text || *text < '0' || *text > '9')
		return false;
	*out = strtoull(text, NULL, 10);
	return true;
}

/* Reads the limit of one cgroup. Returns false if it has none. */
static bool read_limit(const struct cgroup_mount *mount, const char *folder,
		       struct memory_limit *out)
{
	const struct cgroup_files *files = &versions[mount->version];
	_cleanup_(freep) void *limit = read_in(folder, files->limit);
	_cleanup_(freep) void *usage = read_in(folder, files->usage);
	_cleanup_(freep) void *stat = read_in(folder, "memory.stat");
	uint64_t used, dropped = stat ? cgroup_parse_stat(stat, files->key) : 0;

	if (!parse_number(limit, &out->limit) || !parse_number(usage, &used) || !out->limit ||
	    out->limit >= NO_LIMIT)
		return false;
	used -= dropped < used ? dropped : used;
	out->room = out->limit > used ? out->limit - used : 0;
	out->share = (double)used / (double)out->limit;
	return true;
}

/* Adds the limit of another cgroup around the process. */
static void add_limit(struct memory_limit *sum, const struct memory_limit *other)
{
	if (other->share > sum->share)
		sum->share = other->share;
	if (other->room < sum->room) {
		sum->room = other->room;
		sum->limit = other->limit;
	}
}

bool cgroup_folder_limit(const struct cgroup_mount *mount, const char *folder,
			 struct memory_limit *out)
{
	struct memory_limit own;
	char path[PATH_MAX];
	bool is_found = false;

	snprintf(path, sizeof(path), "%s", folder);
	for (int i = 0; i < LEVELS && strlen(path) >= strlen(mount->place); i++) {
		char *slash = strrchr(path, '/');

		if (read_limit(mount, path, &own)) {
			if (!is_found)
				*out = own;
			add_limit(out, &own);
			is_found = true;
		}
		if (!slash)
			break;
		*slash = '\0';
	}
	return is_found;
}

bool memory_limit_find(const struct cgroup_mount *mount, pid_t pid, struct memory_limit *out)
{
	char path[64], folder[PATH_MAX];
	_cleanup_(freep) void *text = NULL;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	text = read_text(path);
	return text && cgroup_folder_parse(mount, text, folder) &&
	       cgroup_folder_limit(mount, folder, out);
}
