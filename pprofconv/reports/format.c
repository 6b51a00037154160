/* SPDX-License-Identifier: MIT */
#include "reports/format.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

#define NAME_BYTES 160

static struct formatted format_signed(double value, bool is_bytes, const char *plus)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	const char *sign = value < 0 ? "-" : plus;
	double scaled = fabs(value);
	struct formatted formatted;
	size_t unit = 0;

	while (is_bytes && scaled >= 1023.995 && unit < 6) {
		scaled /= 1024;
		unit++;
	}
	if (!unit)
		scaled = round(scaled);
	if (scaled == 0)
		sign = "";
	snprintf(formatted.text, FORMAT_SIZE, "%s%.*f%s%s", sign, unit ? 2 : 0, scaled,
		 is_bytes ? " " : "", is_bytes ? units[unit] : "");
	return formatted;
}

struct formatted format_value(double value, bool is_bytes)
{
	return format_signed(value, is_bytes, "");
}

struct formatted format_difference(double value, bool is_bytes)
{
	return format_signed(value, is_bytes, "+");
}

struct formatted format_setting(double bytes)
{
	static const char *const units[] = {"", "K", "M", "G", "T"};
	struct formatted formatted;
	size_t unit = 0;

	while (unit < 4 && bytes >= 1024 && fmod(bytes, 1024) == 0) {
		bytes /= 1024;
		unit++;
	}
	snprintf(formatted.text, FORMAT_SIZE, "%.0f%s", bytes, units[unit]);
	return formatted;
}

struct formatted format_ratio(double base, double new)
{
	double percent = 100 * (new - base) / fabs(base);
	struct formatted formatted;

	if (base == 0)
		snprintf(formatted.text, FORMAT_SIZE, "%s", new == 0 ? "0.0 %" : "new");
	else if (new == 0)
		snprintf(formatted.text, FORMAT_SIZE, "gone");
	else
		snprintf(formatted.text, FORMAT_SIZE, fabs(percent) < 0.05 ? "0.0 %%" : "%+.1f %%",
			 percent);
	return formatted;
}

struct formatted format_bounds(struct bounds bounds, bool is_bytes)
{
	struct formatted low = format_difference(bounds.low, is_bytes);
	struct formatted high = format_difference(bounds.high, is_bytes);
	struct formatted formatted;

	snprintf(formatted.text, FORMAT_SIZE, "%.100s to %.100s", low.text, high.text);
	return formatted;
}

void format_unbroken(struct output *output, const char *text)
{
	for (; *text; text++)
		output_text(output, *text == ' ' ? "\u00a0" : (char[]){*text, '\0'});
}

/* Returns whether GitHub would make a link that begins at `text`: it reads Markdown within <code>
 * too. */
static bool begins_link(const char *text)
{
	return strncmp(text, "://", 3) == 0 || strncmp(text, "www.", 4) == 0;
}

void format_code(struct output *output, const char *text)
{
	size_t left = strlen(text);

	output_text(output, "<code>");
	while (left) {
		size_t n = utf8_printable(text, left), step = n ? n : 1;

		if (n == 1 && (strchr("<>&|*_`[]\\@#~$", *text) || begins_link(text)))
			output_printf(output, "&#%d;", *text);
		else
			output_write(output, n ? text : "?", step);
		text += step;
		left -= step;
	}
	output_text(output, "</code>");
}

void format_name(struct output *output, const char *name)
{
	char text[NAME_BYTES + 1] = "";
	size_t size = strnlen(name, NAME_BYTES);

	while (name[size] && size && ((unsigned char)name[size] & 0xc0) == 0x80)
		size--; /* back to the start of a character */
	memcpy(text, name, size);
	format_code(output, text);
}

void format_type(struct output *output, const char *type)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-=.%";

	if (*type && strspn(type, plain) == strlen(type) && strlen(type) <= NAME_BYTES)
		output_printf(output, "`%s`", type);
	else /* the name comes from a profile and may contain anything */
		format_name(output, type);
}

void format_json(struct output *output, const char *text)
{
	output_json(output, text, strlen(text));
}

void format_json_number(struct output *output, double value)
{
	if (!isfinite(value))
		output_text(output, "null");
	else if (value == round(value) && fabs(value) < 0x1p53)
		output_printf(output, "%.0f", value == 0 ? 0 : value);
	else
		output_printf(output, "%.17g", value);
}
