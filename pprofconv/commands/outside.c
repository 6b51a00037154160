/* SPDX-License-Identifier: MIT */
#include "commands/outside.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cursor.h"
#include "commands/relay.h"
#include "readers/reader.h"
#include "target/apart.h"
#include "target/core.h"
#include "target/snapshot.h"

#define DUMP_BYTES_MAX ((size_t)2 << 30)

int outside_pid(const char *input)
{
	struct cursor text = cursor_make(input, strlen(input));
	uint64_t pid;

	if (!cursor_accept_text(&text, "pid:"))
		return 0;
	pid = cursor_take_decimal(&text);
	return text.failed || !cursor_at_end(&text) || pid > INT_MAX ? 0 : (int)pid;
}

bool outside_is_wrong_pid(const char *input)
{
	return strncmp(input, "pid:", strlen("pid:")) == 0 && !outside_pid(input);
}

/* --- reading ------------------------------------------------------------------------------- */

/* What a child writes, before the text of the dump. */
struct answer {
	int32_t r, task;
	bool is_refused; /* the kernel does not let us read it */
	char message[DIAG_TEXT_MAX];
};

struct reading {
	int pid; /* 0: a core */
	int fd;  /* of a core */
	bool is_stopped;
	struct hp_apart_user user;
};

static int open_target(const struct reading *reading, struct hp_target **out)
{
	return reading->pid ? hp_target_open_process(reading->pid, out)
			    : hp_target_open_core(reading->fd, out);
}

/* Stops the target's threads if that is asked for, and gives up rights. */
static int prepare(const struct reading *reading, struct hp_target *target)
{
	int r = reading->is_stopped ? hp_target_stop(target) : 0;

	if (r || !reading->user.is_other)
		return r;
	r = hp_target_keep_open(target);
	if (!r && (r = hp_apart_become(&reading->user)))
		r = hp_target_error(target, "can't become user %u: %s", reading->user.uid,
				    strerror(-r));
	return r;
}

/* Prints the target's tables as a dump. Sets the answer, with a message unless r is 0. */
static void dump(const struct reading *reading, struct answer *answer, char **out_text,
		 size_t *out_size)
{
	struct hp_target *target;

	*answer = (struct answer){.r = open_target(reading, &target)};
	if (!target) {
		snprintf(answer->message, sizeof(answer->message), "%s", strerror(ENOMEM));
		answer->r = HP_TARGET_E;
		return;
	}
	answer->task = target->task;
	if (!answer->r)
		answer->r = prepare(reading, target);
	if (!answer->r)
		answer->r = hp_snapshot_dump(target, out_text, out_size, NULL);
	answer->is_refused = target->is_refused;
	snprintf(answer->message, sizeof(answer->message), "%s", target->message);
	hp_target_close(target);
}

static int dump_in_child(int out, void *context)
{
	struct reading *reading = context;
	struct answer answer;
	size_t size = 0;
	char *text = NULL;

	reading->fd = HP_APART_KEPT;
	dump(reading, &answer, &text, &size);
	return hp_apart_write(out, &answer, sizeof(answer)) && hp_apart_write(out, text, size) ? 0
											       : 1;
}

/* Sets *out_text to the answer and the text after it. */
static int dump_apart(struct reading *reading, struct answer *answer, char **out_text,
		      size_t *out_size, struct diag *diag)
{
	struct hp_apart apart = {
		.work = dump_in_child,
		.context = reading,
		.kept = reading->pid ? -1 : reading->fd,
		.waits_max = reading->user.is_other ? HP_APART_WAITS_MAX : 0,
		.max_bytes = DUMP_BYTES_MAX,
	};

	if (!hp_apart_run(&apart, out_text, out_size))
		return diag_error(diag, READER_E_UNSUPPORTED, "can't be read: %s", apart.why);
	if (*out_size < sizeof(*answer))
		return diag_error(diag, READER_E_UNSUPPORTED, "the child that reads it has failed");
	memcpy(answer, *out_text, sizeof(*answer));
	answer->message[sizeof(answer->message) - 1] = '\0';
	*out_size -= sizeof(*answer);
	memmove(*out_text, *out_text + sizeof(*answer), *out_size);
	return 0;
}

static int read_target(struct reading *reading, int *out_task, char **out_text, size_t *out_size,
		       struct diag *diag)
{
	struct answer answer = {0};
	int r = 0;

	if (reading->is_stopped || reading->user.is_other)
		r = dump_apart(reading, &answer, out_text, out_size, diag);
	else
		dump(reading, &answer, out_text, out_size);
	*out_task = answer.task;
	if (!r && answer.r)
		r = diag_error(diag, answer.is_refused ? -EPERM : READER_E_UNSUPPORTED, "%s",
			       answer.message);
	return r;
}

