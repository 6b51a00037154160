/* SPDX-License-Identifier: MIT */
/* _cleanup_(f) calls f with a pointer to a variable when the variable goes out of scope. A function
 * marks what it owns with it, and so frees that on every return. */
#pragma once
#include <stdio.h>
#include <stdlib.h>

#define _cleanup_(function) __attribute__((cleanup(function)))

/* Defines `functionp`, for _cleanup_, from `function`, which must take NULL. */
#define DEFINE_CLEANUP(type, function)               \
	static inline void function##p(type *object) \
	{                                            \
		function(*object);                   \
	}

DEFINE_CLEANUP(void *, free)
