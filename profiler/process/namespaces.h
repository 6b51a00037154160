/* SPDX-License-Identifier: MIT */
/* A namespace is a set of libraries that the loader keeps apart, with a C library of their own.
 * dlmopen() makes namespaces, and an auditing library has its own from the start. */
#pragma once
#include <stdbool.h>

/* Returns true if there is, or was, a second namespace. Any thread; signal-safe: yes; may allocate:
 * no. Takes no lock. */
bool hp_namespaces_are_open(void);
