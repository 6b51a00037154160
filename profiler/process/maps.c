/* SPDX-License-Identifier: MIT */
#include "process/maps.h"
#include "base/file.h"
#include "base/sys.h"
#include <string.h>

/* A path may have 4 KiB, and the kernel escapes each newline in it as 4 bytes. */
#define LINE_MAX_SIZE (4 * 4096 + 128)

static const char *parse_hex(const char *p, const char *end, uintptr_t *out)
{
	uintptr_t value = 0;

	for (; p < end; p++) {
		if (*p >= '0' && *p <= '9')
			value = value << 4 | (uintptr_t)(*p - '0');
		else if (*p >= 'a' && *p <= 'f')
			value = value << 4 | (uintptr_t)(*p - 'a' + 10);
		else
			break;
	}
	*out = value;
	return p;
}

static const char *skip_fields(const char *p, const char *end, int n_fields)
{
	while (n_fields-- > 0) {
		while (p < end && *p != ' ')
			p++;
		while (p < end && *p == ' ')
			p++;
	}
	return p;
}

/* line = start "-" end " " permissions " " offset " " device " " inode [ " "+ path ] */
static bool parse_line(const char *line, size_t size, struct hp_maps_entry *out)
{
	const char *end = line + size, *p = parse_hex(line, end, &out->start);

	if (p == end || *p != '-')
		return false;
	p = parse_hex(p + 1, end, &out->end);
	if (end - p < 5)
		return false;
	out->is_executable = p[3] == 'x';
	out->line = line;
	out->line_size = size;
	p = skip_fields(p + 1, end, 4);
	out->path = p < end ? p : NULL;
	out->path_size = end - p;
	return true;
}

/* Calls `visit` for each line of `file`, and sets *out_has_lines to whether there are any. Returns
 * false if the file can't be read to its end. */
static bool visit_file(const char *file, bool (*visit)(const struct hp_maps_entry *, void *),
		       void *context, bool *out_has_lines)
{
	char buffer[LINE_MAX_SIZE];
	struct hp_maps_entry entry;
	size_t used = 0;
	long n = 1;
	bool more = true;
	int fd = hp_file_open_private(file, O_RDONLY);

	*out_has_lines = false;
	if (fd < 0)
		return false;
	while (more) {
		char *line = buffer, *newline;

		n = hp_sys_read(fd, buffer + used, sizeof(buffer) - used);
		if (n == -EINTR)
			continue;
		if (n <= 0)
			break;
		used += n;
		*out_has_lines = true;
		while (more && (newline = memchr(line, '\n', buffer + used - line))) {
			if (parse_line(line, newline - line, &entry))
				more = visit(&entry, context);
			line = newline + 1;
		}
		used -= line - buffer;
		memmove(buffer, line, used);
	}
	hp_sys_close(fd);
	return n >= 0;
}

bool hp_maps_visit(bool (*visit)(const struct hp_maps_entry *entry, void *context), void *context)
{
	bool has_lines;
	bool is_whole = visit_file("/proc/self/maps", visit, context, &has_lines);

	/* /proc/self shows the main thread's maps, which are empty after pthread_exit() in
	 * main(). */
	if (!has_lines)
		is_whole = visit_file("/proc/thread-self/maps", visit, context, &has_lines);
	return is_whole;
}

struct file_search {
	uintptr_t address;
	char *out_path;
	size_t size;
	uint64_t id;
	bool is_found;
};

/* Returns the FNV-1a hash of the line's device and inode fields. */
static uint64_t file_id_of(const struct hp_maps_entry *entry)
{
	const char *end = entry->line + entry->line_size;
	const char *p = skip_fields(entry->line, end, 3), *end_of_id = skip_fields(p, end, 2);
	uint64_t id = 0xcbf29ce484222325;

	for (; p < end_of_id; p++)
		id = (id ^ (uint8_t)*p) * 0x100000001b3;
	return id;
}

static bool match_file(const struct hp_maps_entry *entry, void *context)
{
	struct file_search *s = context;

	if (s->address < entry->start || s->address >= entry->end)
		return true;
	if (entry->path && entry->path_size < s->size) {
		memcpy(s->out_path, entry->path, entry->path_size);
		s->out_path[entry->path_size] = '\0';
		s->id = file_id_of(entry);
		s->is_found = true;
	}
	return false;
}

bool hp_maps_find_file(uintptr_t address, char *out_path, size_t size, uint64_t *out_id)
{
	struct file_search s = {.address = address, .out_path = out_path, .size = size};

	hp_maps_visit(match_file, &s);
	if (s.is_found)
		*out_id = s.id;
	return s.is_found;
}
