/* SPDX-License-Identifier: MIT */
#include "reports/format.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/columns.h"
#include "base/short_name.h"
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

struct formatted format_compact(double bytes)
{
	static const char units[] = "BKMGTPE";
	const char *sign = bytes < 0 ? "-" : "";
	struct formatted formatted = {"0"};
	size_t unit = 0;
	int digits;

	bytes = fabs(bytes);
	while (unit < strlen(units) - 1 && bytes >= 1023.5) {
		bytes /= 1024;
		unit++;
	}
	digits = !unit || bytes >= 99.95 ? 0 : bytes >= 9.995 ? 1 : 2;
	if (round(bytes) > 0 || unit)
		snprintf(formatted.text, FORMAT_SIZE, "%s%.*f%c", sign, digits, bytes, units[unit]);
	return formatted;
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

/* Writes a text as code, cut to a size for which there is always room. */
static void format_cut(struct output *output, const char *name)
{
	char text[NAME_BYTES + 1] = "";
	size_t size = strnlen(name, NAME_BYTES);

	while (name[size] && size && ((unsigned char)name[size] & 0xc0) == 0x80)
		size--; /* back to the start of a character */
	memcpy(text, name, size);
	format_code(output, text);
}

const struct format_room format_in_cell = {44, " <br>"};
const struct format_room format_in_list = {80, " "};

static const struct terminal_text any_width = {.is_utf8 = true};

void format_place(struct output *output, const char *name, const char *file,
		  const struct format_room *room, bool full_names)
{
	char *shorter = full_names ? NULL : short_name(name);
	char text[COLUMNS_BYTES];

	if (full_names) {
		format_code(output, name);
	} else {
		columns_copy_name(&any_width, shorter ? shorter : name, room->columns, text,
				  sizeof(text));
		format_code(output, text);
	}
	free(shorter);
	if (!*file)
		return;
	output_text(output, room->between);
	if (!full_names)
		columns_copy_end(&any_width, file, room->columns, text, sizeof(text));
	format_code(output, full_names ? file : text);
}

void format_folder(struct output *output, const struct path_folder *folder)
{
	char *path = folder->size ? strndup(folder->path, folder->size) : NULL;
	char text[COLUMNS_BYTES];

	if (!path)
		return;
	columns_copy_end(&any_width, path, format_in_list.columns, text, sizeof(text));
	free(path);
	output_text(output, "Files are in ");
	format_code(output, text);
	output_text(output, ".");
}

void format_breakable(struct output *output, const char *text)
{
	static const char word[] = " to ";
	const char *to = strstr(text, word);
	char low[FORMAT_SIZE];

	if (!to) {
		format_unbroken(output, text);
		return;
	}
	snprintf(low, sizeof(low), "%.*s", (int)(to - text), text);
	format_unbroken(output, low);
	output_text(output, word);
	format_unbroken(output, to + strlen(word));
}

void format_type(struct output *output, const char *type)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-=.%";

	if (*type && strspn(type, plain) == strlen(type) && strlen(type) <= NAME_BYTES)
		output_printf(output, "`%s`", type);
	else /* the name comes from a profile and may contain anything */
		format_cut(output, type);
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
