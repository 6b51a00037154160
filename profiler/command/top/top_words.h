/* SPDX-License-Identifier: MIT */
/* Sentences that say how something grew: how many blocks, of which size, how often, and where that
 * leads. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum {
	TOP_POINTS = 16,
	TOP_WORDS_MAX = 256,
};

struct top_growth {
	double seconds; /* since the mark */
	double bytes, blocks;
	double size_low, size_high; /* mean sizes of the blocks that make up most of it */
	double seen;                /* samples that grew; in an exact profile, blocks */
	double unseen; /* bytes that may have grown although no sample shows it; 0: exact */
	bool is_exact;
	bool is_beyond_error;
	/* Bytes in use at some times since the mark, the first at the mark, the last now. */
	size_t n_points;
	double times[TOP_POINTS], points[TOP_POINTS];
	double room; /* bytes until the limit of memory; negative: no limit */
};

/* Writes the sentence, without a full stop. */
void top_words(const struct top_growth *growth, char out[TOP_WORDS_MAX]);

/* Writes a time as people say it, with two units at most: "2.1 s", "3 h 10 min". */
void top_words_time(double seconds, char *out, size_t size);
