/* SPDX-License-Identifier: MIT */
#include "command/find_target.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "commands/command.h"
#include "commands/outside.h"

bool target_parse_id(const char *text, pid_t *out)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (text[strspn(text, "0123456789")] || !*text || value < 1 || value > INT_MAX)
		return false;
	*out = (pid_t)value;
	return true;
}

/* --- one process --------------------------------------------------------------------------- */

static const char *space_after(const char *command)
{
	return *command ? " " : "";
}

/* Checks the facts, which were read after the pidfd was opened, and stores them. */
static int check_facts(struct found_target *target, const struct process_facts *facts,
		       const char *command)
{
	const char *name = program_base_name(facts->program);

	if (facts->status.group != target->pid)
		return command_error("%d is a thread of process %d; type 'heapprof %s%s%d'",
				     target->pid, facts->status.group, command,
				     space_after(command), facts->status.group);
	if (facts->status.state == 'Z' || facts->status.state == 'X')
		return command_error("%d has ended and is a zombie: its parent has not waited for "
				     "it",
				     target->pid);
	if (!facts->status.has_memory)
		return command_error("%d is a kernel thread and has no heap", target->pid);
	target->uid = facts->status.uid;
	snprintf(target->program, sizeof(target->program), "%s", name);
	return EXIT_DONE;
}

static int open_process(pid_t pid, const char *command, struct found_target *out)
{
	_cleanup_(freep) void *memory = malloc(sizeof(struct process_facts));
	struct process_facts *facts = memory;
	int status;

	*out = (struct found_target){.pid = pid};
	if (!facts)
		return command_error("%s", strerror(ENOMEM));
	out->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (out->pidfd < 0 && errno != ESRCH && errno != EINVAL && errno != ENOENT)
		return command_error("%d: pidfd_open: %s", pid, strerror(errno));
	/* Without a pidfd, it may be a thread that is not the main one. */
	if (process_inspect(pid, facts) || (out->pidfd < 0 && facts->status.group == pid))
		status = command_error("no process %d", pid);
	else
		status = check_facts(out, facts, command);
	if (status && out->pidfd >= 0)
		close(out->pidfd);
	return status;
}

int target_open(pid_t pid, struct found_target *out, struct process_facts *out_facts)
{
	int r;

	*out = (struct found_target){.pid = pid};
	out->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (out->pidfd < 0)
		return -errno;
	r = process_inspect(pid, out_facts);
	if (!r && (out_facts->status.group != pid || !out_facts->status.has_memory))
		r = -ESRCH;
	if (r) {
		found_target_deinit(out);
		return r;
	}
	out->uid = out_facts->status.uid;
	snprintf(out->program, sizeof(out->program), "%s", program_base_name(out_facts->program));
	return 0;
}

/* --- names --------------------------------------------------------------------------------- */

static int refuse_several(const char *name, const process_vec *found, const char *command)
{
	command_error("%zu processes are named '%s'; give the ID of one:", found->n, name);
	vec_foreach (pid, found)
		fprintf(stderr, "heapprof %s%s%d\n", command, space_after(command), *pid);
	return EXIT_BAD;
}

/* Of several processes, keeps those that have the library, if some have it and some have not. */
static void keep_those_with_library(process_vec *found)
{
	_cleanup_(freep) void *memory = malloc(sizeof(struct process_facts));
	struct process_facts *facts = memory;
	size_t n = 0;

	for (size_t i = 0; facts && i < found->n; i++)
		if (!process_inspect(found->items[i], facts) && facts->has_library) {
			pid_t other = found->items[n];

			found->items[n++] = found->items[i];
			found->items[i] = other;
		}
	if (n)
		found->n = n;
}

static int refuse_file(const char *path)
{
	_cleanup_(freep) void *operand = shell_operand(path);

	if (access(path, X_OK) == 0)
		return command_error("%s is a file, not a process; to run a program, type "
				     "'heapprof run %s%s'",
				     path, strchr(path, '/') ? "" : "./",
				     operand ? (char *)operand : path);
	return command_error("%s is a file, not a process; to read a dump or a core, type "
			     "'pprofconv top %s'",
			     path, operand ? (char *)operand : path);
}

