/* SPDX-License-Identifier: MIT */
/* The profiler's tables in a hostile process. The input is a list of changes: the number of a piece
 * that is read, the byte in it, and the bits to invert. */
#include "self_target.h"
#include "target.h"

enum {
	CHANGE_SIZE = 6
};

static struct hp_target_piece pieces[SELF_PIECES_MAX]; /* that are read without changes */
static size_t n_pieces;

static void read_undisturbed(void)
{
	char message[512], *text;

	self_fill_tables(40);
	if (self_dump(&text, message, sizeof(message)))
		abort();
	free(text);
	n_pieces = self_n_pieces;
	memcpy(pieces, self_pieces, n_pieces * sizeof(*pieces));
}

/* change = piece (2 bytes) byte (3 bytes) mask */
static void add_change(const uint8_t *data)
{
	const struct hp_target_piece *p = &pieces[(data[0] | data[1] << 8) % n_pieces];
	size_t at = data[2] | (size_t)data[3] << 8 | (size_t)data[4] << 16;

	self_patches[self_n_patches++] = (struct self_patch){p->address + at % p->size, data[5]};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char message[512], *text = NULL;

	if (n_pieces == 0)
		read_undisturbed();
	self_n_patches = 0;
	for (; size >= CHANGE_SIZE && self_n_patches < SELF_PATCHES_MAX;
	     data += CHANGE_SIZE, size -= CHANGE_SIZE)
		add_change(data);
	if (self_dump(&text, message, sizeof(message)) ? message[0] == '\0' : text[0] != 'h')
		abort();
	free(text);
	return 0;
}
