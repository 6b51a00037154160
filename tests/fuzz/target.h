/* SPDX-License-Identifier: MIT */
/* A fuzz target is one function that does with any bytes what the program does with its input.
 * Linked with libFuzzer, it gets ever new ones (scripts/fuzz); linked with replay.c, it runs the
 * seeds again (meson test --suite fuzz). */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define INPUT_BYTES_MAX (1u << 20) /* of one input, unpacked: small, so that none takes long */

/* Returns 0. Any fault ends the process. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Optional: called once, before all inputs. */
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));
