/* SPDX-License-Identifier: MIT */
/* Measures how long a pair of malloc and free of SIZE bytes takes on a large stack. The stack has
 * N_FRAMES frames of about 150 bytes each, a frame of KIB, and again N_FRAMES small frames. Prints
 * nanoseconds per pair.
 *
 *	large_stack KIB N_FRAMES N_PAIRS [SIZE 24] */
#include "bench.h"
#include <alloca.h>

static long frame_size, n_frames, n_pairs, block_size;
static double ns;

static NOINLINE void allocate(void)
{
	double start = bench_now_ns();

	for (long i = 0; i < n_pairs; i++) {
		char *p = bench_check(malloc(block_size));

		*(volatile char *)p = 1;
		free(p);
	}
	ns = bench_now_ns() - start;
}

static NOINLINE void descend(long depth, void (*last)(void))
{
	volatile char room[100];

	room[0] = 1;
	if (depth > 0)
		descend(depth - 1, last);
	else
		last();
	room[0] = room[99];
}

static NOINLINE void enter_large_frame(void)
{
	volatile char *room = alloca(frame_size + 1);

	for (long i = 0; i < frame_size; i += 4096)
		room[i] = 1;
	descend(n_frames, allocate);
	room[0] = room[frame_size];
}

int main(int argc, char **argv)
{
	frame_size = bench_argument(argc, argv, 1, 0) * 1024;
	n_frames = bench_argument(argc, argv, 2, 0);
	n_pairs = bench_argument(argc, argv, 3, 0);
	block_size = bench_argument(argc, argv, 4, 24);
	if (frame_size < 0 || n_frames < 0 || n_pairs < 1 || block_size < 1) {
		fprintf(stderr, "usage: large_stack KIB N_FRAMES N_PAIRS [SIZE]\n");
		return 2;
	}
	descend(n_frames, enter_large_frame);
	printf("%.2f\n", ns / n_pairs);
	return 0;
}
