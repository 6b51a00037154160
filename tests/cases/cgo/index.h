/* SPDX-License-Identifier: MIT */

/* Looks a key up in the index. Returns the key, or -1 if the index does not have it. */
int index_find(unsigned key);
