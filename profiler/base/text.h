/* SPDX-License-Identifier: MIT */
/* Text made without stdio, locale or allocation: for messages and dumps. Signal-safe. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hp_text {
	char *buffer;
	size_t size, used;
	/* Called when the buffer is full; NULL: what does not fit is cut off. */
	void (*flush)(struct hp_text *text);
	bool cut;      /* something did not fit */
	void *context; /* flush's own */
};

void hp_text_bytes(struct hp_text *t, const char *bytes, size_t size);
void hp_text_string(struct hp_text *t, const char *string);
void hp_text_char(struct hp_text *t, char c);
void hp_text_decimal(struct hp_text *t, uint64_t value);
void hp_text_decimal_padded(struct hp_text *t, uint64_t value, int min_digits);
void hp_text_hex(struct hp_text *t, uint64_t value);
void hp_text_hex_bytes(struct hp_text *t, const uint8_t *bytes, size_t size);

/* A size as people read it: "340 KiB", "1.5 GiB"; below 10 KiB in bytes. */
void hp_text_size(struct hp_text *t, uint64_t bytes);

/* What an errno value means; "error 4000" for one that the C library has no words for, such as file
 * systems in user space and filters of system calls may return. */
void hp_text_error(struct hp_text *t, int error);

/* Control characters, backslash and bytes that would forge a line come out as \n, \\ or \x1f; what
 * is longer than `max` bytes is cut and marked by "...". */
void hp_text_escaped(struct hp_text *t, const char *bytes, size_t size, size_t max);

/* Ends what was written with a NUL, cutting it if the buffer is full; returns it. */
const char *hp_text_terminate(struct hp_text *t);

/* A text in a local array, cut where it is full. */
#define HP_TEXT_LOCAL(name, capacity) \
	char name##_buffer[capacity]; \
	struct hp_text name = {.buffer = name##_buffer, .size = sizeof(name##_buffer)}
