/* SPDX-License-Identifier: MIT */
/* Prints the frames that the symbolizer finds for addresses. It reads the addresses, as linked,
 * from standard input. The output has the form of llvm-symbolizer's: for each frame a line with the
 * linkage name and a line with file:line:column; after the frames of an address an empty line.
 * Usage: frames FILE [DEBUG-DIR...] */
#include <inttypes.h>
#include <stdio.h>

#include "symbolize/binary.h"

static void print_place(const struct frame *frame)
{
	if (frame->file && frame->file[0] != '/' && frame->directory)
		printf("%s/", frame->directory);
	printf("%s:%" PRIu32 ":%" PRIu32 "\n", frame->file ? frame->file : "??", frame->line,
	       frame->column);
}

static void print_frames(const frame_list *frames)
{
	vec_foreach (frame, frames) {
		const char *name = frame->linkage_name ? frame->linkage_name : frame->name;

		printf("%s\n", name ? name : "??");
		print_place(frame);
	}
	if (!frames->n)
		printf("??\n??:0:0\n");
	printf("\n");
}

static int print_all(struct binary *binary)
{
	frame_list frames = {0};
	char line[64];
	int r = 0;

	while (!r && fgets(line, sizeof(line), stdin)) {
		frames.n = 0;
		r = binary_find(binary, strtoull(line, NULL, 16), &frames);
		print_frames(&frames);
	}
	vec_deinit(&frames);
	return r;
}

int main(int argc, char **argv)
{
	static const char *const system_dirs[] = {"/usr/lib/debug"};
	struct debugfile_paths paths = {.dirs = system_dirs, .n_dirs = 1};
	_cleanup_(binary_freep) struct binary *binary = NULL;
	struct object *object;
	int r;

	if (argc < 2)
		return 2;
	if (argc > 2) {
		paths.dirs = (const char *const *)argv + 2;
		paths.n_dirs = argc - 2;
	}
	r = object_open(argv[1], &object);
	if (!r)
		r = binary_new(object, &paths, &binary);
	if (!r)
		r = print_all(binary);
	if (r)
		fprintf(stderr, "frames: %s: error %d\n", argv[1], r);
	return r != 0;
}
