/* SPDX-License-Identifier: MIT */
#include "base/display.h"

#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

const struct display display_none = {{.is_utf8 = true}, false, false};

static int find_width(bool is_terminal)
{
	const char *columns = getenv("COLUMNS");
	long width = columns ? strtol(columns, NULL, 10) : 0;
	struct winsize size;

	if (width <= 0 && is_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		width = size.ws_col;
	return width > 0 && width <= INT_MAX ? (int)width : 0;
}

/* Returns whether the user's terminal shows UTF-8. The locale of the program stays as it is, since
 * regular expressions are slower in others. */
static bool is_utf8(void)
{
	locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
	bool is;

	if (!locale)
		return false;
	is = strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
	freelocale(locale);
	return is;
}

static bool is_set(const char *variable)
{
	const char *value = getenv(variable);

	return value && *value;
}

static bool shows_color(bool is_terminal)
{
	const char *terminal = getenv("TERM");

	return is_terminal && !is_set("NO_COLOR") && terminal && strcmp(terminal, "dumb") != 0;
}

bool display_init(struct display *display, const char *color)
{
	bool is_auto = !color || strcmp(color, "auto") == 0;

	display->is_terminal = isatty(STDOUT_FILENO);
	display->text.width = find_width(display->is_terminal);
	display->text.is_utf8 = is_utf8();
	display->has_color =
		is_auto ? shows_color(display->is_terminal) : strcmp(color, "always") == 0;
	return is_auto || display->has_color || strcmp(color, "never") == 0;
}

const char *display_begin(const struct display *display, enum display_style style)
{
	static const char *const begins[] = {
		[DISPLAY_PLAIN] = "",         [DISPLAY_BOLD] = "\033[1m",
		[DISPLAY_RED] = "\033[1;31m", [DISPLAY_GREEN] = "\033[32m",
		[DISPLAY_DIM] = "\033[2m",
	};

	return display->has_color ? begins[style] : "";
}

const char *display_end(const struct display *display, enum display_style style)
{
	return display->has_color && style != DISPLAY_PLAIN ? "\033[0m" : "";
}
