/* SPDX-License-Identifier: MIT */
/* Debug files are searched for in the places where gdb searches. A file found there is accepted
 * only if it has the wanted build ID or, if a build ID is missing, the wanted checksum. */
#include "symbolize/debugfile.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "base/path.h"
#include "symbolize/debuginfod.h"

struct wanted {
	const struct object *of;             /* the file whose debug file is wanted, or NULL */
	char build_id[2 * BUILD_ID_MAX + 1]; /* "" if not known */
	const char *name;                    /* the link's text, or NULL */
	uint32_t crc;
	bool has_crc;
};

static uint32_t checksum(const struct object *object)
{
	size_t size = 0, chunk;
	const char *bytes = elf_rawfile(object->elf, &size);
	uLong crc = crc32(0, Z_NULL, 0);

	for (; bytes && size; bytes += chunk, size -= chunk) {
		chunk = size < UINT_MAX ? size : UINT_MAX;
		crc = crc32(crc, (const Bytef *)bytes, (uInt)chunk);
	}
	return (uint32_t)crc;
}

/* A debug link may name the file that it is in. */
static bool is_same_file(const struct object *a, const struct object *b)
{
	return a->inode && a->inode == b->inode && a->device == b->device;
}

static bool is_wanted_file(const struct object *object, const struct wanted *wanted)
{
	if (wanted->of && is_same_file(object, wanted->of))
		return false;
	if (wanted->build_id[0] && object->build_id[0])
		return strcmp(wanted->build_id, object->build_id) == 0;
	return wanted->has_crc && checksum(object) == wanted->crc;
}

/* Opens one candidate, below `root` if that is not NULL. Takes ownership of `path`, which is NULL
 * if memory was out when it was made. */
static int try_debug_path_in(const char *root, char *path, const struct wanted *wanted,
			     struct object **out_file)
{
	_cleanup_(freep) void *owned = path;
	_cleanup_(object_closep) struct object *object = NULL;
	int r;

	if (!owned)
		return -ENOMEM;
	r = object_open_in(root, owned, &object);
	if (r == -ENOMEM)
		return r;
	if (r || !is_wanted_file(object, wanted))
		return DEBUGFILE_E_NONE;
	*out_file = object;
	object = NULL;
	return 0;
}

static int try_debug_path(char *path, const struct wanted *wanted, struct object **out_file)
{
	return try_debug_path_in(NULL, path, wanted, out_file);
}

__attribute__((format(printf, 1, 2))) static char *make_path(const char *format, ...)
{
	va_list arguments;
	char *path;
	int n;

	va_start(arguments, format);
	n = vasprintf(&path, format, arguments);
	va_end(arguments);
	return n < 0 ? NULL : path;
}

static const char *sysroot_of(const struct debugfile_paths *paths)
{
	return paths->sysroot ? paths->sysroot : "";
}

/* Tries DIR/.build-id/ab/cdef... with `suffix`, for each folder of debug files, and then for the
 * same folder in the sysroot. */
static int try_build_id_dirs(const struct wanted *wanted, const struct debugfile_paths *paths,
			     const char *suffix, struct object **out_file)
{
	int r = DEBUGFILE_E_NONE;

	if (strlen(wanted->build_id) < 4)
		return r;
	for (size_t i = 0; r > 0 && i < paths->n_dirs; i++) {
		r = try_debug_path(make_path("%s/.build-id/%.2s/%s%s", paths->dirs[i],
					     wanted->build_id, wanted->build_id + 2, suffix),
				   wanted, out_file);
		if (r > 0 && paths->sysroot)
			r = try_debug_path_in(paths->sysroot,
					      make_path("%s/.build-id/%.2s/%s%s", paths->dirs[i],
							wanted->build_id, wanted->build_id + 2,
							suffix),
					      wanted, out_file);
	}
	return r;
}

/* Returns the folder of the file, with symbolic links resolved, or "" if its path has no folder;
 * NULL if memory is out. The caller frees it. */
static char *folder_of_object(const struct object *object)
{
	char *path = realpath(object->path, NULL);
	char *slash;

	if (!path)
		path = strdup(object->path);
	slash = path ? strrchr(path, '/') : NULL;
	if (slash)
		*slash = '\0';
	else if (path)
		*path = '\0';
	return path;
}

/* Looks in the same places as try_link(), but only below the sysroot. `path` is the path there of
 * the file with the link. */
static int try_link_in_root(const char *path, const struct wanted *wanted,
			    const struct debugfile_paths *paths, struct object **out_file)
{
	int size = (int)(path_last_part(path) - path);
	int r = try_debug_path_in(paths->sysroot, make_path("%.*s%s", size, path, wanted->name),
				  wanted, out_file);

	if (r > 0)
		r = try_debug_path_in(paths->sysroot,
				      make_path("%.*s.debug/%s", size, path, wanted->name), wanted,
				      out_file);
	for (size_t i = 0; r > 0 && i < paths->n_dirs; i++)
		r = try_debug_path_in(
			paths->sysroot,
			make_path("%s%.*s%s", paths->dirs[i], size, path, wanted->name), wanted,
			out_file);
	return r;
}

/* Looks for the file that a debug link names: in the folder of `object`, in .debug in that folder,
 * and in the folder of the same name in each tree of debug files. An absolute name is tried
 * alone. */
