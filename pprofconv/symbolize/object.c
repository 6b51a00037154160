/* SPDX-License-Identifier: MIT */
#include "symbolize/object.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"

#define PAGE_BYTES 4096 /* segments of debug files are aligned to at least this */

static struct object *object_new(const char *path)
{
	struct object *object = calloc(1, sizeof(*object));

	if (!object)
		return NULL;
	object->fd = -1;
	object->path = strdup(path);
	if (!object->path) {
		free(object);
		return NULL;
	}
	return object;
}

void object_close(struct object *object)
{
	if (!object)
		return;
	elf_end(object->elf);
	if (object->fd >= 0)
		close(object->fd);
	vec_deinit(&object->segments);
	free(object->image);
	free(object->path);
	free(object);
}

void object_close_descriptor(struct object *object)
{
	if (object->fd < 0 || elf_cntl(object->elf, ELF_C_FDREAD))
		return;
	close(object->fd);
	object->fd = -1;
}

static void read_build_id(struct object *object)
{
	const void *bits = NULL;
	ssize_t size = dwelf_elf_gnu_build_id(object->elf, &bits);

	if (size <= 0 || size > BUILD_ID_MAX)
		return;
	for (ssize_t i = 0; i < size; i++)
		snprintf(object->build_id + 2 * i, 3, "%02x", ((const uint8_t *)bits)[i]);
}

static int read_segments(struct object *object)
{
	size_t n = 0;
	GElf_Phdr header;
	int r = 0;

	if (elf_getphdrnum(object->elf, &n))
		return 0;
	for (size_t i = 0; !r && i < n && i < OBJECT_SEGMENTS_MAX; i++) {
		if (!gelf_getphdr(object->elf, (int)i, &header) || header.p_type != PT_LOAD)
			continue;
		r = vec_push(&object->segments,
			     (struct object_segment){.offset = header.p_offset,
						     .file_size = header.p_filesz,
						     .address = header.p_vaddr,
						     .memory_size = header.p_memsz,
						     .is_executable = header.p_flags & PF_X,
						     .is_writable = header.p_flags & PF_W});
	}
	return r;
}

/* Sets is_fixed, and reads the build ID and the segments. The caller has set object->elf; if that
 * is NULL, because libelf ran out of memory, returns -ENOMEM. */
static int read_elf(struct object *object)
{
	GElf_Ehdr header;

	if (!object->elf)
		return -ENOMEM;
	if (elf_kind(object->elf) != ELF_K_ELF)
		return OBJECT_E_NOT_ELF;
	object->is_fixed = gelf_getehdr(object->elf, &header) && header.e_type == ET_EXEC;
	read_build_id(object);
	return read_segments(object);
}

static int open_fd(struct object *object, const char *root, const char *path)
{
	struct stat status;
	int fd = path_open_regular(root, path);

	if (fd == PATH_E_NOT_REGULAR)
		return OBJECT_E_NOT_ELF;
	if (fd < 0)
		return fd;
	object->fd = fd;
	if (fstat(object->fd, &status))
		return -errno;
	object->device = status.st_dev;
	object->inode = status.st_ino;
	elf_version(EV_CURRENT);
	object->elf = elf_begin(object->fd, ELF_C_READ_MMAP, NULL);
	return read_elf(object);
}

int object_open_in(const char *root, const char *path, struct object **out_object)
{
	_cleanup_(freep) void *whole = NULL;
	_cleanup_(object_closep) struct object *object = NULL;
	char *text;
	int r;

	if (asprintf(&text, "%s%s", root ? root : "", path) < 0)
		return -ENOMEM;
	whole = text;
	object = object_new(whole);
	if (!object)
		return -ENOMEM;
	r = open_fd(object, root, path);
	if (r)
		return r;
	*out_object = object;
	object = NULL;
	return 0;
}

int object_open(const char *path, struct object **out_object)
{
	return object_open_in(NULL, path, out_object);
}

