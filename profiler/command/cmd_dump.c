/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analysis/leftover.h"
#include "base/input.h"
#include "command/commands.h"
#include "command/dump_writer.h"
#include "command/find_target.h"
#include "command/next_command.h"
#include "commands/command.h"
#include "reports/format.h"

struct dump_settings {
	struct settings common;
	const char *output; /* NULL if it is not given */
};

/* Writes the reading to the file that -o names or, without it, to PROGRAM.PID.NNNN.heap in the
 * current folder. */
static int write_reading(const struct dump_settings *settings, const struct found_target *target,
			 const struct reading *reading, char out_path[PATH_MAX])
{
	char prefix[NAME_MAX + 32];
	uint64_t number = 0;

	if (settings->output) {
		snprintf(out_path, PATH_MAX, "%s", settings->output);
		return dump_write_file(settings->output, reading->text, reading->size);
	}
	snprintf(prefix, sizeof(prefix), "./%s.%d", *target->program ? target->program : "process",
		 target->pid);
	return dump_write_numbered(prefix, &number, reading->text, reading->size, out_path);
}

/* Returns whether the process has another root folder, whose files pprofconv would not find. */
static bool has_other_root(const struct reading *reading)
{
	struct stat its, ours;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/root/", reading->task);
	return stat(path, &its) == 0 && stat("/", &ours) == 0 &&
	       (its.st_dev != ours.st_dev || its.st_ino != ours.st_ino);
}

static int report(const struct found_target *target, const struct reading *reading,
		  const struct profile *profile, char *path)
{
	char name[NAME_MAX + 32], input[32];
	const char *shown = strncmp(path, "./", 2) == 0 ? path + 2 : path;

	found_target_name(target, name, sizeof(name));
	command_error("%s: %s in use; the dump is %s", name,
		      format_value(leftover_find(profile).inuse, true).text, shown);
	if (!has_other_root(reading))
		return next_command_pprofconv(stderr, "top", &path, 1);
	snprintf(input, sizeof(input), "pid:%d", target->pid);
	command_error("its files are in another root folder, so names of functions are found while "
		      "it runs:");
	return next_command_pprofconv(stderr, "convert -o profile.pb.gz", (char *const[]){input},
				      1);
}

static int dump_target(const struct dump_settings *settings, const struct found_target *target)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	struct reading reading;
	char path[PATH_MAX];
	int status = settings->common.stop ? reading_init_stopped(&reading, target)
					   : reading_init(&reading, target);

	if (!status) {
		profile = reading_parse(&reading, target, &settings->common);
		status = profile ? write_reading(settings, target, &reading, path) : EXIT_BAD;
	}
	if (!status && !settings->common.quiet && strcmp(path, "-") != 0)
		status = report(target, &reading, profile, path);
	reading_deinit(&reading);
	return status;
}

static int run_dump(const struct settings *settings)
{
	struct found_target target;
	int status = target_find_only(settings, "dump", &target);

	if (status)
		return status;
	status = dump_target(SETTINGS_OF(struct dump_settings, settings), &target);
	found_target_deinit(&target);
	return status;
}

static const struct option_row options[] = {
	{"output", 'o', OPTION_TEXT, offsetof(struct dump_settings, output), "FILE",
	 "The file of the dump; - is standard output. A file that exists is replaced. The default "
	 "is a new file in the current folder: PROGRAM.PID.0001.heap or, if it exists, the next "
	 "number."},
	OPTION_ROW_STOP,
	OPTION_ROW_QUIET,
	OPTION_ROW_HELP,
	{0},
};

static const struct dump_settings defaults = {.common.max_input_bytes = INPUT_BYTES_LIMIT};

const struct command command_dump = {
	.name = "dump",
	.arguments = "PID|NAME",
	.summary = "write a dump of a process, from outside",
	.description = "Reads the profiler's tables in the memory of a process that has "
		       "libheapprof, and writes the dump that the process could write at this "
		       "moment. Nothing runs in the process and nothing is written into it, so it "
		       "may also hang or be stopped. It need not have HEAPPROFILE set, but it must "
		       "record. pprofconv reads such a process itself, as pid:PID.",
	.argument_kind = ARGUMENTS_TARGET,
	.options = options,
	.defaults = &defaults.common,
	.settings_size = sizeof(defaults),
	.run = run_dump,
};
