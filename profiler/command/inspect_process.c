/* SPDX-License-Identifier: MIT */
#include "command/inspect_process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/name_pattern.h"

#define STATUS_MAX  8192
#define MAPS_MAX    (64 << 20) /* a process may have 65,530 mappings, and each a long path */
#define ENVIRON_MAX (8 << 20)  /* the kernel allows 6 MiB of arguments and environment */
#define COMMAND_MAX 4096       /* as much as the library reads */
#define CHUNK       16384
#define DELETED     " (deleted)"

/* --- parsing ------------------------------------------------------------------------------- */

/* Returns what follows "\nKEY:\t", or NULL if there is no such line. */
static const char *find_line(const char *text, const char *key)
{
	size_t size = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, size) == 0 && line[size] == ':')
			return line + size + 1 + strspn(line + size + 1, "\t ");
	}
	return NULL;
}

static long find_number(const char *text, const char *key)
{
	const char *value = find_line(text, key);

	return value ? strtol(value, NULL, 10) : 0;
}

void process_parse_status(const char *text, struct process_status *out)
{
	const char *state = find_line(text, "State");

	*out = (struct process_status){
		.state = state ? *state : '\0',
		.group = (pid_t)find_number(text, "Tgid"),
		.tracer = (pid_t)find_number(text, "TracerPid"),
		.uid = (uid_t)find_number(text, "Uid"),
		.seccomp = (int)find_number(text, "Seccomp"),
		.has_memory = find_line(text, "VmSize") != NULL,
	};
}

/* line = start "-" end " " rights " " offset " " device " " inode " "* path EOL */
bool process_maps_have_library(const char *maps)
{
	for (const char *line = maps; line && *line; line = strchr(line, '\n')) {
		const char *end, *name;

		line += *line == '\n';
		end = line + strcspn(line, "\n");
		name = memrchr(line, '/', (size_t)(end - line));
		if (name && strncmp(name, "/libheapprof.so", 15) == 0)
			return true;
	}
	return false;
}

/* --- reading ------------------------------------------------------------------------------- */

/* Reads /proc/PID/NAME to its end, or to the limit, and ends it with a NUL. Returns the size, or a
 * negative errno; the caller frees *out. */
static ssize_t read_file(pid_t pid, const char *name, size_t limit, void **out)
{
	size_t size = 0;
	char *text = NULL;
	char path[64];
	ssize_t n;
	int fd;

	*out = NULL;
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	do {
		char *grown = realloc(text, size + CHUNK + 1);

		if (!grown) {
			close(fd);
			return -ENOMEM;
		}
		*out = text = grown;
		n = read(fd, text + size, CHUNK);
		size += n > 0 ? (size_t)n : 0;
		text[size] = '\0';
	} while (n > 0 && size < limit);
	n = n < 0 ? -errno : (ssize_t)size;
	close(fd);
	return n;
}

static int read_status(pid_t pid, struct process_status *out)
{
	_cleanup_(freep) void *memory = NULL;
	ssize_t size = read_file(pid, "status", STATUS_MAX, &memory);

	if (size < 0)
		return -ESRCH; /* no such process, since every user may read the file */
	process_parse_status(memory, out);
	return 0;
}

/* Finds a thread that lives. Returns false if there is none. */
static bool find_living_thread(pid_t pid, pid_t *out_thread)
{
	struct process_status status;
	struct dirent *entry;
	bool is_found = false;
	char path[64];
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	folder = opendir(path);
	if (!folder)
		return false;
	while (!is_found && (entry = readdir(folder)) != NULL) {
		*out_thread = (pid_t)strtol(entry->d_name, NULL, 10); /* 0 for "." and ".." */
		is_found = *out_thread > 0 && read_status(*out_thread, &status) == 0 &&
			   status.has_memory;
	}
	closedir(folder);
	return is_found;
}

/* Chooses the thread whose files are read, and reads its status. A process whose main thread has
 * ended before others looks like a zombie, but lives. */
static int choose_thread(struct process_facts *facts)
{
	pid_t thread;
	int r = read_status(facts->pid, &facts->status);

	facts->thread = facts->pid;
	if (r || facts->status.state != 'Z' || !find_living_thread(facts->pid, &thread))
		return r;
	facts->thread = thread;
	return read_status(thread, &facts->status);
}

/* Stores the executable's path, for messages. It may be a path under another root folder, so the
 * file itself is opened by the link in /proc. */
static void read_program(struct process_facts *facts)
{
	char link[64];
	size_t length;
	ssize_t size;

	snprintf(link, sizeof(link), "/proc/%d/exe", facts->thread);
	size = readlink(link, facts->program, sizeof(facts->program) - 1);
	facts->program[size > 0 ? size : 0] = '\0';
	length = strlen(facts->program);
	if (length > strlen(DELETED) &&
	    strcmp(facts->program + length - strlen(DELETED), DELETED) == 0)
		facts->program[length - strlen(DELETED)] = '\0';
}

static void inspect_executable(struct process_facts *facts)
{
	char link[64];
	int fd;

	snprintf(link, sizeof(link), "/proc/%d/exe", facts->thread);
	fd = open(link, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0) {
		facts->executable.kind = PROGRAM_UNREADABLE;
		facts->executable.error = errno;
		return;
	}
	program_inspect_elf(fd, &facts->executable);
	close(fd);
}

static void read_maps(struct process_facts *facts)
{
	_cleanup_(freep) void *memory = NULL;
	ssize_t size = read_file(facts->thread, "maps", MAPS_MAX, &memory);

	facts->maps_error = size < 0 ? (int)-size : 0;
	facts->has_library = size > 0 && process_maps_have_library(memory);
}

/* Returns whether a value of HEAP_PROFILE_PROGRAM leaves the process out: the library compares the
 * patterns with the names of the executable and of the command. */
