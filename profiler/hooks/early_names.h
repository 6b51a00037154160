/* SPDX-License-Identifier: MIT */
/* Names of functions, looked up and hidden while the loader relocates this library. At that time
 * no function of another object may be called, not even strcmp(): a program at fixed addresses may
 * have an entry of its PLT for it, which leads nowhere until the program is relocated. So this
 * reads the tables of symbols itself and calls nothing but the kernel. */
#pragma once
#include <stdbool.h>

/* True if an object that comes after this library in the order of look-ups exports the function;
 * also if that can't be told, as in a namespace of dlmopen(). */
bool hp_early_name_has_next(const char *name);

/* Makes the loader skip that exported name of ours from now on, as hp_object_hide() does. Does
 * nothing if we don't export it, or the kernel refuses to have its page written to. */
void hp_early_name_hide(const char *name);
