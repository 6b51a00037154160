/* SPDX-License-Identifier: MIT */
/* The hooks for operator new and delete do the work, or step aside for somebody else's. */
#pragma once

/* Decides whether our definitions of operator new and delete do the work, or step aside for those
 * of the program and its libraries. Does nothing the second time, or before the C library is
 * ready. For the library's constructor, and the first call of any of these operators. May call the
 * loader. */
void hp_interpose_cxx_decide(void);
