/* SPDX-License-Identifier: MIT */
/* A text is a string under construction in a buffer, made without stdio, locale or allocation, for
 * messages and dumps. One thread per text; signal-safe: yes; may allocate: no. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hp_text {
	char *buffer;
	size_t size, used;
	/* Called when the buffer is full, to empty it. NULL: what does not fit is cut off. */
	void (*flush)(struct hp_text *text);
	bool cut;      /* something did not fit */
	void *context; /* for flush */
};

void hp_text_bytes(struct hp_text *t, const char *bytes, size_t size);
void hp_text_string(struct hp_text *t, const char *string);
void hp_text_char(struct hp_text *t, char c);
void hp_text_decimal(struct hp_text *t, uint64_t value);
void hp_text_decimal_padded(struct hp_text *t, uint64_t value, int min_digits);
void hp_text_hex(struct hp_text *t, uint64_t value);
void hp_text_hex_bytes(struct hp_text *t, const uint8_t *bytes, size_t size);

/* Appends a size as people read it: "340 KiB", "1.5 GiB"; below 10 KiB in bytes. */
void hp_text_size(struct hp_text *t, uint64_t bytes);

/* Appends the meaning of an errno value, or "error 4000" for one that the C library has no words
 * for. File systems in user space and seccomp filters may return such values. */
void hp_text_error(struct hp_text *t, int error);

/* Appends bytes with control characters and backslashes, which could forge a line, as \n, \\ or
 * \x1f. Bytes beyond the first `max` are replaced by "...". */
void hp_text_escaped(struct hp_text *t, const char *bytes, size_t size, size_t max);

/* Ends the text with a NUL, in place of its last byte if the buffer is full. Returns the buffer. */
const char *hp_text_terminate(struct hp_text *t);

/* Defines a text in a local array. It is cut where the array is full. */
#define HP_TEXT_LOCAL(name, capacity) \
	char name##_buffer[capacity]; \
	struct hp_text name = {.buffer = name##_buffer, .size = sizeof(name##_buffer)}