int outside_read_directly(int pid, int *out_task, char **out_text, size_t *out_size,
			  struct diag *diag)
{
	struct reading reading = {.pid = pid, .fd = -1};

	hp_apart_user_of_process(pid, &reading.user);
	return read_target(&reading, out_task, out_text, out_size, diag);
}

int outside_read_stopped(int pid, int *out_task, char **out_text, size_t *out_size,
			 struct diag *diag)
{
	struct reading reading = {.pid = pid, .fd = -1, .is_stopped = true};

	hp_apart_user_of_process(pid, &reading.user);
	return read_target(&reading, out_task, out_text, out_size, diag);
}

int outside_read_process(int pid, int *out_task, char **out_text, size_t *out_size,
			 struct diag *diag)
{
	struct diag refusal = {.file = diag->file};
	int r = outside_read_directly(pid, out_task, out_text, out_size, &refusal), relayed;

	if (r != -EPERM ||
	    (relayed = relay_ask(pid, out_task, out_text, out_size, diag)) == RELAY_NONE) {
		snprintf(diag->error, sizeof(diag->error), "%s", refusal.error);
		relayed = r;
	}
	diag_deinit(&refusal);
	return relayed;
}

bool outside_is_core(struct input *input)
{
	struct cursor head = input_head(input, HP_CORE_HEAD_SIZE);

	return hp_core_is_head(head.at, cursor_left(&head));
}

size_t outside_cut_size(struct input *input)
{
	struct cursor head = input_head(input, HP_CORE_HEAD_SIZE);
	size_t size = cursor_left(&head);

	return size < HP_CORE_HEAD_SIZE && cursor_accept_text(&head, ELFMAG) ? size : 0;
}

/* --- what is packed ------------------------------------------------------------------------ */

#define HOLE_SIZE 4096

static int open_spool(struct diag *diag)
{
	const char *folder = getenv("TMPDIR");
	int fd;

	if (!folder || !folder[0])
		folder = "/var/tmp";
	fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		diag_error(diag, -errno,
			   "cannot create a temporary file in %s: %s; set TMPDIR to another folder",
			   folder, strerror(errno));
	return fd;
}

static bool is_zero(const char *bytes, size_t size)
{
	return size > 0 && bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

/* Large parts of memory are zero: these become holes. */
static int write_at(int fd, const char *bytes, size_t size, off_t offset)
{
	while (size > 0) {
		size_t some = HOLE_SIZE - (size_t)offset % HOLE_SIZE;
		ssize_t n;

		if (some > size)
			some = size;
		n = is_zero(bytes, some) ? (ssize_t)some : pwrite(fd, bytes, some, offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		offset += n;
		size -= (size_t)n;
	}
	return 0;
}

static int fill_spool(int fd, struct input *input, struct diag *diag)
{
	struct cursor some;
	off_t size = 0;
	int r = 0;

	while (!r && !(r = input_take_some(input, &some)) && cursor_left(&some)) {
		r = write_at(fd, some.at, cursor_left(&some), size);
		size += (off_t)cursor_left(&some);
		if (r)
			diag_error(diag, r, "can't unpack it: %s", strerror(-r));
	}
	if (!r && ftruncate(fd, size) != 0)
		r = diag_errno(diag, -errno);
	return r;
}

/* Gives the copy of a core the time of the file at `path`: the dump in a core has the time of the
 * core's file. */
static void copy_time(int fd, const char *path)
{
	struct stat status;

	if (stat(path, &status) == 0 && S_ISREG(status.st_mode))
		futimens(fd, (struct timespec[]){status.st_atim, status.st_mtim});
}

/* A core of root may be that of another user's process. */
static void user_of_core(int fd, const char *path, struct hp_apart_user *out)
{
	struct stat status;

	if (stat(path, &status) && fstat(fd, &status))
		status = (struct stat){0};
	hp_apart_user_of_file(status.st_uid, status.st_gid, out);
}

int outside_read_core(struct input *input, char **out_text, size_t *out_size, struct diag *diag)
{
	struct reading reading = {0};
	int fd = input_file(input), task, r;

	if (fd < 0) {
		fd = open_spool(diag);
		if (fd < 0)
			return READER_E_UNSUPPORTED;
		r = fill_spool(fd, input, diag);
		if (r) {
			close(fd);
			return r;
		}
		copy_time(fd, diag->file);
	}
	reading.fd = fd;
	user_of_core(fd, diag->file, &reading.user);
	r = read_target(&reading, &task, out_text, out_size, diag);
	if (reading.user.is_other)
		close(fd); /* the child had a copy of it */
	return r;
}
