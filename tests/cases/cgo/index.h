/* SPDX-License-Identifier: MIT */

/* Looks a key up in the index; -1 if it isn't there. */
int index_find(unsigned key);
