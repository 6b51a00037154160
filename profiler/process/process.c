/* SPDX-License-Identifier: MIT */
#include "process/process.h"
#include "base/file.h"
#include "base/name_pattern.h"
#include "base/sys.h"
#include <string.h>
#include <sys/auxv.h>
#include <sys/utsname.h>

enum {
	CMDLINE_SIZE = 4096 + 16,
	PAGE_BYTES = 4096
};

static char program[4096];
static char cmdline[CMDLINE_SIZE];
static size_t cmdline_size;
static struct utsname host;
static struct timespec start_clock, start_time;
static uint64_t start_ticks, run_id;

static uint64_t parse_decimal(const char *p)
{
	uint64_t value = 0;

	for (; *p >= '0' && *p <= '9'; p++)
		value = value * 10 + (uint64_t)(*p - '0');
	return value;
}

static const char *skip_words(const char *p, int n_words)
{
	while (n_words-- > 0 && p) {
		p = strchr(p, ' ');
		p += p != NULL;
	}
	return p;
}

/* stat = pid " (" name ") " state " " ... The name may contain anything, so fields are counted from
 * the last ")". The start time is field 22; see proc(5). */
static uint64_t read_start_ticks(void)
{
	char text[1024];
	const char *p;

	if (hp_file_read("/proc/self/stat", text, sizeof(text)) <= 0)
		return 0;
	p = strrchr(text, ')');
	p = p ? skip_words(p, 20) : NULL;
	return p ? parse_decimal(p) : 0;
}

static void draw_run_id(void)
{
	struct timespec now = hp_sys_clock(CLOCK_MONOTONIC);

	if (hp_sys_getrandom(&run_id, sizeof(run_id)) != sizeof(run_id))
		run_id = (uint64_t)now.tv_sec * 1000000007 ^ (uint64_t)now.tv_nsec << 20 ^
			 (uint64_t)hp_sys_getpid();
}

void hp_process_init(void)
{
	long n = hp_sys_readlink("/proc/self/exe", program, sizeof(program) - 1);

	program[n > 0 ? n : 0] = '\0';
	n = hp_file_read("/proc/self/cmdline", cmdline, sizeof(cmdline));
	cmdline_size = n > 0 ? n : 0;
	hp_sys3(SYS_uname, (long)&host, 0, 0);
	start_clock = hp_sys_clock(CLOCK_MONOTONIC);
	start_time = hp_sys_clock(CLOCK_REALTIME);
	start_ticks = read_start_ticks();
	draw_run_id();
}

const char *hp_process_program(void)
{
	return program;
}

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

const char *hp_process_name(void)
{
	const char *started = (const char *)getauxval(AT_EXECFN);

	return last_component(program[0] || !started ? program : started);
}

bool hp_process_is_called(const char *list)
{
	bool is_negated = *list == '!';

	list += is_negated;
	return is_negated != (hp_name_pattern_matches(list, hp_process_name()) ||
			      hp_name_pattern_matches(list, last_component(cmdline)));
}

const char *hp_process_host(void)
{
	return host.nodename;
}

const char *hp_process_cmdline(size_t *out_size)
{
	*out_size = cmdline_size;
	return cmdline;
}

uint64_t hp_process_start_seconds(void)
{
	return start_time.tv_sec;
}

uint64_t hp_process_uptime_ms(void)
{
	struct timespec now = hp_sys_clock(CLOCK_MONOTONIC);

	return (now.tv_sec - start_clock.tv_sec) * 1000 +
	       (now.tv_nsec - start_clock.tv_nsec) / 1000000;
}

uint64_t hp_process_start_ticks(void)
{
	return start_ticks;
}

uint64_t hp_process_run_id(void)
{
	return run_id;
}

void hp_process_next_run(void)
{
	run_id += HP_PROCESS_NEXT_RUN;
}

/* statm = size " " resident " " shared " " ..., in pages. "shared" counts the resident pages of
 * files and of shared memory; see proc(5). */
static struct hp_process_memory read_statm(const char *file)
{
	struct hp_process_memory memory = {0};
	char text[256];
	const char *p;

	if (hp_file_read(file, text, sizeof(text)) <= 0)
		return memory;
	p = skip_words(text, 1);
	memory.rss_bytes = p ? parse_decimal(p) * PAGE_BYTES : 0;
	p = skip_words(text, 2);
	uint64_t shared_bytes = p ? parse_decimal(p) * PAGE_BYTES : 0;

	if (memory.rss_bytes > shared_bytes)
		memory.anonymous_bytes = memory.rss_bytes - shared_bytes;
	return memory;
}

/* /proc/self shows the main thread's file, which contains zeroes after pthread_exit() in main();
 * then this thread's own file is read. */
struct hp_process_memory hp_process_memory(void)
{
	struct hp_process_memory memory = read_statm("/proc/self/statm");

	return memory.rss_bytes > 0 ? memory : read_statm("/proc/thread-self/statm");
}

void hp_process_after_fork(void)
{
	start_clock = hp_sys_clock(CLOCK_MONOTONIC);
	start_ticks = 0;
	draw_run_id();
}

const struct hp_view_row hp_process_view[] = {
	HP_VIEW_ARRAY("process.program", program),
	HP_VIEW_ARRAY("process.cmdline", cmdline),
	HP_VIEW_VARIABLE("process.cmdline_size", cmdline_size),
	HP_VIEW_VARIABLE("process.run_id", run_id),
	HP_VIEW_VARIABLE("process.start_clock", start_clock),
	HP_VIEW_VARIABLE("process.start_time", start_time),
	HP_VIEW_FIELD("timespec.tv_sec", struct timespec, tv_sec),
	HP_VIEW_FIELD("timespec.tv_nsec", struct timespec, tv_nsec),
};
