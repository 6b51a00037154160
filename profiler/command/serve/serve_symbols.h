/* SPDX-License-Identifier: MIT */
/* The resource /pprof/symbol of gperftools: a client posts addresses and gets the names of their
 * functions. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"
#include "model/profile.h"

typedef VEC(uint64_t) address_vec;

/* Parses the body of the request:
 *     body = [address *("+" address)] *space
 *     address = ["0x"] 1*16 hexadecimal
 * Returns 0; -EINVAL if the body is something else; or -ENOMEM. The caller frees *out by
 * vec_deinit(), after a failure too. */
int serve_symbols_parse(const char *body, size_t size, address_vec *out);

/* Returns the answer, which the caller frees, and sets *out_size. It has a line "ADDRESS\tNAME" for
 * each address of a location with a name, once and in order; where functions are inlined, NAME is
 * "OUTER--INNER". A location is found by the address of the call, which the profile has, and by the
 * return address, which the dump has. Sorts `addresses`. Returns NULL if memory is out. */
char *serve_symbols_answer(const struct profile *profile, address_vec *addresses, size_t *out_size);
