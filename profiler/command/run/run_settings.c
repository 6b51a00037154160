/* SPDX-License-Identifier: MIT */
#include "command/run/run_settings.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/name_pattern.h"
#include "command/duration.h"
#include "command/find_library.h"
#include "command/inspect_program.h"
#include "command/run/preload_link.h"

#define INTERVAL_MAX (UINT64_C(1) << 40) /* what the library takes */

/* --- wrappers ------------------------------------------------------------------------------ */

const char run_wrappers[] =
	"sh,bash,dash,zsh,ksh,mksh,fish,tcsh,busybox,env,make,gmake,ninja,timeout,nice,ionice,"
	"nohup,setsid,stdbuf,taskset,chrt,numactl,time,xargs,parallel,flock,script,strace,ltrace,"
	"perf,setarch,linux64,chroot,unshare,nsenter,prlimit,runuser,setpriv,tini,dumb-init,"
	"catatonit,heapprof";

bool run_is_wrapper(const char *name)
{
	size_t size = strcspn(name, ",");

	if (!size || name[size])
		return false;
	for (const char *at = run_wrappers;; at++) {
		if (strncmp(at, name, size) == 0 && (at[size] == ',' || !at[size]))
			return true;
		at = strchr(at, ',');
		if (!at)
			return false;
	}
}

/* Returns whether the patterns match the name of the file, of the file that a link leads to, or of
 * the command. The library compares the same names. */
static bool is_named(const char *patterns, const char *path, const char *command)
{
	char file[PATH_MAX];

	return hp_name_pattern_matches(patterns, program_base_name(path)) ||
	       hp_name_pattern_matches(patterns, program_base_name(command)) ||
	       (realpath(path, file) && hp_name_pattern_matches(patterns, program_base_name(file)));
}

bool run_leaves_out(const char *path, const char *command)
{
	const char *patterns = getenv("HEAP_PROFILE_PROGRAM");
	bool is_negated = patterns && *patterns == '!';

	if (!patterns)
		return is_named(run_wrappers, path, command);
	return *patterns && is_named(patterns + is_negated, path, command) == is_negated;
}

/* --- the prefix ---------------------------------------------------------------------------- */

static void put_literally(FILE *stream, const char *text)
{
	for (; *text; text++)
		fputs(*text == '%' ? "%%" : (char[]){*text, '\0'}, stream);
}

char *run_make_absolute(const char *prefix, bool is_literal)
{
	_cleanup_(freep) void *current = *prefix == '/' ? NULL : getcwd(NULL, 0);
	char *text;
	size_t size;
	FILE *stream;

	if (*prefix != '/' && !current)
		return NULL;
	stream = open_memstream(&text, &size);
	if (!stream)
		return NULL;
	if (current) {
		put_literally(stream, current);
		putc('/', stream);
	}
	if (is_literal)
		put_literally(stream, prefix);
	else
		fputs(prefix, stream);
	return fclose(stream) == 0 ? text : NULL;
}

static bool is_folder(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

int run_check_folder(const char *folder)
{
	struct stat status;

	if (stat(folder, &status) < 0 && errno == ENOENT)
		return command_error(
			"%s: the folder of the dumps does not exist; make it with 'mkdir -p'",
			folder);
	if (!is_folder(folder))
		return command_error("%s: %s; name another folder for the dumps with --dumps",
				     folder, strerror(ENOTDIR));
	if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) < 0)
		return command_error("%s: %s; name another folder for the dumps with --dumps",
				     folder, strerror(errno));
	return EXIT_DONE;
}

/* Takes the prefix of --dumps, else that of the environment. If there is neither,
 * make_temporary_prefix() makes one later. */
static int find_place(struct run_plan *plan)
{
	const char *given = plan->settings->dumps ? plan->settings->dumps : getenv("HEAPPROFILE");

	plan->is_temporary = !given || !*given;
	if (plan->settings->dumps && !*given)
		return command_error("--dumps: the prefix is empty; name one such as /tmp/app");
	if (plan->is_temporary)
		return EXIT_DONE;
	plan->prefix = run_make_absolute(given, false /* it may have expansions */);
	if (!plan->prefix)
		return command_error("%s: %s", given, strerror(errno));
	plan->is_place_known =
		dump_place_parse(&plan->place, plan->prefix, is_folder(plan->prefix));
	return plan->is_place_known ? run_check_folder(plan->place.folder) : EXIT_DONE;
}

/* --- the plan ------------------------------------------------------------------------------ */

static int parse_options(struct run_plan *plan)
{
	const struct run_settings *settings = plan->settings;

	bool has_interval = settings->interval != INTERVAL_NOT_GIVEN;

	if (settings->is_exact && has_interval)
		return command_error("--exact and --interval exclude each other; give one");
	if (has_interval && (settings->interval < 1 || settings->interval > INTERVAL_MAX))
		return command_error("--interval: out of range; expected 1 to 1024G");
	if (settings->every && !duration_parse(settings->every, &plan->every_seconds))
		return command_error("--every: invalid time '%s'; expected one such as 60s, 5m or "
				     "1h",
				     settings->every);
	return EXIT_DONE;
}

/* HEAPCHECK = "normal" | "strict"; gperftools has more values, which mean nothing here */
static int begin_leak_check(struct run_plan *plan)
{
	const char *value = getenv("HEAPCHECK");
	bool is_strict = value && strcmp(value, "strict") == 0;

	plan->leak_check = leaks_defaults;
	plan->leak_check.is_strict = is_strict;
	if (!is_strict && (!value || strcmp(value, "normal") != 0))
		return EXIT_DONE;
	return leak_server_new(&plan->leak_check, &plan->leaks);
}

