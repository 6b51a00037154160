/* SPDX-License-Identifier: MIT */
#include "command/run/dump_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cursor.h"
#include "command/inspect_program.h"

#define HEAD_SIZE 65536 /* a dump's metadata, with a long command line */
#define SUFFIX    ".heap"

/* --- places -------------------------------------------------------------------------------- */

/* The letters of expansions that differ between processes; all others are not expanded. */
static bool is_expansion(const char *text)
{
	return text[0] == '%' && text[1] && strchr("peht", text[1]);
}

/* Copies [text, end) with "%%" as one '%', up to any other expansion. Returns false if there is
 * another expansion. */
static bool copy_literal(char *out, const char *text, const char *end)
{
	while (text < end && !is_expansion(text)) {
		*out++ = *text;
		text += text[0] == '%' && text[1] == '%' ? 2 : 1;
	}
	*out = '\0';
	return text >= end;
}

bool dump_place_parse(struct dump_place *out, const char *prefix, bool is_folder)
{
	const char *end = prefix + strlen(prefix), *slash = strrchr(prefix, '/');
	const char *name = is_folder ? end : slash ? slash + 1 : prefix;

	if (end - prefix >= PATH_MAX)
		return false;
	copy_literal(out->beginning, name, end);
	if (name == prefix) {
		snprintf(out->folder, sizeof(out->folder), ".");
		return true;
	}
	while (name - prefix > 1 && name[-1] == '/')
		name--;
	return copy_literal(out->folder, prefix, name);
}

/* --- dumps --------------------------------------------------------------------------------- */

/* counts = number ": " bytes "[" number ": " bytes "]" */
static bool parse_allocated(struct cursor line, uint64_t *out)
{
	if (!cursor_accept_text(&line, "heap profile:") || !cursor_find(&line, "[") ||
	    !cursor_find(&line, ":"))
		return false;
	cursor_expect(&line, ':');
	cursor_skip_spaces(&line);
	*out = cursor_take_decimal(&line);
	return !line.failed;
}

/* Takes "KEY: " and stores the rest of the line, cut to `size`. */
static bool take_text(struct cursor line, const char *key, char *out, size_t size)
{
	if (!cursor_accept_text(&line, key))
		return false;
	snprintf(out, size, "%.*s", (int)cursor_left(&line), line.at);
	return true;
}

static void parse_line(struct dump_file *out, struct cursor line)
{
	char text[PATH_MAX];

	if (take_text(line, "# program: ", text, sizeof(text)))
		snprintf(out->program, sizeof(out->program), "%s", program_base_name(text));
	else if (take_text(line, "# pid: ", text, sizeof(text)))
		out->pid = (pid_t)strtol(text, NULL, 10);
	else if (take_text(line, "# dump: ", text, sizeof(text)))
		out->number = strtoull(text, NULL, 10);
	else if (take_text(line, "# reason: ", text, sizeof(text)))
		out->is_exit = strcmp(text, "exit") == 0;
	else
		take_text(line, "# run: ", out->run, sizeof(out->run));
}

/* Takes a line without its end. */
static struct cursor take_line(struct cursor *text)
{
	const char *start = text->at;
	const char *end = memchr(start, '\n', cursor_left(text));

	text->at = end ? end + 1 : text->end;
	return cursor_make(start, (size_t)((end ? end : text->end) - start));
}

bool dump_file_parse(struct dump_file *out, const char *head, size_t size)
{
	struct cursor text = cursor_make(head, size);
	struct cursor line = take_line(&text);

	*out = (struct dump_file){0};
	if (!parse_allocated(line, &out->allocated_bytes))
		return false;
	line = take_line(&text);
	if (!cursor_starts_with(&line, "# heapprof: "))
		return false;
	while (cursor_starts_with(&text, "# "))
		parse_line(out, take_line(&text));
	return out->run[0] != '\0';
}

/* --- listing ------------------------------------------------------------------------------- */

static bool is_name_of(const struct dump_place *place, const char *name)
{
	size_t size = strlen(name);

	return strncmp(name, place->beginning, strlen(place->beginning)) == 0 &&
	       size > strlen(SUFFIX) && strcmp(name + size - strlen(SUFFIX), SUFFIX) == 0;
}

static bool read_dump(int folder, const char *name, struct dump_file *out)
{
	static char head[HEAD_SIZE];
	int fd = openat(folder, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat status;
	bool is_dump = false;
	ssize_t size;

	if (fd < 0)
		return false;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
		size = pread(fd, head, sizeof(head), 0);
		is_dump = size > 0 && dump_file_parse(out, head, (size_t)size);
	}
	close(fd);
	if (is_dump) {
		snprintf(out->name, sizeof(out->name), "%s", name);
		out->inode = status.st_ino;
		out->changed_ns =
			(int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
	}
	return is_dump;
}

static bool is_old(const struct dump_file *file, const dump_file_vec *old)
{
	if (old)
		vec_foreach (known, old)
			if (known->inode == file->inode && known->changed_ns == file->changed_ns &&
			    strcmp(known->name, file->name) == 0)
				return true;
	return false;
}

int dump_files_list(const struct dump_place *place, const dump_file_vec *old, dump_file_vec *out)
{
	DIR *folder = opendir(place->folder);
	struct dirent *entry;
	struct dump_file file;
	int r = 0;

	if (!folder)
		return -errno;
	while (!r && (entry = readdir(folder)) != NULL)
		if (is_name_of(place, entry->d_name) &&
		    read_dump(dirfd(folder), entry->d_name, &file) && !is_old(&file, old))
			r = vec_push(out, file);
	closedir(folder);
	return r;
}

/* --- choosing ------------------------------------------------------------------------------ */

/* A dump from outside has the number of the next dump that the process writes itself, after it. */
static int compare_files(const void *left, const void *right)
{
	const struct dump_file *a = left, *b = right;
	int by_run = strcmp(a->run, b->run);

	if (by_run)
		return by_run;
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return a->changed_ns < b->changed_ns ? -1 : a->changed_ns > b->changed_ns;
}

static bool wrote_more(const struct dump_run *a, const struct dump_run *b)
{
	if (a->n != b->n)
		return a->n > b->n;
	return a->n && a->files[a->n - 1].allocated_bytes > b->files[b->n - 1].allocated_bytes;
}

struct dump_run dump_files_choose(dump_file_vec *files)
{
	struct dump_run best = {0}, run;
	size_t n_runs = 0;

	qsort(files->items, files->n, sizeof(*files->items), compare_files);
	for (size_t i = 0; i < files->n; i += run.n) {
		run = (struct dump_run){.files = &files->items[i], .n = 1};
		while (i + run.n < files->n &&
		       strcmp(files->items[i].run, files->items[i + run.n].run) == 0)
			run.n++;
		n_runs++;
		if (wrote_more(&run, &best))
			best = run;
	}
	best.n_others = n_runs - 1;
	return best;
}
