/* SPDX-License-Identifier: MIT */
/* Runs the profiler's parser of /proc/self/maps. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "process/maps.h"
#include "target.h"

static int memory_file;

int __wrap_hp_file_open_private(const char *path, int flags);

int __wrap_hp_file_open_private(const char *path, int flags)
{
	return dup(memory_file); /* the reader closes it */
}

/* Returns true if everything that the entry points to is within its line. */
static bool is_whole(const struct hp_maps_entry *entry)
{
	return !entry->path || (entry->path >= entry->line &&
				entry->path + entry->path_size == entry->line + entry->line_size);
}

static bool visit(const struct hp_maps_entry *entry, void *context)
{
	unsigned *sum = context;

	if (!is_whole(entry))
		abort();
	for (size_t i = 0; i < entry->line_size; i++)
		*sum += (unsigned char)entry->line[i];
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	uint64_t id;
	unsigned sum = 0;

	memory_file = memfd_create("maps", MFD_CLOEXEC);
	if (memory_file < 0 || write(memory_file, data, size) != (ssize_t)size)
		abort();
	lseek(memory_file, 0, SEEK_SET);
	hp_maps_visit(visit, &sum);
	lseek(memory_file, 0, SEEK_SET);
	hp_maps_find_file(0x401000, path, sizeof(path), &id);
	close(memory_file);
	return 0;
}
