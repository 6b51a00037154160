/* SPDX-License-Identifier: MIT */
/* Freeing what a function owns when it returns, by whichever way. */
#pragma once
#include <stdio.h>
#include <stdlib.h>

#define _cleanup_(function) __attribute__((cleanup(function)))

/* Makes `functionp` for _cleanup_ out of `function`, which must take NULL. */
#define DEFINE_CLEANUP(type, function)               \
	static inline void function##p(type *object) \
	{                                            \
		function(*object);                   \
	}

DEFINE_CLEANUP(void *, free)
