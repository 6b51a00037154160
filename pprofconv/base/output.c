/* SPDX-License-Identifier: MIT */
/* Where the file system supports it, the file is created without a name, so that nothing is left if
 * the program is killed. At the end it gets a temporary name, which is renamed to the final name at
 * once; it can't get the final name directly, because a link can't replace a file. On other file
 * systems the file has the temporary name from the start. */
#include "base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/utf8.h"

#define BUFFER_SIZE 65536
#define NAME_TRIES  100
#define LINKS_MAX   40 /* as many as the kernel follows */

struct output {
	int fd;
	int status;
	const char *name; /* for messages */
	char *path;       /* the final name; NULL: written in place, not renamed */
	char *temporary;  /* the temporary name; NULL: none */
	bool is_new;      /* it must not replace a file */
	uint64_t n_written;
	void (*report)(void *context, uint64_t n_bytes);
	void *report_context;
	size_t n_buffered;
	char buffer[BUFFER_SIZE];
};

/* --- opening ------------------------------------------------------------------------------- */

/* Returns a name in the folder of `path` that nothing else is likely to have, or NULL if memory is
 * out. */
static char *temporary_name(const char *path, unsigned try)
{
	const char *slash = strrchr(path, '/');
	int folder_size = slash ? (int)(slash + 1 - path) : 0;
	char *name;

	if (asprintf(&name, "%.*s.pprofconv.%ld.%u", folder_size, path, (long)getpid(), try) < 0)
		return NULL;
	return name;
}

