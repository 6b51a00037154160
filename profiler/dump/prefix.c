/* SPDX-License-Identifier: MIT */
#include "dump/prefix.h"
#include "base/report.h"
#include "base/sys.h"
#include "process/process.h"
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

static char pattern[PATH_MAX]; /* absolute, not expanded */

const char *hp_prefix_pattern(void)
{
	return pattern;
}

/* --- expansion ----------------------------------------------------------------------------- */

static void put_expansion(struct hp_text *t, char c)
{
	switch (c) {
	case 'p':
		hp_text_decimal(t, hp_sys_getpid());
		break;
	case 'e':
		hp_text_string(t, hp_process_name());
		break;
	case 'h':
		hp_text_string(t, hp_process_host());
		break;
	case 't':
		hp_text_decimal(t, hp_process_start_seconds());
		break;
	case '%':
		hp_text_char(t, '%');
		break;
	default: /* unknown: not expanded */
		hp_text_char(t, '%');
		hp_text_char(t, c);
	}
}

bool hp_prefix_has_pid(void)
{
	for (const char *p = pattern; *p; p++)
		if (*p == '%' && *++p == 'p')
			return true;
		else if (*p == '\0')
			break;
	return false;
}

void hp_prefix_put(struct hp_text *t)
{
	for (const char *p = pattern; *p; p++)
		if (p[0] == '%' && p[1] != '\0')
			put_expansion(t, *++p);
		else
			hp_text_char(t, *p);
}

/* --- taking a prefix ----------------------------------------------------------------------- */

static void report_no_folder(int error)
{
	HP_TEXT_LOCAL(line, 256);

	hp_text_string(&line, "the prefix of the dumps is relative, "
			      "and the current folder has no path: ");
	hp_text_error(&line, error);
	hp_text_string(&line, "; not profiling");
	hp_report_text(&line);
}

/* Appends the text with each % doubled, so that nothing in it is expanded. */
static void put_literally(struct hp_text *t, const char *text)
{
	for (; *text; text++)
		hp_text_string(t, *text == '%' ? "%%" : (char[]){*text, '\0'});
}

static bool put_current_folder(struct hp_text *t)
{
	char folder[PATH_MAX];

	if (!getcwd(folder, sizeof(folder))) {
		report_no_folder(errno);
		return false;
	}
	put_literally(t, folder);
	hp_text_char(t, '/');
	return true;
}

static bool is_folder(void)
{
	char path[PATH_MAX];
	struct hp_text t = {.buffer = path, .size = sizeof(path)};
	struct stat status;

	hp_prefix_put(&t);
	hp_text_terminate(&t);
	return !t.cut && hp_sys_stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Appends the program's name without leading dots, so that the file is not hidden. */
static void put_name_in_folder(struct hp_text *t)
{
	const char *name = hp_process_name();

	name += strspn(name, ".");
	put_literally(t, *name ? name : "program");
}

/* prefix = path-and-beginning | folder "/" | folder. Appends the program's name to a folder. */
static void complete_folder(struct hp_text *t)
{
	bool has_slash = t->buffer[t->used - 1] == '/';

	if (!has_slash && !is_folder())
		return;
	if (!has_slash)
		hp_text_char(t, '/');
	put_name_in_folder(t);
	hp_text_terminate(t);
}

bool hp_prefix_set(const char *prefix)
{
	struct hp_text t = {.buffer = pattern, .size = sizeof(pattern)};

	if (prefix[0] != '/' && !put_current_folder(&t))
		return false;
	hp_text_string(&t, prefix);
	hp_text_terminate(&t);
	if (!t.cut)
		complete_folder(&t);
	if (t.cut)
		hp_report("the prefix of the dumps is longer than a path can be; not profiling");
	return !t.cut;
}
