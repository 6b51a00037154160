/* SPDX-License-Identifier: MIT */
/* A level is the binary logarithm of the largest sample interval at which a record's blocks would
 * still have been sampled. Dumps of libheapprof with an adaptive interval R have levels: R is
 * 2^level of the dump, and a line `# level: n` precedes the records of each level n, in rising
 * order. Records before any such line have the level of the dump. */
#pragma once
#include "readers/heap_dump.h"

struct levels {
	struct heap_dump *dump;
	int level; /* of the records that follow */
	bool is_known;
	bool has_line; /* there was a line `# level: n` */
};

/* Begins with the level of the dump, unless a level is known already: the records that follow get
 * it as a label. At the largest interval they get none, because all have the same. Returns 0, or
 * READER_E_CORRUPT with a message if the interval can't be adaptive. */
int levels_begin(struct levels *levels);

/* Reads the number of a line `# level: n`, and gives it to the records that follow. Returns 0 or
 * READER_E_CORRUPT, with a message. */
int levels_read(struct levels *levels, struct cursor number);
