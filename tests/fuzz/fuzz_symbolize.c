/* SPDX-License-Identifier: MIT */
/* Looks up addresses throughout the code of a program or library with hostile ELF and DWARF data.
 * The input is a file that libelf maps, as in pprofconv. mutate_elf.c changes bytes of its headers
 * and of the sections that are read, but does not move them, so that most of the file stays valid.
 */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "confine.h"
#include "symbolize/binary.h"
#include "target.h"

#define ADDRESSES_MAX 64

struct asked {
	const char *path;
};

static void ask(struct binary *binary, uint64_t start, uint64_t size)
{
	frame_list frames = {0};
	uint64_t step = size / ADDRESSES_MAX ? size / ADDRESSES_MAX : 1;

	for (uint64_t i = 0; i < ADDRESSES_MAX && i * step < size; i++) {
		frames.n = 0;
		if (binary_find(binary, start + i * step, &frames))
			break;
	}
	vec_deinit(&frames);
}

static void open_and_ask(void *argument)
{
	const struct asked *asked = argument;
	static const char *const dirs[] = {"/nonexistent"};
	struct debugfile_paths paths = {.dirs = dirs, .n_dirs = 1, .sysroot = "/nonexistent"};
	struct binary *binary = NULL;
	struct object *object = NULL;
	uint64_t address;

	if (object_open(asked->path, &object) || binary_new(object, &paths, &binary))
		return;
	vec_foreach (segment, &binary->object->segments)
		if (segment->is_executable)
			ask(binary, segment->address, segment->memory_size);
	object_address_of(binary->object, 0x1000, 0x10, &address);
	binary_free(binary);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	struct asked asked = {path};
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	bool is_written = fd >= 0 && write(fd, data, size) == (ssize_t)size;

	if (!is_written)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	confine(open_and_ask, &asked);
	close(fd);
	return 0;
}
