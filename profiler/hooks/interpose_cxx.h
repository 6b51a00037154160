/* SPDX-License-Identifier: MIT */
/* operator new and delete: whose are called. */
#pragma once

/* Decides whether our definitions of operator new and delete do the work or step aside for those
 * of the program and its libraries. Does nothing the second time, and before the C library is
 * ready. For the library's constructor, and the first call of any of them. May ask the loader. */
void hp_interpose_cxx_decide(void);
