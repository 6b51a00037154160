/* SPDX-License-Identifier: MIT */
/* An early name is the name of a function that is looked up, or hidden, while the loader relocates
 * this library. At that time no function of another object may be called, not even strcmp(): in a
 * program at fixed addresses, the call may lead to an entry of the program's PLT, which leads
 * nowhere until the program is relocated. So these functions read the symbol tables themselves, and
 * call nothing but the kernel. */
#pragma once
#include <stdbool.h>

/* Returns true if an object that comes after this library in the order of look-ups exports the
 * function. Also returns true if that can't be known, as in a namespace of dlmopen(). */
bool hp_early_name_has_next(const char *name);

/* Makes the loader skip this library's export `name` from now on, as hp_object_hide() does. Does
 * nothing if the library does not export it, or if the kernel refuses to make the symbol's page
 * writable. */
void hp_early_name_hide(const char *name);
