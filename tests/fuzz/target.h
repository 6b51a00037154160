/* SPDX-License-Identifier: MIT */
/* What a fuzz target is: one function that does with any bytes what the program does with its
 * input. Linked with libFuzzer it is tried with ever new ones (scripts/fuzz); linked with replay.c
 * it goes through the seeds again (meson test --suite fuzz). */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define INPUT_BYTES_MAX (1u << 20) /* of one input, unpacked: small, so that none takes long */

/* Returns 0. Whatever is wrong ends the process. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Optional: called once, before all inputs. */
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));
