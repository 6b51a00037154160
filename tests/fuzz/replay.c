/* SPDX-License-Identifier: MIT */
/* Replaces libFuzzer: runs the target on each file in the named folders, whole, cut short, and with
 * single bits flipped. Usage: TARGET FOLDER... */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "target.h"

#define FILE_MAX     (1u << 20)
#define SECONDS_MAX  60 /* for one file and all its changes */
#define CHANGES      32 /* of each kind, per file */
#define BYTES_AT_ONE (1u << 17)

static uint8_t bytes[FILE_MAX];

/* Runs the target on a copy of the bytes in a block of its own, so that a sanitizer detects reads
 * beyond the end. */
static void try_bytes(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

/* Returns how many changes of each kind to try. Large files, which take longer, get fewer. */
static size_t n_changes(size_t size)
{
	return size > BYTES_AT_ONE / CHANGES ? BYTES_AT_ONE / size + 1 : CHANGES;
}

static void try_cuts(size_t size)
{
	size_t n = n_changes(size);

	for (size_t i = 0; i < n; i++)
		try_bytes(bytes, size * i / n);
}

static void try_flips(size_t size)
{
	size_t n = n_changes(size);

	for (size_t i = 0; size && i < n; i++) {
		size_t at = size * i / n;
		uint8_t bit = (uint8_t)(1u << i % 8);

		bytes[at] ^= bit;
		try_bytes(bytes, size);
		bytes[at] ^= bit;
	}
}

static void replay(const char *path)
{
	FILE *file = fopen(path, "rb");
	size_t size;

	if (!file)
		exit(2);
	size = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	alarm(SECONDS_MAX);
	try_bytes(bytes, size);
	try_cuts(size);
	try_flips(size);
}

static int is_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Replays all files of a folder. Returns how many there were, or a negative number if the folder
 * can't be read. */
static int replay_folder(const char *folder)
{
	struct dirent **entries;
	int n = scandir(folder, &entries, is_file, alphasort);

	for (int i = 0; i < n; i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		printf("# %s\n", path); /* after a crash, the last file printed caused it */
		fflush(stdout);
		replay(path);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return n;
}

int main(int argc, char **argv)
{
	int n_files = 0;

	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	printf("1..1\n");
	for (int i = 1; i < argc; i++) {
		int n = replay_folder(argv[i]);

		if (n < 0) {
			printf("not ok 1 - no folder %s\n", argv[i]);
			return 1;
		}
		n_files += n;
	}
	printf("%s 1 - %d files, whole, cut and changed\n", n_files ? "ok" : "not ok", n_files);
	return n_files == 0;
}
