/* SPDX-License-Identifier: MIT */
/* An early name is that of a function which is looked up, or hidden, while the loader relocates
 * this library. At that time no function of another object may be called, not even strcmp(): a
 * program at fixed addresses may have an entry of its PLT for it, which leads nowhere until the
 * program is relocated. So this module reads the symbol tables itself and calls nothing but the
 * kernel. */
#pragma once
#include <stdbool.h>

/* Returns true if an object after this library in the order of look-ups exports the function; also
 * if that can't be known, as in a namespace of dlmopen(). */
bool hp_early_name_has_next(const char *name);

/* Makes the loader skip the name, exported by this library, from now on, as hp_object_hide() does.
 * Does nothing if the library doesn't export it, or the kernel refuses to make its page writable.
 */
void hp_early_name_hide(const char *name);