static bool is_left_out(const struct process_facts *facts, const char *patterns)
{
	_cleanup_(freep) void *command = NULL;
	bool is_negated = *patterns == '!', is_named;

	if (!*patterns || !facts->program[0])
		return false;
	patterns += is_negated;
	is_named = hp_name_pattern_matches(patterns, program_base_name(facts->program)) ||
		   (read_file(facts->thread, "cmdline", COMMAND_MAX, &command) > 0 &&
		    hp_name_pattern_matches(patterns, program_base_name(command)));
	return is_named == is_negated;
}

static void read_environment(struct process_facts *facts)
{
	_cleanup_(freep) void *memory = NULL;
	ssize_t size = read_file(facts->thread, "environ", ENVIRON_MAX, &memory);
	const char *text = memory;

	facts->is_environment_known = size >= 0;
	if (size <= 0 || !text)
		return;
	for (ssize_t at = 0; at < size; at += (ssize_t)strlen(text + at) + 1)
		if (strncmp(text + at, "HEAPPROFILE=", 12) == 0)
			snprintf(facts->prefix, sizeof(facts->prefix), "%s", text + at + 12);
		else if (strncmp(text + at, "HEAP_PROFILE_PROGRAM=", 21) == 0)
			facts->is_left_out = is_left_out(facts, text + at + 21);
		else if (strncmp(text + at, "HEAPPROF_OWNER=", 15) == 0)
			facts->owner = (pid_t)strtol(text + at + 15, NULL, 10);
}

int process_inspect(pid_t pid, struct process_facts *out)
{
	int r;

	*out = (struct process_facts){.pid = pid};
	r = choose_thread(out);
	if (r)
		return r;
	read_program(out);
	if (out->status.has_memory) {
		inspect_executable(out);
		read_maps(out);
		read_environment(out);
	}
	return choose_thread(out); /* the process may have ended */
}

/* --- finding ------------------------------------------------------------------------------- */

/* A name is that of an executable, or of a command that is a link to it: redis-server may be a link
 * to redis-check-rdb. */
struct wanted_name {
	const char *name;
	char file[PATH_MAX]; /* that the command of this name leads to, or empty */
};

static void find_command(const char *name, struct wanted_name *out)
{
	char path[PATH_MAX];

	out->name = name;
	if (program_find(name, path) != 0 || !realpath(path, out->file))
		out->file[0] = '\0';
}

static bool is_named(const struct process_facts *facts, const struct wanted_name *wanted)
{
	return strcmp(program_base_name(facts->program), wanted->name) == 0 ||
	       (wanted->file[0] && strcmp(facts->program, wanted->file) == 0);
}

/* Returns whether the executable has another name. A process whose main thread has ended has no
 * executable there, and may be wanted. */
static bool has_other_name(pid_t pid, const struct wanted_name *wanted)
{
	struct process_facts facts = {.pid = pid, .thread = pid};

	read_program(&facts);
	return facts.program[0] && !is_named(&facts, wanted);
}

/* Whether a process is to be found. Its status is known. */
typedef bool (*process_test)(struct process_facts *facts, const void *context);

static bool is_ours_and_lives(const struct process_facts *facts)
{
	return facts->status.state != 'Z' && (geteuid() == 0 || facts->status.uid == geteuid());
}

static int compare_ids(const void *left, const void *right)
{
	const pid_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

/* Tests all processes. With a `name`, those are left out first whose executable has another one,
 * which one call finds out. */
static int find(const struct wanted_name *name, process_test is_wanted, const void *context,
		process_vec *out)
{
	DIR *folder = opendir("/proc");
	struct dirent *entry;
	int r = 0;

	if (!folder)
		return -errno;
	while (!r && (entry = readdir(folder)) != NULL) {
		struct process_facts facts = {.pid = (pid_t)strtol(entry->d_name, NULL, 10)};

		if (facts.pid <= 0 || facts.pid == getpid() ||
		    (name && has_other_name(facts.pid, name)))
			continue;
		if (!choose_thread(&facts) && is_ours_and_lives(&facts) &&
		    is_wanted(&facts, context))
			r = vec_push(out, facts.pid);
	}
	closedir(folder);
	if (out->n)
		qsort(out->items, out->n, sizeof(*out->items), compare_ids);
	return r;
}

static bool is_any(struct process_facts *facts, const void *unused)
{
	(void)facts;
	(void)unused;
	return true;
}

static bool has_name(struct process_facts *facts, const void *wanted)
{
	read_program(facts);
	return is_named(facts, wanted);
}

int process_find(const char *name, process_vec *out)
{
	struct wanted_name wanted;

	if (!name)
		return find(NULL, is_any, NULL, out);
	find_command(name, &wanted);
	return find(&wanted, has_name, &wanted, out);
}

/* The time is the 22nd field of /proc/PID/stat, and the 20th after the name, which may hold
 * anything. */
uint64_t process_start_ticks(pid_t pid)
{
	_cleanup_(freep) void *memory = NULL;
	bool is_read = read_file(pid, "stat", STATUS_MAX, &memory) > 0 && memory;
	const char *at = is_read ? strrchr(memory, ')') : NULL;

	for (int field = 0; at && field < 20; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at, NULL, 10) : 0;
}

static bool is_recording(struct process_facts *facts, const void *prefix)
{
	read_program(facts);
	read_environment(facts);
	if (strcmp(facts->prefix, prefix) != 0 || facts->is_left_out ||
	    process_start_ticks(facts->pid) < process_start_ticks(getpid()))
		return false;
	read_maps(facts);
	return facts->has_library;
}

int process_find_recording(const char *prefix, process_vec *out)
{
	return find(NULL, is_recording, prefix, out);
}