static int try_link(const struct object *object, const struct wanted *wanted,
		    const struct debugfile_paths *paths, struct object **out_file)
{
	_cleanup_(freep) void *folder = folder_of_object(object);
	const char *in_system = folder;
	size_t sysroot_size = strlen(sysroot_of(paths));
	int r;

	if (!folder)
		return -ENOMEM;
	if (wanted->name[0] == '/')
		return try_debug_path_in(paths->sysroot, make_path("%s", wanted->name), wanted,
					 out_file);
	if (sysroot_size && strncmp(object->path, sysroot_of(paths), sysroot_size) == 0)
		return try_link_in_root(object->path + sysroot_size, wanted, paths, out_file);
	r = try_debug_path(make_path("%s/%s", (char *)folder, wanted->name), wanted, out_file);
	if (r > 0)
		r = try_debug_path(make_path("%s/.debug/%s", (char *)folder, wanted->name), wanted,
				   out_file);
	for (size_t i = 0; r > 0 && i < paths->n_dirs; i++)
		r = try_debug_path_in(
			paths->sysroot,
			make_path("%s/%s/%s", paths->dirs[i], in_system, wanted->name), wanted,
			out_file);
	return r;
}

static int try_servers(const struct wanted *wanted, const struct debugfile_paths *paths,
		       enum debuginfod_kind kind, struct object **out_file)
{
	char *path = NULL;

	if (!paths->debuginfod || !wanted->build_id[0])
		return DEBUGFILE_E_NONE;
	if (debuginfod_fetch(wanted->build_id, kind, &path))
		return DEBUGFILE_E_NONE;
	return try_debug_path(path, wanted, out_file);
}

/* link = name NUL padding crc; the crc has 4 bytes and is aligned to 4 */
static void read_debuglink(const struct object *object, struct wanted *out_wanted)
{
	Elf_Data *data = object_section_data(object, ".gnu_debuglink");
	size_t name_size, crc_at;

	if (!data)
		return;
	name_size = strnlen(data->d_buf, data->d_size);
	crc_at = (name_size + 1 + 3) & ~(size_t)3;
	if (!name_size || crc_at + sizeof(out_wanted->crc) > data->d_size)
		return;
	out_wanted->name = data->d_buf;
	memcpy(&out_wanted->crc, (const char *)data->d_buf + crc_at, sizeof(out_wanted->crc));
	out_wanted->has_crc = true;
}

/* alternate link = name NUL build-id */
static void read_debugaltlink(const struct object *object, struct wanted *out_wanted)
{
	Elf_Data *data = object_section_data(object, ".gnu_debugaltlink");
	const uint8_t *id;
	size_t name_size, id_size;

	if (!data)
		return;
	name_size = strnlen(data->d_buf, data->d_size);
	if (name_size == data->d_size || !name_size)
		return;
	out_wanted->name = data->d_buf;
	id = (const uint8_t *)data->d_buf + name_size + 1;
	id_size = data->d_size - name_size - 1;
	for (size_t i = 0; i < id_size && i < BUILD_ID_MAX; i++)
		snprintf(out_wanted->build_id + 2 * i, 3, "%02x", id[i]);
}

int debugfile_find(const struct object *object, const struct debugfile_paths *paths,
		   struct object **out_file)
{
	struct wanted wanted = {.of = object};
	int r;

	memcpy(wanted.build_id, object->build_id, sizeof(wanted.build_id));
	read_debuglink(object, &wanted);
	r = try_build_id_dirs(&wanted, paths, ".debug", out_file);
	if (r > 0 && wanted.name)
		r = try_link(object, &wanted, paths, out_file);
	if (r > 0)
		r = try_servers(&wanted, paths, DEBUGINFOD_DEBUGINFO, out_file);
	return r;
}

int debugfile_find_alternate(const struct object *object, const struct debugfile_paths *paths,
			     struct object **out_file)
{
	struct wanted wanted = {.of = object};
	int r;

	read_debugaltlink(object, &wanted);
	if (!wanted.name)
		return DEBUGFILE_E_NONE;
	r = try_link(object, &wanted, paths, out_file);
	if (r > 0)
		r = try_build_id_dirs(&wanted, paths, ".debug", out_file);
	if (r > 0)
		r = try_servers(&wanted, paths, DEBUGINFOD_DEBUGINFO, out_file);
	return r;
}

int debugfile_find_program(const char *build_id, const struct debugfile_paths *paths,
			   struct object **out_file)
{
	struct wanted wanted = {0};
	size_t size = strspn(build_id, "0123456789abcdef");
	int r;

	/* The build ID may come from a profile, and becomes part of a path and of a request. */
	if (build_id[size] || size >= sizeof(wanted.build_id))
		return DEBUGFILE_E_NONE;
	memcpy(wanted.build_id, build_id, size);
	r = try_build_id_dirs(&wanted, paths, "", out_file);
	if (r > 0)
		r = try_servers(&wanted, paths, DEBUGINFOD_EXECUTABLE, out_file);
	if (r > 0)
		r = try_build_id_dirs(&wanted, paths, ".debug", out_file);
	if (r > 0)
		r = try_servers(&wanted, paths, DEBUGINFOD_DEBUGINFO, out_file);
	return r;
}