int run_plan_init(struct run_plan *plan, const struct run_settings *settings)
{
	int options, library, place, leaks;

	*plan = (struct run_plan){.settings = settings};
	options = parse_options(plan);
	library = library_find(plan->library);
	place = find_place(plan);
	leaks = begin_leak_check(plan);
	return options || library || place || leaks ? EXIT_BAD : EXIT_DONE;
}

/* Makes a folder from a template of mkdtemp(3). */
static int make_folder(char *folder)
{
	return mkdtemp(folder) ? EXIT_DONE
			       : command_error("can't make a temporary folder %s: %s", folder,
					       strerror(errno));
}

static int make_temporary_prefix(struct run_plan *plan)
{
	const char *parent = getenv("TMPDIR");
	char path[PATH_MAX];
	int status;

	if (!parent || *parent != '/')
		parent = "/tmp";
	if (snprintf(path, sizeof(path), "%s/heapprof-XXXXXX", parent) >= (int)sizeof(path))
		return command_error("TMPDIR: %s", strerror(ENAMETOOLONG));
	status = make_folder(path);
	if (status)
		return status;
	strncat(path, "/", sizeof(path) - strlen(path) - 1);
	plan->prefix = run_make_absolute(path, true /* no expansions */);
	if (!plan->prefix)
		return command_error("%s", strerror(errno));
	plan->is_place_known = dump_place_parse(&plan->place, plan->prefix, true /* a folder */);
	return EXIT_DONE;
}

int run_plan_make_folders(struct run_plan *plan)
{
	int status = plan->is_temporary ? make_temporary_prefix(plan) : EXIT_DONE;

	return status ? status : preload_link_replace(plan->library);
}

void run_plan_deinit(struct run_plan *plan)
{
	free(plan->prefix);
	leak_server_free(plan->leaks);
}

/* --- the environment ----------------------------------------------------------------------- */

static void set_number(const char *name, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	setenv(name, text, true /* overwrite */);
}

void run_preload(const char *library)
{
	const char *present = getenv("LD_PRELOAD");
	char *both;

	if (!present || !*present || asprintf(&both, "%s:%s", library, present) < 0) {
		setenv("LD_PRELOAD", library, true /* overwrite */);
		return;
	}
	setenv("LD_PRELOAD", both, true /* overwrite */);
	free(both);
}

/* Returns whether the environment says when dumps are written, or which are kept. */
static bool has_dump_settings(void)
{
	static const char *const names[] = {
		"HEAP_PROFILE_ALLOCATION_INTERVAL",
		"HEAP_PROFILE_DEALLOCATION_INTERVAL",
		"HEAP_PROFILE_INUSE_INTERVAL",
		"HEAP_PROFILE_RSS_INTERVAL",
		"HEAP_PROFILE_TIME_INTERVAL",
		"HEAP_PROFILE_MAX_DUMPS",
		"HEAP_PROFILE_KEEP",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (getenv(names[i]))
			return true;
	return false;
}

/* By default a run of any length leaves 32 to 64 dumps, evenly spaced by allocated bytes. Dumps by
 * time are written from outside (run_reader.h). */
static void set_when_to_dump(uint64_t every_seconds)
{
	if (has_dump_settings() && !every_seconds)
		return;
	if (every_seconds) {
		unsetenv("HEAP_PROFILE_TIME_INTERVAL");
		setenv("HEAP_PROFILE_ALLOCATION_INTERVAL", "0", false /* keep */);
	} else {
		setenv("HEAP_PROFILE_ALLOCATION_INTERVAL", "1M", false /* keep */);
		setenv("HEAP_PROFILE_MAX_DUMPS", "64", false /* keep */);
		setenv("HEAP_PROFILE_KEEP", "spread", false /* keep */);
	}
	setenv("HEAP_PROFILE_INUSE_INTERVAL", "0", false /* keep */);
}

void run_leave_out_wrappers(void)
{
	char list[sizeof(run_wrappers) + 1];

	snprintf(list, sizeof(list), "!%s", run_wrappers);
	setenv("HEAP_PROFILE_PROGRAM", list, false /* keep */);
}

/* Keeps the caller's setting, unless it is empty. */
static void set_default_interval(const char *interval)
{
	const char *present = getenv("HEAP_PROFILE_SAMPLE_INTERVAL");

	if (!present || !present[0])
		setenv("HEAP_PROFILE_SAMPLE_INTERVAL", interval, true /* overwrite */);
}

void run_plan_set_environment(const void *context)
{
	const struct run_plan *plan = context;
	const struct run_settings *settings = plan->settings;

	run_preload(plan->library);
	setenv("HEAPPROFILE", plan->prefix, true /* overwrite */);
	if (settings->dumps || plan->is_temporary) /* not the present owner's prefix */
		unsetenv("HEAPPROF_OWNER");
	if (settings->is_exact)
		set_number("HEAP_PROFILE_SAMPLE_INTERVAL", 1);
	else if (settings->interval != INTERVAL_NOT_GIVEN)
		set_number("HEAP_PROFILE_SAMPLE_INTERVAL", settings->interval);
	else
		set_default_interval(plan->leaks ? "1" : "auto");
	if (plan->leaks)
		leak_server_set_environment(plan->leaks);
	set_when_to_dump(plan->every_seconds);
	run_leave_out_wrappers();
	setenv("HEAP_PROFILE_VERBOSE", "0", false /* keep */);
}
