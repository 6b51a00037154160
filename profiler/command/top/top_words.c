/* SPDX-License-Identifier: MIT */
#include "command/top/top_words.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "reports/format.h"

#define PERIOD_BLOCKS 3   /* fewer have no period */
#define PATTERN_SEEN  6   /* of fewer samples, a lull or a step may be chance */
#define STEP_SHARE    0.6 /* of the growth between two points: it came at once */
#define STEP_POINTS   6
#define FAR           (10 * 365.25 * 86400) /* a limit that far away is not mentioned */

static void write_count(double n, const char *unit, const char *plural, char *out, size_t size)
{
	snprintf(out, size, "%.0f %s%s", n, unit, n == 1 ? "" : plural);
}

void top_words_time(double seconds, char *out, size_t size)
{
	static const struct {
		double seconds, n_parts;
		const char *name, *plural, *part, *part_plural;
	} units[] = {
		{365 * 86400, 365, "year", "s", "day", "s"},
		{86400, 24, "day", "s", "h", ""},
		{3600, 60, "h", "", "min", ""},
		{60, 60, "min", "", "s", ""},
	};
	char whole_text[32], part_text[32];

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		double parts = round(seconds / (units[i].seconds / units[i].n_parts));
		double whole = floor(parts / units[i].n_parts);
		double rest = parts - whole * units[i].n_parts;

		if (whole < 1)
			continue;
		write_count(whole, units[i].name, units[i].plural, whole_text, sizeof(whole_text));
		write_count(rest, units[i].part, units[i].part_plural, part_text,
			    sizeof(part_text));
		if (whole >= 100 || rest < 1)
			snprintf(out, size, "%s", whole_text);
		else
			snprintf(out, size, "%s %s", whole_text, part_text);
		return;
	}
	if (seconds >= 0.95)
		snprintf(out, size, "%.*f s", seconds < 9.95 && seconds != round(seconds), seconds);
	else
		snprintf(out, size, "%.0f ms", fmax(1, seconds * 1000));
}

/* Text that is put together; a part that has no room is cut. */
struct sentence {
	char *out;
	size_t n;
};

static __attribute__((format(printf, 2, 3))) void say(struct sentence *sentence, const char *format,
						      ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(sentence->out + sentence->n, TOP_WORDS_MAX - sentence->n, format, args);
	va_end(args);
	if (n > 0)
		sentence->n += (size_t)n < TOP_WORDS_MAX - sentence->n
				       ? (size_t)n
				       : TOP_WORDS_MAX - sentence->n - 1;
}

/* Block sizes are shown with two digits where format_value() has more than anybody needs. */
static void write_size(double bytes, char *out, size_t size)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	size_t unit = 0;

	while (unit < 4 && bytes >= 1023.95) {
		bytes /= 1024;
		unit++;
	}
	snprintf(out, size, unit && bytes < 99.95 ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
}

static void say_blocks(struct sentence *sentence, const struct top_growth *growth)
{
	const char *about = growth->is_exact ? "" : "about "; /* once in a sentence */
	double n = round(growth->blocks);
	char low[32], high[32];

	if (n < 1) {
		write_size(growth->bytes, low, sizeof(low));
		say(sentence, "%s%s more, in no more blocks than before", about, low);
		return;
	}
	write_size(growth->size_low, low, sizeof(low));
	write_size(growth->size_high, high, sizeof(high));
	say(sentence, "%s%.0f block%s", about, n, n == 1 ? "" : "s");
	if (growth->size_low <= 0)
		return;
	if (strcmp(low, high) == 0)
		say(sentence, " of %s", low);
	else
		say(sentence, " of %s to %s", low, high);
}

/* --- when it grew -------------------------------------------------------------------------- */

/* Returns the time since which nothing grew, if that is a third of the time or more and growth at
 * the mean rate would have shown; otherwise 0. */
static double quiet_seconds(const struct top_growth *growth)
{
	double last = growth->points[growth->n_points - 1], end, quiet;
	size_t i = growth->n_points - 1;
	double tolerance = growth->is_exact ? 0.5 : 0.05 * growth->bytes;

	while (i > 0 && fabs(growth->points[i - 1] - last) <= tolerance)
		i--;
	end = growth->times[growth->n_points - 1];
	quiet = end - growth->times[i];
	return quiet * 3 >= growth->seconds &&
			       growth->seen * quiet >= PATTERN_SEEN * growth->seconds
		       ? quiet
		       : 0;
}

/* Returns the number of the point at which most of the growth came, or 0. */
static size_t step_point(const struct top_growth *growth)
{
	if (growth->n_points < STEP_POINTS || growth->seen < PATTERN_SEEN)
		return 0;
	for (size_t i = 1; i < growth->n_points; i++)
		if (growth->points[i] - growth->points[i - 1] >= STEP_SHARE * growth->bytes)
			return i;
	return 0;
}

static void say_period(struct sentence *sentence, const struct top_growth *growth)
{
	double blocks = round(growth->blocks), each;
	char text[64];

	if (blocks < PERIOD_BLOCKS || growth->seconds <= 0)
		return;
	each = growth->seconds / blocks;
	if (each >= 0.2) {
		top_words_time(each, text, sizeof(text));
		say(sentence, ", one every %s", text);
	} else {
		say(sentence, ", %.0f a second", 1 / each);
	}
}

/* Returns whether the growth goes on, so that its rate says something about the future. */
static bool say_course(struct sentence *sentence, const struct top_growth *growth)
{
	double quiet = growth->n_points > 2 ? quiet_seconds(growth) : 0;
	size_t step = quiet > 0 ? 0 : step_point(growth);
	char text[64];

	if (quiet > 0) {
		top_words_time(quiet, text, sizeof(text));
		say(sentence, ", but none in the last %s", text);
		return false;
	}
	if (step) {
		top_words_time(growth->times[growth->n_points - 1] - growth->times[step], text,
			       sizeof(text));
		say(sentence, ", most of it at once %s ago", text);
		return false;
	}
	say_period(sentence, growth);
	return true;
}

/* --- where it leads ------------------------------------------------------------------------ */

static void say_outlook(struct sentence *sentence, const struct top_growth *growth)
{
	double rate = growth->bytes / growth->seconds;
	char text[64];

	write_size(rate * 86400, text, sizeof(text));
	say(sentence, "; at this rate %s a day", text);
	if (growth->room < 0 || growth->room / rate > FAR)
		return;
	top_words_time(growth->room / rate, text, sizeof(text));
	say(sentence, ", memory.max in %s", text);
}

static void say_no_growth(struct sentence *sentence, const struct top_growth *growth)
{
	char text[32];

	if (growth->is_exact) {
		say(sentence, "has not grown");
		return;
	}
	write_size(growth->unseen, text, sizeof(text));
	say(sentence, "no growth beyond the sampling error; up to %s may be unseen", text);
}

void top_words(const struct top_growth *growth, char out[TOP_WORDS_MAX])
{
	struct sentence sentence = {.out = out};
	char time[64];

	*out = '\0';
	if (growth->bytes < 0 && growth->is_beyond_error) {
		write_size(-growth->bytes, time, sizeof(time));
		say(&sentence, "shrank by %s%s", growth->is_exact ? "" : "about ", time);
	} else if (!growth->is_beyond_error || growth->bytes <= 0) {
		say_no_growth(&sentence, growth);
	} else {
		say_blocks(&sentence, growth);
		if (growth->seconds > 0 && say_course(&sentence, growth))
			say_outlook(&sentence, growth);
	}
}
