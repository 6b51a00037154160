/* SPDX-License-Identifier: MIT */
#include "base/text.h"
#include <string.h>

void hp_text_bytes(struct hp_text *t, const char *bytes, size_t size)
{
	while (size > 0) {
		size_t room = t->size - t->used;
		size_t n = size < room ? size : room;

		memcpy(t->buffer + t->used, bytes, n);
		t->used += n;
		bytes += n;
		size -= n;
		if (size == 0)
			return;
		if (!t->flush) {
			t->cut = true;
			return;
		}
		t->flush(t);
	}
}

void hp_text_string(struct hp_text *t, const char *string)
{
	hp_text_bytes(t, string, strlen(string));
}

void hp_text_char(struct hp_text *t, char c)
{
	if (t->used < t->size)
		t->buffer[t->used++] = c;
	else
		hp_text_bytes(t, &c, 1);
}

void hp_text_decimal_padded(struct hp_text *t, uint64_t value, int min_digits)
{
	char digits[20];
	int n = 0;

	do {
		digits[sizeof(digits) - 1 - n++] = '0' + value % 10;
		value /= 10;
	} while (value > 0 || n < min_digits);
	hp_text_bytes(t, digits + sizeof(digits) - n, n);
}

void hp_text_decimal(struct hp_text *t, uint64_t value)
{
	hp_text_decimal_padded(t, value, 1);
}

static const char hex_digits[] = "0123456789abcdef";

void hp_text_hex(struct hp_text *t, uint64_t value)
{
	char digits[16];
	int n = 0;

	do {
		digits[sizeof(digits) - 1 - n++] = hex_digits[value % 16];
		value /= 16;
	} while (value > 0);
	hp_text_bytes(t, digits + sizeof(digits) - n, n);
}

void hp_text_hex_bytes(struct hp_text *t, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		hp_text_char(t, hex_digits[bytes[i] >> 4]);
		hp_text_char(t, hex_digits[bytes[i] & 15]);
	}
}

void hp_text_size(struct hp_text *t, uint64_t bytes)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	int unit = -1;
	uint64_t tenths = bytes;

	if (bytes < 10 * 1024) {
		hp_text_decimal(t, bytes);
		hp_text_string(t, bytes == 1 ? " byte" : " bytes");
		return;
	}
	for (unit = 0; tenths >= (uint64_t)10240 * 1024; unit++)
		tenths /= 1024;
	tenths = tenths * 10 / 1024;
	if (tenths >= 10240) {
		tenths /= 1024;
		unit++;
	}
	hp_text_decimal(t, tenths / 10);
	if (tenths % 10 != 0) {
		hp_text_char(t, '.');
		hp_text_decimal(t, tenths % 10);
	}
	hp_text_char(t, ' ');
	hp_text_string(t, units[unit]);
}

/* New in glibc 2.32. In older ones a message has the number. */
extern const char *describe_error(int error) __asm__("strerrordesc_np") __attribute__((weak));

void hp_text_error(struct hp_text *t, int error)
{
	const char *description = describe_error ? describe_error(error) : NULL;

	if (description) {
		hp_text_string(t, description);
	} else {
		hp_text_string(t, "error ");
		hp_text_decimal(t, error);
	}
}

static void escaped_byte(struct hp_text *t, uint8_t c)
{
	if (c == '\n') {
		hp_text_string(t, "\\n");
	} else if (c == '\\') {
		hp_text_string(t, "\\\\");
	} else if (c < 0x20 || c == 0x7f) {
		hp_text_string(t, "\\x");
		hp_text_hex_bytes(t, &c, 1);
	} else {
		hp_text_char(t, c);
	}
}

void hp_text_escaped(struct hp_text *t, const char *bytes, size_t size, size_t max)
{
	for (size_t i = 0; i < size && i < max; i++)
		escaped_byte(t, bytes[i]);
	if (size > max)
		hp_text_string(t, "...");
}

const char *hp_text_terminate(struct hp_text *t)
{
	if (t->used == t->size) {
		t->used--;
		t->cut = true;
	}
	t->buffer[t->used] = '\0';
	return t->buffer;
}
