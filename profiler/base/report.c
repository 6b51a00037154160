/* SPDX-License-Identifier: MIT */
#include "base/report.h"
#include "base/file.h"
#include "base/sys.h"

static struct stat stderr_at_start;
static bool has_stderr;

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_rdev == b->st_rdev &&
	       (a->st_mode & S_IFMT) == (b->st_mode & S_IFMT);
}

void hp_report_init(void)
{
	has_stderr = hp_sys_fstat(2, &stderr_at_start) == 0;
}

static bool is_stderr_ours(void)
{
	struct stat now;

	return has_stderr && hp_sys_fstat(2, &now) == 0 && is_same_file(&now, &stderr_at_start);
}

bool hp_report_is_terminal(void)
{
	char settings[64]; /* the kernel's struct termios is smaller */

	return is_stderr_ours() && hp_sys3(SYS_ioctl, 2, 0x5401 /* TCGETS */, (long)settings) == 0;
}

/* Appends `line` with its control characters escaped. A prefix or an error's reason may contain
 * anything, and must not look like a line of another program. */
static void put_on_one_line(struct hp_text *t, const char *line)
{
	for (; *line; line++)
		if ((unsigned char)*line < ' ' || *line == 0x7f)
			hp_text_escaped(t, line, 1, 1);
		else
			hp_text_char(t, *line);
}

void hp_report(const char *line)
{
	HP_TEXT_LOCAL(text, 1024);

	if (!is_stderr_ours())
		return;
	hp_text_string(&text, "heapprof: ");
	put_on_one_line(&text, line);
	if (text.used == text.size)
		text.used--;
	hp_text_char(&text, '\n');
	hp_file_write_quietly(2, text.buffer, text.used);
}

void hp_report_text(struct hp_text *line)
{
	hp_report(hp_text_terminate(line));
}
