/* SPDX-License-Identifier: MIT */
/* The hooks for operator new and delete either do the work, or step aside for other definitions. */
#pragma once

/* Decides whether our definitions of operator new and delete do the work, or step aside for those
 * of the program and its libraries. Does nothing the second time, or before the C library is ready.
 * The library's constructor calls it, and so does the first call of any of these operators. It may
 * call the loader. */
void hp_interpose_cxx_decide(void);
