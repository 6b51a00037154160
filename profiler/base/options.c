/* SPDX-License-Identifier: MIT */
#include "base/options.h"
#include "base/report.h"
#include <signal.h>
#include <string.h>

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

#define SAMPLE_INTERVAL_MAX (1024 * GIB)

static const char *const interval_names[] = {"auto", NULL}; /* HP_SAMPLE_INTERVAL_AUTO */
static const char *const keep_names[] = {"newest", "spread", NULL};
static const char *const unwinder_names[] = {"libunwind", "frame-pointer", NULL};
static const char *const verbose_names[] = {"0", "1", "auto", NULL};

#define AT(field) offsetof(struct hp_options, field)

const struct hp_option hp_option_table[] = {
	{"HEAP_PROFILE_PROGRAM", HP_OPTION_TEXT, AT(program), 0, 0, 0, "every program", NULL,
	 "Only processes whose program has this name record. All others behave as if HEAPPROFILE "
	 "were unset, and pass the environment on: so a wrapper such as timeout(1), make(1) or a "
	 "shell writes no dumps, and the program under it owns the plain names. The name is the "
	 "last component of the executable's path, links resolved, or of argv[0]: python3.11 and "
	 "python3. A script has the name of its interpreter. The value is a pattern, or several "
	 "with commas between them: * matches any characters, ? matches one, [a-z] and [!a-z] "
	 "match one of a set, and a backslash takes the next character literally. The part up to a "
	 "pattern's last slash is ignored. A list that begins with ! names the programs that do "
	 "not record, as in !sh,make. An exec in place is checked anew; a forked child does as "
	 "its parent. HeapProfilerStart() works in any program."},
	{"HEAP_PROFILE_SAMPLE_INTERVAL", HP_OPTION_SIZE, AT(sample_interval), 512 * KIB, 1,
	 SAMPLE_INTERVAL_MAX, "512K", interval_names,
	 "The mean number of allocated bytes between two samples. 1 records every allocation. "
	 "auto begins with 1 and doubles the interval as samples accumulate, up to 512K. See The "
	 "sample interval. If it is unset, TCMALLOC_SAMPLE_PARAMETER is used, unless that is 0."},
	{"HEAP_PROFILE_ALLOCATION_INTERVAL", HP_OPTION_SIZE, AT(allocation_interval), GIB, 0,
	 UINT64_MAX, "1G", NULL,
	 "Dump each time this many bytes have been allocated. 0 is off, here and below. Each dump "
	 "by an interval of bytes also restarts the other two intervals, as in gperftools."},
	{"HEAP_PROFILE_DEALLOCATION_INTERVAL", HP_OPTION_SIZE, AT(deallocation_interval), 0, 0,
	 UINT64_MAX, "0", NULL, "Dump each time this many bytes have been freed."},
	{"HEAP_PROFILE_INUSE_INTERVAL", HP_OPTION_SIZE, AT(inuse_interval), 100 * MIB, 0,
	 UINT64_MAX, "100M", NULL,
	 "Dump when the bytes in use exceed their last high-water mark by this many bytes."},
	{"HEAP_PROFILE_RSS_INTERVAL", HP_OPTION_SIZE, AT(rss_interval), 0, 0, UINT64_MAX, "0", NULL,
	 "Dump when the resident memory of the process exceeds its last mark by this many bytes: "
	 "evidence before the out-of-memory killer comes. A thread that has allocated or freed 32 "
	 "KiB looks at the resident memory, at most once a second."},
	{"HEAP_PROFILE_TIME_INTERVAL", HP_OPTION_NUMBER, AT(time_interval), 0, 0, 1000000000, "0",
	 NULL,
	 "Dump each time this many seconds have passed. A thread that has allocated or freed 32 "
	 "KiB looks at the clock: a program that does neither writes no dump by time, nor by "
	 "resident memory."},
	{"HEAPPROFILESIGNAL", HP_OPTION_SIGNAL, AT(dump_signal), 0, 1, 64, "unset", NULL,
	 "A signal, by number or name, that asks for a dump: 12, USR2, SIGUSR2, SIGRTMIN+1. The "
	 "library takes it only if the program has left it at its default action at start. Signals "
	 "that report a fault, such as SEGV and ABRT, are refused. The handler writes the dump, in "
	 "the thread in which the kernel runs it."},
	{"HEAP_PROFILE_EXIT_DUMP", HP_OPTION_BOOLEAN, AT(exit_dump), 1, 0, 1, "1", NULL,
	 "Write a last dump at exit, after the destructors of the program and its libraries; also "
	 "on quick_exit(3), and on _exit(2) where the library sees the call."},
	{"HEAP_PROFILE_MAX_DUMPS", HP_OPTION_NUMBER, AT(max_dumps), 200, 0, 1000000000, "200", NULL,
	 "How many dumps a process keeps: its first, and the newest of the others. Sessions that "
	 "follow each other under one prefix count together. 0 keeps all. A file that somebody put "
	 "in the place of an old dump stays."},
	{"HEAP_PROFILE_KEEP", HP_OPTION_CHOICE, AT(keep), HP_KEEP_NEWEST, 0, 0, "newest",
	 keep_names,
	 "Which dumps stay when there are more than HEAP_PROFILE_MAX_DUMPS. With newest, the first "
	 "and the newest stay. With spread, every second dump is removed, and all intervals "
	 "double. So a run of any length keeps dumps from its beginning to its end, evenly spaced, "
	 "and the longer the run, the rarer they are: HEAP_PROFILE_ALLOCATION_INTERVAL=1M "
	 "HEAP_PROFILE_MAX_DUMPS=64 keeps 33 to 64 dumps of a run that allocates more than 64M. "
	 "With spread at most 256 dumps stay."},
	{"HEAP_PROFILE_CLEANUP", HP_OPTION_BOOLEAN, AT(cleanup), 0, 0, 1, "0", NULL,
	 "Remove the dumps of earlier runs, PREFIX.NNNN.heap, at start. Files that are not dumps "
	 "stay, and so do dumps of the same process before an exec. Temporary files of processes "
	 "that died while they wrote a dump are removed as well."},
	{"HEAP_PROFILE_STACK_DEPTH", HP_OPTION_NUMBER, AT(stack_depth), 64, 1, HP_STACK_DEPTH_MAX,
	 "64", NULL,
	 "How many frames of a stack are recorded, from the allocating function outward. The field "
	 "stacks_cut of a dump is the number of its samples that have more."},
	{"HEAP_PROFILE_UNWINDER", HP_OPTION_CHOICE, AT(unwinder), HP_UNWINDER_LIBUNWIND, 0, 0,
	 "libunwind", unwinder_names,
	 "How stacks are walked. libunwind reads the unwind tables that every Debian binary has. "
	 "frame-pointer follows %rbp, for code built with -fno-omit-frame-pointer. Where %rbp "
	 "leads nowhere, as it may in the C library, the tables are read in this case too; where "
	 "it leads past a caller, that caller is missing from the stack."},
	{"HEAP_PROFILE_MMAP", HP_OPTION_BOOLEAN, AT(record_mmap), 0, 0, 1, "0", NULL,
	 "Record calls of mmap(2), mremap(2), munmap(2), mprotect(2) and sbrk(2) as well, except "
	 "those of the allocator itself. See Mappings."},
	{"HEAP_PROFILE_ONLY_MMAP", HP_OPTION_BOOLEAN, AT(only_mmap), 0, 0, 1, "0", NULL,
	 "Record these calls only, and not the heap."},
	{"HEAP_PROFILE_MEMORY_LIMIT", HP_OPTION_SIZE, AT(memory_limit), 256 * MIB, 4 * MIB,
	 UINT64_C(1) << 44, "256M", NULL,
	 "How much memory the profiler may take for itself. Samples that no longer fit are dropped "
	 "and counted. A dump that is being written takes memory for a copy of the counts in "
	 "addition; with exact recording that is up to a third more."},
	{"HEAP_PROFILE_SEED", HP_OPTION_NUMBER, AT(seed), 0, 1, UINT64_MAX, "random", NULL,
	 "The seed of the sampler's random numbers, for runs that can be repeated."},
	{"HEAP_PROFILE_CMDLINE", HP_OPTION_BOOLEAN, AT(cmdline), 1, 0, 1, "1", NULL,
	 "0 leaves the command line out of the dumps, which may travel further than the program."},
	{"HEAP_PROFILE_VERBOSE", HP_OPTION_CHOICE, AT(verbose), HP_VERBOSE_AUTO, 0, 0, "auto",
	 verbose_names,
	 "1 writes a line on standard error for each dump; 0 writes errors only; auto means 1 if "
	 "standard error is a terminal, else 0."},
};

