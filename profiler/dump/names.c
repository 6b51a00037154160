/* SPDX-License-Identifier: MIT */
#include "dump/names.h"
#include "base/file.h"
#include "base/outfile.h"
#include "base/sys.h"
#include "dump/prefix.h"
#include "process/process.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MARK       "HEAPPROF_OWNER"
#define NUMBER_MAX 999999999 /* the highest number of a dump */

struct linux_dirent64 { /* as getdents64(2) fills it */
	uint64_t ino;
	int64_t off;
	uint16_t size;
	uint8_t type;
	char name[];
};

static bool is_owner, is_by_environment;
static bool follows_exec; /* this process was already profiled before an exec */
static uint32_t n_collisions;
static uint64_t last_number;  /* number of the last dump under the present prefix; 0: none */
static uint64_t first_number; /* number of this process's first dump, under first_prefix; 0: none */
static char first_prefix[PATH_MAX];
static uint64_t n_claimed;
static bool is_number_known; /* last_number is known, or taken to be 0 */
static bool is_number_tried; /* last_number was taken to be 0 without reading the folder */
static int64_t start_ns;     /* start of the session or the fork child, in ns since 1970 */

/* The numbers of the dumps that are kept with HP_KEEP_SPREAD, under first_prefix. */
static uint64_t spread[HP_SPREAD_MAX + 1];
static size_t n_spread;
static size_t n_thinned; /* how many of them hp_names_thin() has already looked at */

/* --- the prefix ---------------------------------------------------------------------------- */

static uint32_t attempt_number(void)
{
	return n_collisions + (is_owner || hp_prefix_has_pid() ? 0 : 1);
}

static bool is_prefix_of_one_process(void)
{
	return attempt_number() > 0 || hp_prefix_has_pid();
}

/* prefix = expanded-pattern [ "_" pid [ "-" n ] ] */
static void put_prefix(struct hp_text *t)
{
	uint32_t attempt = attempt_number();

	hp_prefix_put(t);
	if (attempt > 0) {
		hp_text_char(t, '_');
		hp_text_decimal(t, hp_sys_getpid());
	}
	if (attempt > 1) {
		hp_text_char(t, '-');
		hp_text_decimal(t, attempt);
	}
}

static void make_prefix(char out[PATH_MAX])
{
	struct hp_text t = {.buffer = out, .size = PATH_MAX};

	put_prefix(&t);
	hp_text_terminate(&t);
}

static bool make_name(struct hp_name *out, uint64_t number)
{
	struct hp_text t = {.buffer = out->path, .size = sizeof(out->path)};

	put_prefix(&t);
	hp_text_char(&t, '.');
	hp_text_decimal_padded(&t, number, 4);
	hp_text_string(&t, ".heap");
	hp_text_terminate(&t);
	return !t.cut;
}

/* --- dumps that are there already ---------------------------------------------------------- */

/* name = base "." digit+ ".heap". Returns the number, or 0 if `name` is something else or the
 * number exceeds NUMBER_MAX: no process writes so many dumps, and there must always be a next
 * number. */
static uint64_t parse_dump_number(const char *name, const char *base, size_t base_size)
{
	uint64_t number = 0;
	const char *p = name + base_size;

	if (strncmp(name, base, base_size) != 0 || *p++ != '.')
		return 0;
	for (; *p >= '0' && *p <= '9' && number <= NUMBER_MAX; p++)
		number = number * 10 + (uint64_t)(*p - '0');
	return strcmp(p, ".heap") == 0 && number <= NUMBER_MAX ? number : 0;
}

/* Called for each file in the folder. `name` is the file's name; `base` is the last part of the
 * prefix, with which the names of dumps begin. */
typedef void visit_function(const char *name, const char *base);

