/* SPDX-License-Identifier: MIT */
/* Cores: their headers and notes, and the profiler's tables in them. */
#include "target.h"
#include "target/core.h"
#include "target/snapshot.h"
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("core", MFD_CLOEXEC);
	struct hp_target *t = NULL;
	char *text = NULL;
	size_t text_size = 0;

	if (size > INPUT_BYTES_MAX)
		size = INPUT_BYTES_MAX;
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	if (!hp_target_open_core(fd, &t) && !hp_snapshot_dump(t, &text, &text_size, NULL))
		if (text_size == 0 || text[text_size - 1] != '\n')
			abort();
	free(text);
	hp_target_close(t);
	return 0;
}
