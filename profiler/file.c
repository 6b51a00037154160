/* SPDX-License-Identifier: MIT */
#include "file.h"
#include "sys.h"
#include <string.h>

#define LOWEST_DESCRIPTOR 64

static int move_up(int fd)
{
	if (fd < 0 || fd >= LOWEST_DESCRIPTOR)
		return fd;
	int higher = hp_sys_fcntl(fd, F_DUPFD_CLOEXEC, LOWEST_DESCRIPTOR);

	if (higher < 0)
		return fd; /* the limit is lower than that: better here than not at all */
	hp_sys_close(fd);
	return higher;
}

int hp_file_open_private(const char *path, int flags)
{
	return move_up(hp_sys_open(path, flags | O_CLOEXEC, 0));
}

long hp_file_read(const char *path, char *out, size_t size)
{
	int fd = hp_file_open_private(path, O_RDONLY | O_NONBLOCK); /* it may be a FIFO */
	size_t used = 0;
	long n = 0;

	if (fd < 0)
		return fd;
	while (used < size - 1) {
		n = hp_sys_read(fd, out + used, size - 1 - used);
		if (n == -EINTR)
			continue;
		if (n <= 0)
			break;
		used += n;
	}
	hp_sys_close(fd);
	out[used] = '\0';
	return n < 0 ? n : (long)used;
}

/* temporary = final-path ".tmp." random: it can't be taken for a dump, and no other process uses
 * it, not even one of the same number in another container on a shared folder. */
static bool name_temporary(struct hp_outfile *f, const char *final_path)
{
	struct hp_text name = {.buffer = f->temporary, .size = sizeof(f->temporary)};
	struct timespec now = hp_sys_clock(CLOCK_MONOTONIC);
	uint64_t random = (uint64_t)now.tv_nsec << 32 ^ (uint64_t)hp_sys_getpid();

	hp_sys_getrandom(&random, sizeof(random));
	hp_text_string(&name, final_path);
	hp_text_string(&name, ".tmp.");
	hp_text_hex(&name, random);
	hp_text_terminate(&name);
	return !name.cut;
}

int hp_outfile_create(struct hp_outfile *f, const char *final_path)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	struct stat status;

	memset(f, 0, offsetof(struct hp_outfile, temporary));
	f->fd = -1;
	if (!name_temporary(f, final_path))
		return -ENAMETOOLONG;
	int fd = hp_sys_open(f->temporary, flags, 0600);

	if (fd < 0)
		return fd;
	f->fd = move_up(fd);
	hp_sys_fstat(f->fd, &status);
	f->device = status.st_dev;
	f->inode = status.st_ino;
	return 0;
}

/* A program that closes all descriptors may have got this number for a file of its own. */
static bool is_still_ours(const struct hp_outfile *f)
{
	struct stat status;

	return f->fd >= 0 && hp_sys_fstat(f->fd, &status) == 0 && status.st_dev == f->device &&
	       status.st_ino == f->inode;
}

/* Signals may be blocked already: then ours would wait for the host to let it in. */
static void write_all(struct hp_outfile *f, const char *data, size_t size)
{
	const hp_sigset size_signal = UINT64_C(1) << (SIGXFSZ - 1);
	hp_sigset old = hp_sys_block_signals(size_signal);
	bool was_pending = hp_sys_pending_signals() & size_signal;

	while (size > 0 && !f->error) {
		long n = hp_sys_write(f->fd, data, size);

		if (n == -EFBIG && !was_pending)
			hp_sys_consume_signal(size_signal);
		if (n <= 0 && n != -EINTR)
			f->error = n ? n : -EIO;
		if (n > 0) {
			data += n;
			size -= n;
		}
	}
	hp_sys_restore_signals(old);
}

void hp_outfile_write(struct hp_outfile *f, const char *data, size_t size)
{
	if (size > 0 && !f->error && !is_still_ours(f))
		f->error = -EBADF;
	if (size > 0 && !f->error)
		write_all(f, data, size);
}

static void close_if_ours(struct hp_outfile *f)
{
	if (is_still_ours(f))
		hp_sys_close(f->fd);
	f->fd = -1;
}

static int rename_noreplace(const char *from, const char *to)
{
	int error = hp_sys_rename_noreplace(from, to);

	if (error != -EINVAL && error != -ENOSYS)
		return error;
	/* A file system or kernel without it: a link never replaces anything either. */
	error = hp_sys_link(from, to);
	if (!error)
		hp_sys_unlink(from);
	return error;
}

int hp_outfile_claim(struct hp_outfile *f, const char *final_path)
{
	int error = f->error;

	if (f->fd >= 0)
		close_if_ours(f);
	if (!error)
		error = rename_noreplace(f->temporary, final_path);
	if (error && error != -EEXIST)
		hp_outfile_discard(f);
	return error;
}

void hp_outfile_abandon(struct hp_outfile *f)
{
	if (f->fd > 0)
		close_if_ours(f);
}

void hp_outfile_discard(struct hp_outfile *f)
{
	if (f->fd >= 0)
		close_if_ours(f);
	if (f->temporary[0])
		hp_sys_unlink(f->temporary);
	f->temporary[0] = '\0';
}