static char *folder_of_path(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

static int open_nameless(struct output *output)
{
	_cleanup_(freep) void *folder = folder_of_path(output->path);

	if (!folder)
		return -ENOMEM;
	if (access("/proc/self/fd", X_OK) < 0) /* needed later to give the file a name */
		return -EOPNOTSUPP;
	output->fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
	return output->fd < 0 ? -errno : 0;
}

/* Calls `make` with temporary names until one is not taken. The output keeps that name if `make`
 * succeeds. */
static int with_temporary_name(struct output *output, int (*make)(struct output *, const char *))
{
	int r = -EEXIST;

	for (unsigned try = 0; r == -EEXIST && try < NAME_TRIES; try++) {
		char *name = temporary_name(output->path, try);

		r = name ? make(output, name) : -ENOMEM;
		if (r == 0)
			output->temporary = name;
		else
			free(name);
	}
	return r;
}

static int create_named(struct output *output, const char *name)
{
	output->fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	return output->fd < 0 ? -errno : 0;
}

static int link_nameless(struct output *output, const char *name)
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", output->fd);
	return linkat(AT_FDCWD, link, AT_FDCWD, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

/* Sets *out_target to the path that the symbolic link at `path` leads to, or to NULL if there is no
 * link. */
static int read_symlink(const char *path, char **out_target)
{
	char link[PATH_MAX];
	ssize_t n = readlink(path, link, sizeof(link));
	const char *slash = strrchr(path, '/');
	int folder_size;

	*out_target = NULL;
	if (n < 0)
		return 0; /* not a link, or nothing there */
	folder_size = slash && link[0] != '/' ? (int)(slash + 1 - path) : 0;
	if (asprintf(out_target, "%.*s%.*s", folder_size, path, (int)n, link) >= 0)
		return 0;
	*out_target = NULL;
	return -ENOMEM;
}

/* Sets the output's path to the path that `path` leads to through symbolic links. There is no file
 * at that path yet, so realpath() can't find it. */
static int follow_links(struct output *output, const char *path)
{
	output->path = strdup(path);
	for (int i = 0; output->path && i < LINKS_MAX; i++) {
		char *target;
		int r = read_symlink(output->path, &target);

		if (r || !target)
			return r;
		free(output->path);
		output->path = target;
	}
	return output->path ? -ELOOP : -ENOMEM;
}

static int find_path(struct output *output, const char *path, bool exists)
{
	if (!exists)
		return follow_links(output, path);
	output->path = realpath(path, NULL);
	return output->path ? 0 : -errno;
}

/* Opens a file that output_commit() renames to `path`, or to the path that `path` leads to through
 * symbolic links. If it will replace an existing file, it gets the permissions of that file. */
static int open_regular(struct output *output, const char *path, const struct stat *existing)
{
	int r = find_path(output, path, existing != NULL);

	if (r)
		return r;
	if (existing && access(output->path, W_OK) < 0)
		return -errno;
	r = open_nameless(output);
	if (r == -EOPNOTSUPP || r == -EISDIR || r == -EINVAL)
		r = with_temporary_name(output, create_named);
	if (!r && existing && fchmod(output->fd, existing->st_mode & 07777) < 0)
		r = -errno;
	return r;
}

static int open_copy(struct output *output, int fd)
{
	output->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return output->fd < 0 ? -errno : 0;
}

static int open_path(struct output *output, const char *path)
{
	struct stat existing;
	bool exists;

	if (strcmp(path, "-") == 0)
		return open_copy(output, STDOUT_FILENO);
	if (!*path)
		return -ENOENT;
	exists = stat(path, &existing) == 0;
	if (!exists && errno != ENOENT)
		return -errno;
	if (exists && S_ISDIR(existing.st_mode))
		return -EISDIR;
	if (!exists || S_ISREG(existing.st_mode))
		return open_regular(output, path, exists ? &existing : NULL);
	output->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	return output->fd < 0 ? -errno : 0;
}

/* Makes an output of the path or, if that is NULL, of the open file `fd`. */
static int open_output(struct output **out_output, int fd, const char *path, struct diag *diag)
{
	_cleanup_(output_freep) struct output *output = calloc(1, sizeof(*output));
	int r;

	if (!output)
		return diag_errno(diag, -ENOMEM);
	output->name = diag->file;
	output->fd = -1;
	r = path ? open_path(output, path) : open_copy(output, fd);
	if (r < 0)
		return diag_errno(diag, r);
	*out_output = output;
	output = NULL;
	return 0;
}

int output_open(struct output **out_output, const char *path, struct diag *diag)
{
	diag->file = strcmp(path, "-") == 0 ? "standard output" : path;
	return open_output(out_output, -1, path, diag);
}

int output_open_file(struct output **out_output, int fd, const char *name, struct diag *diag)
{
	diag->file = name;
	return open_output(out_output, fd, NULL, diag);
}

void output_refuse_replacing(struct output *output)
{
	output->is_new = true;
}

void output_on_progress(struct output *output, void (*report)(void *context, uint64_t n_bytes),
			void *context)
{
	output->report = report;
	output->report_context = context;
}

void output_free(struct output *output)
{
	if (!output)
		return;
	if (output->fd >= 0)
		close(output->fd);
	if (output->temporary)
		unlink(output->temporary);
	free(output->temporary);
	free(output->path);
	free(output);
}

/* --- writing ------------------------------------------------------------------------------- */

void output_fail(struct output *output, int code)
{
	if (!output->status)
		output->status = code;
}

static void write_all(struct output *output, const char *data, size_t size)
{
	while (size && !output->status) {
		ssize_t n = write(output->fd, data, size);

		if (n >= 0) {
			data += n;
			size -= (size_t)n;
			output->n_written += (size_t)n;
		} else if (errno != EINTR) {
			output_fail(output, -errno);
		}
	}
}

static void flush(struct output *output)
{
	write_all(output, output->buffer, output->n_buffered);
	output->n_buffered = 0;
	if (output->report)
		output->report(output->report_context, output->n_written);
}

void output_write(struct output *output, const void *data, size_t size)
{
	if (size > BUFFER_SIZE - output->n_buffered)
		flush(output);
	if (size > BUFFER_SIZE) {
		write_all(output, data, size);
		return;
	}
	memcpy(output->buffer + output->n_buffered, data, size);
	output->n_buffered += size;
}

void output_text(struct output *output, const char *text)
{
	output_write(output, text, strlen(text));
}

void output_plain(struct output *output, const char *text)
{
	size_t left = strlen(text);

	while (left) {
		size_t n = utf8_printable(text, left), step = n ? n : 1;

		output_write(output, n ? text : "?", step);
		text += step;
		left -= step;
	}
}

void output_printf(struct output *output, const char *format, ...)
{
	va_list args;
	char *text;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0) {
		output_fail(output, -ENOMEM);
		return;
	}
	output_write(output, text, (size_t)n);
	free(text);
}

/* Writes a character of `size` bytes. A size of 0 means a single byte that is not UTF-8. */
static void write_json_character(struct output *output, const char *text, size_t size)
{
	unsigned char c = (unsigned char)*text;

	if (!size)
		output_text(output, "\\ufffd");
	else if (c == '"' || c == '\\')
		output_printf(output, "\\%c", c);
	else if (c < 0x20 || c == 0x7f)
		output_printf(output, "\\u%04x", c);
	else
		output_write(output, text, size);
}

void output_json(struct output *output, const char *text, size_t size)
{
	output_text(output, "\"");
	while (size) {
		size_t n = utf8_sequence(text, size), step = n ? n : 1;

		write_json_character(output, text, n);
		text += step;
		size -= step;
	}
	output_text(output, "\"");
}

void output_json_plain(struct output *output, const char *text)
{
	size_t left = strlen(text);

	output_text(output, "\"");
	while (left) {
		size_t n = utf8_printable(text, left), step = n ? n : 1;

		write_json_character(output, n ? text : "?", step);
		text += step;
		left -= step;
	}
	output_text(output, "\"");
}

uint64_t output_size(const struct output *output)
{
	return output->n_written + output->n_buffered;
}

/* --- committing ---------------------------------------------------------------------------- */

/* Closes the file. If it must be renamed and has no name yet, gives it a temporary name first. */
static int finish_file(struct output *output)
{
	int fd = output->fd, r = 0;

	if (output->path && !output->temporary)
		r = with_temporary_name(output, link_nameless);
	output->fd = -1;
	if (close(fd) < 0 && !r)
		r = -errno;
	return r;
}

/* Gives the file its final name, unless another file has that name. Not all file systems can rename
 * without replacing, and not all have links. */
static int rename_new(struct output *output)
{
	if (renameat2(AT_FDCWD, output->temporary, AT_FDCWD, output->path, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (link(output->temporary, output->path) < 0)
		return -errno;
	return unlink(output->temporary) < 0 ? -errno : 0;
}

static int appear(struct output *output)
{
	int r;

	if (!output->path)
		return 0;
	if (output->is_new)
		r = rename_new(output);
	else
		r = rename(output->temporary, output->path) < 0 ? -errno : 0;
	if (r)
		return r;
	free(output->temporary);
	output->temporary = NULL;
	return 0;
}

int output_commit(struct output *output, struct diag *diag)
{
	flush(output);
	if (!output->status)
		output->status = finish_file(output);
	if (!output->status)
		output->status = appear(output);
	diag->file = output->name;
	return output->status ? diag_errno(diag, output->status) : 0;
}