static int find_name(const char *name, const char *command, struct found_target *out)
{
	process_vec found = {0};
	int r = process_find(name, &found);
	int status;

	if (found.n > 1)
		keep_those_with_library(&found);
	if (r)
		status = command_error("/proc: %s", strerror(-r));
	else if (!found.n && access(name, F_OK) == 0)
		status = refuse_file(name);
	else if (!found.n)
		status = command_error("no process is named '%s'; check the name, or give the "
				       "process ID",
				       name);
	else if (found.n > 1)
		status = refuse_several(name, &found, command);
	else
		status = open_process(found.items[0], command, out);
	vec_deinit(&found);
	return status;
}

int target_find(const char *word, const char *command, struct found_target *out)
{
	pid_t pid;

	if (!*word)
		return command_error("the name is empty; give a process ID or a name");
	if (target_parse_id(word, &pid))
		return open_process(pid, command, out);
	if (!strchr(word, '/'))
		return find_name(word, command, out);
	if (access(word, F_OK) == 0)
		return refuse_file(word);
	return command_error("'%s' is neither a process ID nor a name", word);
}

int target_find_only(const struct settings *settings, const char *command, struct found_target *out)
{
	if (settings->n_inputs != 1)
		return command_error("expected one process ID or name; see 'heapprof %s%s--help'",
				     command, space_after(command));
	return target_find(settings->inputs[0], command, out);
}

void found_target_deinit(struct found_target *target)
{
	close(target->pidfd);
	target->pidfd = -1;
}

bool found_target_has_ended(const struct found_target *target)
{
	struct pollfd end = {.fd = target->pidfd, .events = POLLIN};

	return poll(&end, 1, 0) > 0;
}

void found_target_name(const struct found_target *target, char *out, size_t size)
{
	snprintf(out, size, *target->program ? "%d (%s)" : "%d", target->pid, target->program);
}

/* --- reading ------------------------------------------------------------------------------- */

typedef int read_function(int pid, int *out_task, char **out_text, size_t *out_size,
			  struct diag *diag);

static int read_by(read_function *function, struct reading *reading,
		   const struct found_target *target, struct diag *diag)
{
	int r;

	*reading = (struct reading){0};
	r = function(target->pid, &reading->task, &reading->text, &reading->size, diag);
	if (!found_target_has_ended(target))
		return r;
	reading_deinit(reading);
	diag->error[0] = '\0'; /* the end is the cause */
	return diag_error(diag, -ESRCH, "the process has ended");
}

int reading_try(struct reading *reading, const struct found_target *target, struct diag *diag)
{
	return read_by(outside_read_process, reading, target, diag);
}

static int read_and_print(read_function *function, struct reading *reading,
			  const struct found_target *target)
{
	char name[NAME_MAX + 32];
	struct diag diag = {.file = name};
	int r;

	found_target_name(target, name, sizeof(name));
	r = read_by(function, reading, target, &diag);
	diag_print(&diag, program_name(), true, stderr);
	diag_deinit(&diag);
	return r ? EXIT_BAD : EXIT_DONE;
}

int reading_init(struct reading *reading, const struct found_target *target)
{
	return read_and_print(outside_read_process, reading, target);
}

int reading_init_stopped(struct reading *reading, const struct found_target *target)
{
	return read_and_print(outside_read_stopped, reading, target);
}

void reading_deinit(struct reading *reading)
{
	free(reading->text);
	*reading = (struct reading){0};
}

struct profile *reading_parse(const struct reading *reading, const struct found_target *target,
			      const struct settings *settings)
{
	char name[NAME_MAX + 32];
	struct profile *profile;

	found_target_name(target, name, sizeof(name));
	profile = command_load_text(settings, name, reading->text, reading->size);
	if (profile)
		profile->process = reading->task;
	return profile;
}
