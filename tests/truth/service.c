/* SPDX-License-Identifier: MIT */
/* A service that scripts/gate-truth runs under the profiler.
 *
 *	service SHAPE SEED MIB PERCENT
 *
 * Its memory swings between 70 and 100 % of MIB. The swing has the shape of a sine, a sawtooth,
 * batches, or random plateaus; its start and its frequency are random. In each of 200 rounds a
 * sixtieth of the blocks is replaced; their sizes are from 64 to 2,047 bytes. The service warms up
 * in the first 10 rounds. By the last round it has leaked PERCENT of MIB. At its end it frees all
 * blocks, also the leaked ones. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NOINLINE __attribute__((noinline))

enum {
	ROUNDS = 200,
	WARM = 10,
	PLATEAUS = 50,
	SIZE_LEAST = 64,
	SIZE_RANGE = 1984, /* the mean size is 1,056 bytes */
	SIZE_MEAN = SIZE_LEAST + SIZE_RANGE / 2,
	REPLACED = 60
};

static unsigned long random_state;

static double uniform(void)
{
	random_state = random_state * 6364136223846793005ul + 1442695040888963407ul;
	return (double)(random_state >> 11) / 9007199254740992.0;
}

static size_t random_size(void)
{
	return SIZE_LEAST + (size_t)(uniform() * SIZE_RANGE);
}

static NOINLINE void *answer(void)
{
	return malloc(random_size());
}

static NOINLINE void *leak(void)
{
	return malloc(random_size());
}

struct swing {
	const char *shape;
	double period, phase;
	double plateaus[PLATEAUS + 1];
};

static void begin(struct swing *swing, const char *shape)
{
	swing->shape = shape;
	swing->period = ROUNDS / (8 + 22 * uniform());
	swing->phase = uniform();
	for (int i = 0; i <= PLATEAUS; i++)
		swing->plateaus[i] = uniform();
}

/* Returns the height of the swing in a round, from 0 to 1. */
static double at(const struct swing *swing, int round)
{
	double turn = fmod(round / swing->period + swing->phase, 1);

	if (strcmp(swing->shape, "sine") == 0)
		return (1 + sin(2 * M_PI * turn)) / 2;
	if (strcmp(swing->shape, "saw") == 0)
		return turn;
	if (strcmp(swing->shape, "batch") == 0)
		return turn < 0.3;
	return swing->plateaus[round * PLATEAUS / ROUNDS];
}

static void resize(void **held, size_t n, size_t *n_held)
{
	while (*n_held > n)
		free(held[--*n_held]);
	while (*n_held < n)
		held[(*n_held)++] = answer();
}

static void replace(void **held, size_t n)
{
	for (size_t i = 0; i < n / REPLACED; i++) {
		size_t place = (size_t)(uniform() * (double)n);

		free(held[place]);
		held[place] = answer();
	}
}

int main(int argc, char **argv)
{
	size_t most, n_held = 0, n_leaked = 0;
	struct swing swing;
	void **held, **leaked;
	double part;

	if (argc != 5)
		return 2;
	random_state = strtoul(argv[2], NULL, 10) * 0x9e3779b97f4a7c15 + 1;
	most = strtoul(argv[3], NULL, 10) * (1 << 20) / SIZE_MEAN;
	part = strtod(argv[4], NULL) / 100;
	held = calloc(most + 1, sizeof(*held));
	leaked = calloc(most + 1, sizeof(*leaked));
	if (!held || !leaked)
		return 1;
	begin(&swing, argv[1]);
	for (int round = 0; round < ROUNDS; round++) {
		double warm = fmin(1, (double)round / WARM);

		resize(held, (size_t)((double)most * warm * (0.7 + 0.3 * at(&swing, round))),
		       &n_held);
		replace(held, n_held);
		while (n_leaked < (size_t)((double)most * part * round / ROUNDS))
			leaked[n_leaked++] = leak();
	}
	resize(held, 0, &n_held);
	while (n_leaked)
		free(leaked[--n_leaked]);
	free(held);
	free(leaked);
	return 0;
}
