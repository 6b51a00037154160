/* SPDX-License-Identifier: MIT */
/* A text is a string that is being built in a buffer, for messages and dumps. It needs no stdio,
 * locale or allocation. One thread per text; signal-safe: yes; may allocate: no. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hp_text {
	char *buffer;
	size_t size, used;
	/* Called to empty the buffer when it is full. NULL: text that does not fit is cut off. */
	void (*flush)(struct hp_text *text);
	bool cut;      /* some text did not fit */
	void *context; /* for the use of flush() */
};

void hp_text_bytes(struct hp_text *t, const char *bytes, size_t size);
void hp_text_string(struct hp_text *t, const char *string);
void hp_text_char(struct hp_text *t, char c);
void hp_text_decimal(struct hp_text *t, uint64_t value);
void hp_text_decimal_padded(struct hp_text *t, uint64_t value, int min_digits);
void hp_text_hex(struct hp_text *t, uint64_t value);
void hp_text_hex_bytes(struct hp_text *t, const uint8_t *bytes, size_t size);

/* Appends a size in a unit that is easy to read, "340 KiB" or "1.5 GiB"; sizes below 10 KiB in
 * bytes. */
void hp_text_size(struct hp_text *t, uint64_t bytes);

/* Appends the C library's description of an errno value, or "error 4000" if it has none. File
 * systems in user space and seccomp filters may return such values. */
void hp_text_error(struct hp_text *t, int error);

/* Appends `bytes`, in which control characters and backslashes are written as \n, \\ or \x1f, so
 * that they can't forge a line. Bytes after the first `max` are replaced by "...". */
void hp_text_escaped(struct hp_text *t, const char *bytes, size_t size, size_t max);

/* Ends the text with a NUL. If the buffer is full, the NUL replaces its last byte. Returns the
 * buffer. */
const char *hp_text_terminate(struct hp_text *t);

/* Defines a text in a local array of `capacity` bytes. If the array is full, the rest is cut
 * off. */
#define HP_TEXT_LOCAL(name, capacity) \
	char name##_buffer[capacity]; \
	struct hp_text name = {.buffer = name##_buffer, .size = sizeof(name##_buffer)}
