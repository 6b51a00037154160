/* SPDX-License-Identifier: MIT */
/* A fuzz target is one function. It does with any bytes what the program does with its input.
 * Linked with libFuzzer, it gets new inputs all the time (scripts/fuzz). Linked with replay.c, it
 * gets the seeds (meson test --suite fuzz). */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define INPUT_BYTES_MAX (1u << 20) /* for one input, unpacked: small, so that none takes long */

/* Runs the target on one input and returns 0. Any fault ends the process. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Optional: called once, before the first input. */
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));
