/* SPDX-License-Identifier: MIT */
/* Names of functions of the standard libraries of C++ and Rust: containers, smart pointers, and
 * what they are made of. */
#pragma once
#include <stdbool.h>

/* An extended regular expression that matches such names. */
#define STD_NAMES                                                                           \
	"^<?(std|__gnu_cxx|"                                                                \
	"alloc::(alloc|borrow|boxed|collections|fmt|raw_vec|rc|slice|str|string|sync|vec)|" \
	"core::(cell|clone|fmt|iter|mem|ops|option|ptr|result|slice|str)|hashbrown)::"

/* Returns whether the name is one of them. */
bool std_names_has(const char *name);
