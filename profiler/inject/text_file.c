/* SPDX-License-Identifier: MIT */
/* The file is opened by the link that the kernel keeps of the mapping, which leads to it even if it
 * was replaced or removed; but only with CAP_CHECKPOINT_RESTORE. Otherwise it is opened by its
 * path, in the target's root, and must be the same file. If that fails, a page that is not a copy
 * has the bytes of its file all the same. */
#include "inject/text_file.h"
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum {
	PAGE_BYTES = 4096,
	PATH_MAX_BYTES = 4096,
	FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
};

static const uint64_t is_in_memory = (uint64_t)1 << 63, is_of_file = (uint64_t)1 << 61;

/* --- the file --------------------------------------------------------------------------------- */

/* line = START "-" END " " FLAGS " " OFFSET " " MAJOR ":" MINOR " " INODE ... */
static bool parse(const struct hp_target_mapping *m, struct hp_text_place *out)
{
	char text[160];
	size_t size = m->line_size < sizeof(text) - 1 ? m->line_size : sizeof(text) - 1;
	unsigned int major_number, minor_number;
	unsigned long long offset, inode;

	memcpy(text, m->line, size);
	text[size] = '\0';
	/* NOLINTNEXTLINE(cert-err34-c): the text is the kernel's */
	if (sscanf(text, "%*x-%*x %*s %llx %x:%x %llu", &offset, &major_number, &minor_number,
		   &inode) != 4)
		return false;
	*out = (struct hp_text_place){makedev(major_number, minor_number), inode, offset};
	return inode != 0;
}

bool hp_text_place_of(const struct hp_target *t, uint64_t address, struct hp_text_place *out)
{
	const struct hp_target_mapping *m = hp_target_mapping_at(t, address);

	if (!m || !m->path || m->path[0] != '/' || !m->is_private || !m->is_executable ||
	    !parse(m, out))
		return false;
	out->offset += address - m->start;
	return true;
}

static bool is_file(int fd, const struct hp_text_place *place)
{
	struct stat status;

	return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
	       status.st_ino == place->inode && status.st_dev == place->device;
}

static int open_in_root(const struct hp_target *t, const struct hp_target_mapping *m)
{
	const struct open_how how = {.flags = FLAGS,
				     .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	char root[64], path[PATH_MAX_BYTES];
	int folder, fd = -1;

	if (m->path_size >= sizeof(path))
		return -1;
	memcpy(path, m->path, m->path_size);
	path[m->path_size] = '\0';
	snprintf(root, sizeof(root), "/proc/%d/root", t->task);
	folder = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (folder >= 0)
		fd = (int)syscall(__NR_openat2, folder, path, &how, sizeof(how));
	if (folder >= 0)
		close(folder);
	return fd;
}

/* Opens the file of a mapping. Returns a descriptor, or -1. */
static int open_file(const struct hp_target *t, uint64_t address, const struct hp_text_place *place)
{
	const struct hp_target_mapping *m = hp_target_mapping_at(t, address);
	char link[96];
	struct stat status;
	int fd;

	snprintf(link, sizeof(link), "/proc/%d/map_files/%jx-%jx", t->task, (uintmax_t)m->start,
		 (uintmax_t)m->end);
	fd = open(link, FLAGS);
	if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		return fd;
	if (fd >= 0)
		close(fd);
	fd = open_in_root(t, m);
	if (fd < 0 || is_file(fd, place))
		return fd;
	close(fd);
	return -1;
}

int hp_text_open(const struct hp_target *t, uint64_t address)
{
	struct hp_text_place place;

	return hp_text_place_of(t, address, &place) ? open_file(t, address, &place) : -1;
}

/* --- the page --------------------------------------------------------------------------------- */

static uint64_t page_entry(const struct hp_target *t, uint64_t address)
{
	uint64_t entry = 0;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", t->task);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, &entry, sizeof(entry),
			    (off_t)(address / PAGE_BYTES * sizeof(entry))) != sizeof(entry))
		entry = 0;
	if (fd >= 0)
		close(fd);
	return entry;
}

/* Returns true if the pages are known not to be copies. They have just been read, so they are in
 * memory. */
static bool are_of_file(const struct hp_target *t, uint64_t address, size_t size)
{
	uint64_t wanted = is_in_memory | is_of_file;

	for (uint64_t page = address & ~(uint64_t)(PAGE_BYTES - 1); page < address + size;
	     page += PAGE_BYTES)
		if ((page_entry(t, page) & wanted) != wanted)
			return false;
	return true;
}

enum hp_text_state hp_text_compare(struct hp_target *t, uint64_t address, const void *bytes,
				   size_t size)
{
	enum hp_text_state state = HP_TEXT_UNKNOWN;
	struct hp_text_place place;
	uint8_t *original;
	int fd;

	if (!hp_text_place_of(t, address, &place))
		return HP_TEXT_UNKNOWN;
	original = malloc(size);
	if (!original)
		return HP_TEXT_UNKNOWN;
	fd = open_file(t, address, &place);
	if (fd >= 0 && pread(fd, original, size, (off_t)place.offset) == (ssize_t)size)
		state = memcmp(original, bytes, size) == 0 ? HP_TEXT_SAME : HP_TEXT_CHANGED;
	else if (are_of_file(t, address, size) && hp_target_read(t, address, original, size) &&
		 memcmp(original, bytes, size) == 0)
		state = HP_TEXT_SAME;
	if (fd >= 0)
		close(fd);
	free(original);
	return state;
}

bool hp_text_is_needless_copy(struct hp_target *t, uint64_t page)
{
	uint8_t bytes[PAGE_BYTES];

	return hp_target_read(t, page, bytes, sizeof(bytes)) &&
	       (page_entry(t, page) & is_of_file) == 0 &&
	       hp_text_compare(t, page, bytes, sizeof(bytes)) == HP_TEXT_SAME;
}