int object_open_image(const char *path, void *image, size_t size, struct object **out_object)
{
	_cleanup_(object_closep) struct object *object = object_new(path);
	int r;

	if (!object) {
		free(image);
		return -ENOMEM;
	}
	object->image = image;
	elf_version(EV_CURRENT);
	object->elf = elf_memory(image, size);
	r = read_elf(object);
	if (r)
		return r;
	*out_object = object;
	object = NULL;
	return 0;
}

static bool covers(uint64_t start, uint64_t size, uint64_t at)
{
	return at >= start && at - start < size;
}

static const struct object_segment *segment_at(const struct object *object, uint64_t offset)
{
	const struct object_segment *found = NULL;

	vec_foreach (segment, &object->segments) {
		if (!covers(segment->offset, segment->file_size, offset))
			continue;
		if (!found || (segment->is_executable && !found->is_executable))
			found = segment;
	}
	return found;
}

/* Returns the segment of code of a file that has only debug information, or NULL if the file is
 * another kind or has several such segments. objcopy --only-keep-debug leaves segments without
 * bytes, so only their addresses are known. */
static const struct object_segment *only_code_segment(const struct object *object)
{
	const struct object_segment *found = NULL;

	vec_foreach (segment, &object->segments) {
		if (!segment->is_executable)
			continue;
		if (found || segment->file_size)
			return NULL;
		found = segment;
	}
	return found;
}

bool object_address_of(const struct object *object, uint64_t offset, uint64_t distance,
		       uint64_t *out_address)
{
	const struct object_segment *segment = segment_at(object, offset + distance);

	if (segment) {
		*out_address = offset + distance - segment->offset + segment->address;
		return true;
	}
	segment = only_code_segment(object);
	if (!segment)
		return false;
	/* A mapping from offset 0 starts with the file's first segment; any other mapping starts
	 * with the page of the code segment. */
	if (!offset)
		segment = object->segments.items;
	*out_address = (segment->address & ~(uint64_t)(PAGE_BYTES - 1)) + distance;
	return true;
}

bool object_data_address_of(const struct object *object, uint64_t offset, uint64_t distance,
			    uint64_t *out_address)
{
	vec_foreach (segment, &object->segments) {
		if (!segment->is_writable ||
		    !covers(segment->offset, segment->memory_size, offset + distance))
			continue;
		*out_address = offset + distance - segment->offset + segment->address;
		return true;
	}
	return false;
}

bool object_is_code(const struct object *object, uint64_t address)
{
	if (!address)
		return false;
	vec_foreach (segment, &object->segments) {
		if (segment->is_executable &&
		    covers(segment->address, segment->memory_size, address))
			return true;
	}
	return false;
}

Elf_Scn *object_section(const struct object *object, const char *name)
{
	size_t names;
	GElf_Shdr header;

	if (elf_getshdrstrndx(object->elf, &names))
		return NULL;
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(object->elf, scn));) {
		const char *found;

		if (!gelf_getshdr(scn, &header))
			continue;
		found = elf_strptr(object->elf, names, header.sh_name);
		if (found && strcmp(found, name) == 0)
			return scn;
	}
	return NULL;
}

Elf_Scn *object_section_of_type(const struct object *object, uint32_t type)
{
	GElf_Shdr header;

	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(object->elf, scn));) {
		if (gelf_getshdr(scn, &header) && header.sh_type == type)
			return scn;
	}
	return NULL;
}

Elf_Data *object_section_data(const struct object *object, const char *name)
{
	Elf_Scn *section = object_section(object, name);
	Elf_Data *data = section ? elf_rawdata(section, NULL) : NULL;

	return data && data->d_buf && data->d_size ? data : NULL;
}

bool object_has_dwarf(const struct object *object)
{
	return object_section_data(object, ".debug_info") ||
	       object_section_data(object, ".zdebug_info");
}
