/* SPDX-License-Identifier: MIT */
/* When a variable that is declared with _cleanup_(f) goes out of scope, f is called with a pointer
 * to the variable. Variables that own something are declared in this way, so that every return
 * frees it. */
#pragma once
#include <stdio.h>
#include <stdlib.h>

#define _cleanup_(function) __attribute__((cleanup(function)))

/* Defines `functionp`, for use in _cleanup_(), which calls `function` with the variable's value.
 * `function` must take NULL. */
#define DEFINE_CLEANUP(type, function)               \
	static inline void function##p(type *object) \
	{                                            \
		function(*object);                   \
	}

DEFINE_CLEANUP(void *, free)