const size_t hp_n_options = sizeof(hp_option_table) / sizeof(hp_option_table[0]);

/* number = digit+. Returns true and sets *out to the number and *end to the character after it;
 * returns false if there are no digits or the number exceeds 64 bits. */
static bool parse_digits(const char *text, uint64_t *out, const char **end)
{
	uint64_t value = 0;

	if (*text < '0' || *text > '9')
		return false;
	for (; *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
			return false;
	*out = value;
	*end = text;
	return true;
}

/* size = number [ "K" | "M" | "G" ] [ "B" | "iB" ], in upper or lower case */
static bool parse_size(const char *text, uint64_t *out)
{
	uint64_t unit = 1;

	if (!parse_digits(text, out, &text))
		return false;
	switch (*text) {
	case 'k':
	case 'K':
		unit = KIB;
		break;
	case 'm':
	case 'M':
		unit = MIB;
		break;
	case 'g':
	case 'G':
		unit = GIB;
		break;
	}
	if (unit > 1)
		text++;
	if (unit > 1 && *text == 'i')
		text++;
	if (*text == 'B' || *text == 'b')
		text++;
	return *text == '\0' && !__builtin_mul_overflow(*out, unit, out);
}

static bool parse_number(const char *text, uint64_t *out)
{
	return parse_digits(text, out, &text) && *text == '\0';
}

static bool parse_boolean(const char *text, uint64_t *out)
{
	static const char *const words[][2] = {{"0", "1"},    {"no", "yes"}, {"false", "true"},
					       {"off", "on"}, {"n", "y"},    {"f", "t"}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		for (uint64_t value = 0; value < 2; value++)
			if (strcasecmp(text, words[i][value]) == 0) {
				*out = value;
				return true;
			}
	return false;
}

/* real-time-signal = ( "RTMIN" [ "+" number ] | "RTMAX" [ "-" number ] ). RTMIN is the C library's
 * SIGRTMIN: the C library keeps the kernel's first real-time signals for itself. */
static bool parse_real_time_signal(const char *text, uint64_t *out)
{
	bool is_from_min = strncasecmp(text, "RTMIN", 5) == 0;
	uint64_t n = 0, n_signals = SIGRTMAX - SIGRTMIN;

	if (!is_from_min && strncasecmp(text, "RTMAX", 5) != 0)
		return false;
	text += 5;
	if (*text != '\0' && (*text != (is_from_min ? '+' : '-') || !parse_number(text + 1, &n)))
		return false;
	if (n > n_signals)
		return false;
	*out = is_from_min ? SIGRTMIN + n : SIGRTMAX - n;
	return true;
}

/* Linux's names, without SIG. (The C library's function for them is new in glibc 2.32.) */
static const char *const signal_names[] = {
	[SIGHUP] = "HUP",   [SIGINT] = "INT",       [SIGQUIT] = "QUIT", [SIGILL] = "ILL",
	[SIGTRAP] = "TRAP", [SIGABRT] = "ABRT",     [SIGBUS] = "BUS",   [SIGFPE] = "FPE",
	[SIGKILL] = "KILL", [SIGUSR1] = "USR1",     [SIGSEGV] = "SEGV", [SIGUSR2] = "USR2",
	[SIGPIPE] = "PIPE", [SIGALRM] = "ALRM",     [SIGTERM] = "TERM", [SIGSTKFLT] = "STKFLT",
	[SIGCHLD] = "CHLD", [SIGCONT] = "CONT",     [SIGSTOP] = "STOP", [SIGTSTP] = "TSTP",
	[SIGTTIN] = "TTIN", [SIGTTOU] = "TTOU",     [SIGURG] = "URG",   [SIGXCPU] = "XCPU",
	[SIGXFSZ] = "XFSZ", [SIGVTALRM] = "VTALRM", [SIGPROF] = "PROF", [SIGWINCH] = "WINCH",
	[SIGPOLL] = "POLL", [SIGPWR] = "PWR",       [SIGSYS] = "SYS",
};

/* signal = number | [ "SIG" ] ( abbreviation | real-time-signal ) */
static bool parse_signal(const char *text, uint64_t *out)
{
	if (parse_number(text, out))
		return true;
	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	for (int signal = 1; signal <= SIGSYS; signal++) {
		const char *name = signal_names[signal];

		if (name && strcasecmp(name, text) == 0) {
			*out = signal;
			return true;
		}
	}
	return parse_real_time_signal(text, out);
}

/* Returns false for signals that report a fault, because a handler would return to the faulting
 * instruction, and the crash would never end; for SIGABRT, which ends a program that has found an
 * error in itself; for SIGKILL and SIGSTOP, which can't be handled; and for signals from 32 to
 * below SIGRTMIN, because the C library uses them. */
static bool can_ask_for_dumps(uint64_t signal)
{
	static const uint8_t others[] = {SIGSEGV, SIGBUS,  SIGFPE,  SIGILL, SIGTRAP,
					 SIGSYS,  SIGABRT, SIGKILL, SIGSTOP};

	return !memchr(others, (int)signal, sizeof(others)) &&
	       (signal < 32 || signal >= (uint64_t)SIGRTMIN);
}

static bool parse_choice(const char *text, const char *const *choices, uint64_t *out)
{
	for (uint64_t i = 0; choices[i]; i++)
		if (strcmp(choices[i], text) == 0) {
			*out = i;
			return true;
		}
	return false;
}

static bool parse_value(const struct hp_option *option, const char *text, uint64_t *out)
{
	switch (option->kind) {
	case HP_OPTION_SIZE:
		return parse_size(text, out);
	case HP_OPTION_NUMBER:
		return parse_number(text, out);
	case HP_OPTION_BOOLEAN:
		return parse_boolean(text, out);
	case HP_OPTION_SIGNAL:
		return parse_signal(text, out);
	case HP_OPTION_CHOICE:
		return parse_choice(text, option->choices, out);
	case HP_OPTION_TEXT:
		break;
	}
	return false;
}

static void report_bad_value(const struct hp_option *option, const char *text, const char *problem)
{
	HP_TEXT_LOCAL(line, 512);

	hp_text_string(&line, option->name);
	hp_text_string(&line, "='");
	hp_text_escaped(&line, text, strlen(text), 64);
	hp_text_string(&line, "': ");
	hp_text_string(&line, problem);
	hp_text_string(&line, "; using the default, ");
	hp_text_string(&line, option->default_text);
	hp_report_text(&line);
}

static uint64_t *value_at(struct hp_options *options, const struct hp_option *option)
{
	return (uint64_t *)((char *)options + option->offset);
}

static void read_text(struct hp_options *out, const struct hp_option *option, const char *text)
{
	size_t size = text ? strlen(text) + 1 : 0;

	if (size > HP_OPTION_TEXT_SIZE)
		report_bad_value(option, text, "too long");
	else if (text)
		memcpy((char *)out + option->offset, text, size);
}

/* Returns what is wrong with the value `text`, or NULL if it is valid. */
static const char *problem_of(const struct hp_option *option, const char *text, uint64_t *out)
{
	uint64_t value;

	if (option->kind == HP_OPTION_SIZE && option->choices &&
	    parse_choice(text, option->choices, out))
		return NULL;
	if (!parse_value(option, text, &value))
		return "invalid value";
	if (option->kind != HP_OPTION_CHOICE && (value < option->min || value > option->max))
		return "out of range";
	if (option->kind == HP_OPTION_SIGNAL && !can_ask_for_dumps(value))
		return "this signal can't be caught, or reports a fault";
	*out = value;
	return NULL;
}

static void read_option(struct hp_options *out, const struct hp_option *option, const char *text)
{
	const char *problem;

	if (option->kind == HP_OPTION_TEXT) {
		read_text(out, option, text);
		return;
	}
	*value_at(out, option) = option->default_value;
	if (!text || *text == '\0')
		return;
	problem = problem_of(option, text, value_at(out, option));
	if (problem && !out->is_left_out)
		report_bad_value(option, text, problem);
}

/* Reads tcmalloc's variable for the sample interval; call it if our variable is not set. A value
 * that is invalid for us was meant for tcmalloc, so it is ignored. */
static void read_tcmalloc_interval(struct hp_options *out, const char *text)
{
	uint64_t value;

	if (text && parse_number(text, &value) && value > 0 && value <= SAMPLE_INTERVAL_MAX)
		out->sample_interval = value;
}

void hp_options_read(struct hp_options *out, const char *(*get)(const char *name),
		     bool (*is_called)(const char *list))
{
	const char *prefix = get("HEAPPROFILE");
	size_t size = prefix ? strlen(prefix) + 1 : 0;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < hp_n_options; i++) {
		read_option(out, &hp_option_table[i], get(hp_option_table[i].name));
		if (i == 0) /* HEAP_PROFILE_PROGRAM: it decides whether errors in the others are
			       reported */
			out->is_left_out = out->program[0] && !is_called(out->program);
	}
	if (!get("HEAP_PROFILE_SAMPLE_INTERVAL"))
		read_tcmalloc_interval(out, get("TCMALLOC_SAMPLE_PARAMETER"));
	if (out->is_left_out)
		return;
	if (size > sizeof(out->prefix))
		hp_report("HEAPPROFILE: longer than a path can be; not profiling");
	else if (prefix)
		memcpy(out->prefix, prefix, size);
}

void hp_options_leave_out_dumps(struct hp_options *options)
{
	options->exit_dump = false;
	options->allocation_interval = options->deallocation_interval = 0;
	options->inuse_interval = options->rss_interval = options->time_interval = 0;
}