static void visit_names(int fd, const char *base, visit_function *visit)
{
	char buffer[8192] __attribute__((aligned(8)));
	long n;

	while ((n = hp_sys_getdents64(fd, buffer, sizeof(buffer))) > 0)
		for (long at = 0; at < n;) {
			const struct linux_dirent64 *e = (void *)(buffer + at);

			visit(e->name, base);
			at += e->size;
		}
}

/* Calls `visit` for each file in the folder of the present prefix. */
static void visit_folder(visit_function *visit)
{
	char prefix[PATH_MAX];
	char *slash;
	int fd;

	make_prefix(prefix);
	slash = strrchr(prefix, '/');
	if (!slash)
		return;
	*slash = '\0';
	fd = hp_file_open_private(slash == prefix ? "/" : prefix, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return;
	visit_names(fd, slash + 1, visit);
	hp_sys_close(fd);
}

static void note_highest(const char *name, const char *base)
{
	uint64_t number = parse_dump_number(name, base, strlen(base));

	if (number > last_number)
		last_number = number;
}

static int64_t now_ns(void)
{
	struct timespec now = hp_sys_clock(CLOCK_REALTIME);

	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static bool is_dump_of_this_run(const char *path);

/* Call it before this session or fork child has written a dump under the present prefix. Returns
 * true if the last dump there was written after its start, so that another process must have
 * written it, unless it is a dump of this run that a tool has written from outside. A time in the
 * future only shows that clocks differ. */
static bool is_last_of_another_process(void)
{
	struct hp_name name;
	struct stat status;

	if (last_number == 0 || !make_name(&name, last_number) ||
	    hp_sys_lstat(name.path, &status) != 0)
		return false;
	int64_t written_ns = (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;

	return start_ns < written_ns && written_ns <= now_ns() && !is_dump_of_this_run(name.path);
}

static void look_for_last_number(void)
{
	last_number = 0;
	visit_folder(note_highest);
	is_number_tried = false;
}

static void leave_prefix(void)
{
	n_collisions++;
	first_number = 0;
	is_number_known = false;
}

/* Sets last_number. If the prefix contains this process's ID, it is nearly always new, so the
 * folder is not read and number 1 is tried, which never replaces a file. If each of many processes
 * read the folder, the total time would grow with the square of their number. */
static void find_last_number(void)
{
	while (!is_number_known) {
		is_number_known = true;
		last_number = 0;
		is_number_tried = n_claimed == 0 && is_prefix_of_one_process();
		if (is_number_tried)
			return;
		look_for_last_number();
		if (is_last_of_another_process() && n_collisions == 0)
			leave_prefix();
	}
}

/* --- whose dump ---------------------------------------------------------------------------- */

enum {
	/* Enough for a program's path and a command line of 4 KiB each, with every byte escaped. */
	METADATA_MAX = 128 << 10
};

static bool begins_like_dump(const char *path)
{
	static const char magic[] = "heap profile:";
	char head[sizeof(magic)];

	return hp_file_read(path, head, sizeof(head)) == sizeof(magic) - 1 &&
	       strcmp(head, magic) == 0;
}

/* Advances a search for `line`, which has newlines at both ends only. `n_matched` of its bytes are
 * matched; returns how many are matched after the byte `c`. */
static size_t match_byte(const char *line, size_t n_matched, char c)
{
	if (line[n_matched] == c)
		return n_matched + 1;
	return c == '\n';
}

static bool has_line_at(int fd, const char *line)
{
	char buffer[4096];
	size_t n_matched = 0;
	long n, left = METADATA_MAX;

	while (left > 0 && ((n = hp_sys_read(fd, buffer, sizeof(buffer))) > 0 || n == -EINTR)) {
		for (long i = 0; i < n; i++) {
			n_matched = match_byte(line, n_matched, buffer[i]);
			if (line[n_matched] == '\0')
				return true;
		}
		left -= n > 0 ? n : 0;
	}
	return false;
}

static bool has_metadata(const char *path, struct hp_text *line)
{
	int fd = hp_file_open_private(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
	bool result;

	if (fd < 0)
		return false;
	result = has_line_at(fd, hp_text_terminate(line));
	hp_sys_close(fd);
	return result;
}

/* Returns true if the file is a dump with the run ID of one of this process's sessions. It is not
 * if another file was put there, or if the dump was replaced by a link. */
static bool is_dump_of_this_run(const char *path)
{
	uint64_t run = hp_process_run_id() % HP_PROCESS_NEXT_RUN;
	HP_TEXT_LOCAL(line, 40);

	hp_text_string(&line, "\n# run: ");
	hp_text_hex_bytes(&line, (const uint8_t *)&run, 6 /* the bytes that sessions share */);
	return begins_like_dump(path) && has_metadata(path, &line);
}

/* Returns true if the file is a dump of this process from before an exec. It has the same process
 * ID, but another run ID. */
static bool is_dump_before_exec(const char *path)
{
	HP_TEXT_LOCAL(line, 40);

	hp_text_string(&line, "\n# pid: ");
	hp_text_decimal(&line, hp_sys_getpid());
	hp_text_char(&line, '\n');
	return follows_exec && has_metadata(path, &line);
}

/* --- files of earlier runs ----------------------------------------------------------------- */

static void remove_dump(const char *dump, const char *base)
{
	uint64_t number = parse_dump_number(dump, base, strlen(base));
	struct hp_name name;

	if (number > 0 && make_name(&name, number) && begins_like_dump(name.path) &&
	    !is_dump_of_this_run(name.path) && !is_dump_before_exec(name.path))
		hp_sys_unlink(name.path);
}

static const char *skip_decimal(const char *p)
{
	while (*p >= '0' && *p <= '9')
		p++;
	return p;
}

/* temporary = base [ "_" pid [ "-" n ] ] "." number ".heap.tmp." 16 hex-digits */
static bool is_temporary(const char *name, const char *base)
{
	static const char middle[] = ".heap.tmp.";
	const char *p = name + strlen(base);

	if (strncmp(name, base, strlen(base)) != 0)
		return false;
	if (*p == '_')
		p = skip_decimal(p + 1);
	if (*p == '-')
		p = skip_decimal(p + 1);
	if (*p != '.')
		return false;
	p = skip_decimal(p + 1);
	if (strncmp(p, middle, strlen(middle)) != 0)
		return false;
	p += strlen(middle);
	return strspn(p, "0123456789abcdef") == 16 && p[16] == '\0';
}

static void remove_temporary(const char *temporary, const char *base)
{
	char path[PATH_MAX];
	struct hp_text t = {.buffer = path, .size = sizeof(path)};

	if (!is_temporary(temporary, base))
		return;
	put_prefix(&t);
	t.used -= strlen(base);
	hp_text_string(&t, temporary);
	hp_text_terminate(&t);
	if (!t.cut)
		hp_outfile_remove_stale(path);
}

void hp_names_remove_earlier(void)
{
	visit_folder(remove_dump);
	visit_folder(remove_temporary);
}

/* --- the first process --------------------------------------------------------------------- */

/* mark = pid ":" start-time of the first process. Both stay the same if the process executes
 * another program. */
static void make_mark(char *out, size_t size)
{
	struct hp_text t = {.buffer = out, .size = size};

	hp_text_decimal(&t, hp_sys_getpid());
	hp_text_char(&t, ':');
	hp_text_decimal(&t, hp_process_start_ticks());
	hp_text_terminate(&t);
}

static bool is_marked_as_ours(void)
{
	char mark[64];
	const char *present = getenv(MARK);

	make_mark(mark, sizeof(mark));
	return present && strcmp(present, mark) == 0;
}

bool hp_names_is_environment_marked(void)
{
	return getenv(MARK) != NULL;
}

void hp_names_mark_environment(bool always)
{
	char mark[64];

	if (!always && (!is_owner || !is_by_environment))
		return;
	make_mark(mark, sizeof(mark));
	setenv(MARK, mark, true /* overwrite */);
}

/* Returns true if this session has the same prefix as the last one, and that session's first dump
 * is still there. Then this session continues those dumps. */
static bool is_first_there(void)
{
	char present_prefix[PATH_MAX];
	struct hp_name first;

	make_prefix(present_prefix);
	return first_number > 0 && strcmp(present_prefix, first_prefix) == 0 &&
	       make_name(&first, first_number) && is_dump_of_this_run(first.path);
}

bool hp_names_start(const char *prefix, bool by_environment)
{
	if (!hp_prefix_set(prefix))
		return false;
	is_by_environment = by_environment;
	if (by_environment)
		follows_exec = is_marked_as_ours();
	is_owner = !by_environment || follows_exec || !hp_names_is_environment_marked();
	n_collisions = 0;
	start_ns = now_ns();
	is_number_known = is_number_tried = false;
	if (!is_first_there())
		first_number = 0;
	return true;
}

/* --- dump by dump -------------------------------------------------------------------------- */

bool hp_names_next(struct hp_name *out)
{
	find_last_number();
	return make_name(out, last_number + 1);
}

/* Returns whether a tool has written the dump of that number from outside. */
static bool is_from_outside(uint64_t number)
{
	struct hp_name name;

	return make_name(&name, number) && is_dump_of_this_run(name.path);
}

void hp_names_collided(void)
{
	uint64_t tried = last_number + 1;
	bool goes_on = is_number_tried || is_from_outside(tried);

	if (goes_on)
		look_for_last_number();
	if (!goes_on || last_number < tried || is_last_of_another_process())
		leave_prefix();
}

static void count_claimed(void)
{
	last_number++;
	n_claimed++;
	if (first_number == 0) {
		first_number = last_number;
		n_spread = 0;
		make_prefix(first_prefix);
	}
}

bool hp_names_note_claimed(uint64_t max_dumps, struct hp_name *out_expired)
{
	count_claimed();
	if (max_dumps == 0 || last_number - first_number < max_dumps)
		return false;
	/* The first dump and the newest ones stay; if only one may stay, the newest. */
	uint64_t expired = last_number - max_dumps + (max_dumps > 1);

	if (expired == first_number)
		first_number = last_number;
	return make_name(out_expired, expired) && is_dump_of_this_run(out_expired->path);
}

bool hp_names_note_claimed_spread(uint64_t max_dumps)
{
	bool is_full;

	count_claimed();
	spread[n_spread++] = last_number;
	is_full = n_spread > (max_dumps ? max_dumps : UINT64_MAX) || n_spread > HP_SPREAD_MAX;
	n_thinned = is_full ? 0 : n_spread;
	return is_full;
}

/* Removes the numbers at odd places of `spread`, except the newest number, and closes the gaps. */
bool hp_names_thin(struct hp_name *out_expired)
{
	while (n_thinned < n_spread) {
		size_t at = n_thinned++;

		if (at % 2 == 0 || at == n_spread - 1) {
			spread[(at + 1) / 2] = spread[at];
			continue;
		}
		if (make_name(out_expired, spread[at]) && is_dump_of_this_run(out_expired->path))
			return true;
	}
	n_spread = n_spread / 2 + 1;
	return false;
}

uint64_t hp_names_n_claimed(void)
{
	return n_claimed;
}

bool hp_names_is_owner(void)
{
	return is_owner;
}

bool hp_names_is_first_image(void)
{
	return is_owner && is_by_environment && !follows_exec;
}

void hp_names_after_fork(void)
{
	is_owner = false;
	start_ns = now_ns();
	is_number_known = is_number_tried = false;
	n_collisions = 0;
	first_number = 0;
	n_claimed = 0;
	n_spread = 0;
}

const struct hp_view_row hp_names_view[] = {
	HP_VIEW_VARIABLE("names.n_claimed", n_claimed),
};
