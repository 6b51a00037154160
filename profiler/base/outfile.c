/* SPDX-License-Identifier: MIT */
#include "base/outfile.h"
#include "base/file.h"
#include "base/sys.h"
#include "base/text.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum {
	NAMED_ATTEMPTS_MAX = 10
};

/* --- creating ------------------------------------------------------------------------------ */

static void forget(struct hp_outfile *f)
{
	memset(f, 0, offsetof(struct hp_outfile, temporary));
	f->fd = -1;
	f->temporary[0] = '\0';
}

static int take_descriptor(struct hp_outfile *f, int fd)
{
	struct stat status;

	f->fd = hp_file_move_up(fd);
	hp_sys_fstat(f->fd, &status);
	f->device = status.st_dev;
	f->inode = status.st_ino;
	return 0;
}

/* Gives the open file `fd` the name `to`. A link from the descriptor alone needs a privilege or a
 * newer kernel. If it is refused, the link is made from the descriptor's path in /proc, which may
 * not be mounted. The path is in /proc/thread-self, because /proc/self is the first thread, which
 * may have other descriptors. */
static int link_descriptor(int fd, const char *to)
{
	HP_TEXT_LOCAL(path, 40);
	int error = hp_sys_linkat(fd, "", to, AT_EMPTY_PATH);

	if (error != -ENOENT && error != -EPERM)
		return error;
	hp_text_string(&path, "/proc/thread-self/fd/");
	hp_text_decimal(&path, fd);
	return hp_sys_linkat(AT_FDCWD, hp_text_terminate(&path), to, AT_SYMLINK_FOLLOW);
}

/* Returns true if the file can be given a name later. Tries to link it to "/", which always fails;
 * it fails with -EEXIST only if the kernel has found the file. */
static bool can_be_named(int fd)
{
	return link_descriptor(fd, "/") == -EEXIST;
}

/* Creates a file without a name. Nobody can see it, and it disappears with this process, however
 * the process ends. */
static int create_nameless(struct hp_outfile *f, const char *final_path)
{
	const char *slash = strrchr(final_path, '/');
	struct hp_text folder = {.buffer = f->temporary, .size = sizeof(f->temporary)};

	hp_text_bytes(&folder, slash ? final_path : ".", slash ? slash - final_path + 1 : 1);
	hp_text_terminate(&folder);
	if (folder.cut)
		return -ENAMETOOLONG;
	int fd = hp_sys_open(f->temporary, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

	f->temporary[0] = '\0';
	if (fd < 0)
		return fd;
	if (!can_be_named(fd)) {
		hp_sys_close(fd);
		return -EOPNOTSUPP;
	}
	return take_descriptor(f, fd);
}

/* temporary = final-path ".tmp." random. The name can't be mistaken for a dump's. As it has 64
 * random bits, no other process uses it, not even one with the same ID in another container that
 * shares the folder. */
static bool name_temporary(struct hp_outfile *f, const char *final_path)
{
	struct hp_text name = {.buffer = f->temporary, .size = sizeof(f->temporary)};
	struct timespec now = hp_sys_clock(CLOCK_MONOTONIC);
	uint64_t random = (uint64_t)now.tv_nsec << 32 ^ (uint64_t)hp_sys_getpid();

	hp_sys_getrandom(&random, sizeof(random));
	hp_text_string(&name, final_path);
	hp_text_string(&name, ".tmp.");
	hp_text_hex_bytes(&name, (const uint8_t *)&random, sizeof(random));
	hp_text_terminate(&name);
	return !name.cut;
}

/* Locks a new temporary file. Returns false if a process that removes stale files has locked or
 * removed it before. Returns true also if the file system does not support locks. */
static bool lock_temporary(int fd)
{
	struct stat status;

	return hp_sys_flock(fd, LOCK_EX | LOCK_NB) != -EWOULDBLOCK &&
	       hp_sys_fstat(fd, &status) == 0 && status.st_nlink > 0;
}

int hp_outfile_create_named(struct hp_outfile *f, const char *final_path)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd;

	forget(f);
	for (int i = 0; i < NAMED_ATTEMPTS_MAX; i++) {
		if (!name_temporary(f, final_path))
			return -ENAMETOOLONG;
		fd = hp_sys_open(f->temporary, flags, 0600);
		if (fd < 0)
			return fd;
		if (lock_temporary(fd))
			return take_descriptor(f, fd);
		hp_sys_close(fd);
		hp_sys_unlink(f->temporary);
	}
	return -EAGAIN;
}

int hp_outfile_create(struct hp_outfile *f, const char *final_path)
{
	forget(f);
	return create_nameless(f, final_path) == 0 ? 0 : hp_outfile_create_named(f, final_path);
}

/* --- writing ------------------------------------------------------------------------------- */

static bool has_opened_file(const struct hp_outfile *f, struct stat *status)
{
	return f->fd >= 0 && hp_sys_fstat(f->fd, status) == 0 && status->st_dev == f->device &&
	       status->st_ino == f->inode;
}

/* Returns true if f->fd still is the file that we opened. A program that closes all descriptors may
 * have reused the number for a file of its own. Closing a file without a name frees its inode
 * number for another file, so for such a file the size is compared too. */
static bool is_still_ours(const struct hp_outfile *f)
{
	struct stat status;

	return has_opened_file(f, &status) &&
	       (f->temporary[0] || (status.st_nlink == 0 && (uint64_t)status.st_size == f->size));
}

static void write_all(struct hp_outfile *f, const char *data, size_t size)
{
	while (size > 0 && !f->error) {
		long n = hp_file_write_quietly(f->fd, data, size);

		if (n <= 0 && n != -EINTR)
			f->error = n ? n : -EIO;
		if (n > 0) {
			f->size += n;
			data += n;
			size -= n;
		}
	}
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

/* --- claiming ------------------------------------------------------------------------------ */

static int rename_noreplace(const char *from, const char *to)
{
	int error = hp_sys_rename_noreplace(from, to);

	if (error != -EINVAL && error != -ENOSYS)
		return error;
	/* The file system or kernel does not support the rename. A link never replaces a file
	 * either. */
	error = hp_sys_link(from, to);
	if (!error)
		hp_sys_unlink(from);
	return error;
}

static int name_nameless(struct hp_outfile *f, const char *final_path)
{
	int error = is_still_ours(f) ? link_descriptor(f->fd, final_path) : -EBADF;

	if (error)
		return error;
	hp_sys_close(f->fd);
	f->fd = -1;
	return 0;
}

int hp_outfile_claim(struct hp_outfile *f, const char *final_path)
{
	int error = f->error;

	if (!error && !f->temporary[0]) {
		error = name_nameless(f, final_path);
	} else if (!error) {
		close_if_ours(f);
		error = rename_noreplace(f->temporary, final_path);
	}
	if (error && error != -EEXIST)
		hp_outfile_discard(f);
	return error;
}

/* The file's size is not compared: the process to which the file is left may have written more. */
void hp_outfile_abandon(struct hp_outfile *f)
{
	struct stat status;

	if (has_opened_file(f, &status))
		hp_sys_close(f->fd);
	f->fd = -1;
}

void hp_outfile_discard(struct hp_outfile *f)
{
	if (f->fd >= 0)
		close_if_ours(f);
	if (f->temporary[0])
		hp_sys_unlink(f->temporary);
	f->temporary[0] = '\0';
}

/* --- stale files --------------------------------------------------------------------------- */

void hp_outfile_remove_stale(const char *temporary)
{
	int fd = hp_file_move_up(
		hp_sys_open(temporary, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0));

	if (fd < 0)
		return;
	if (hp_sys_flock(fd, LOCK_EX | LOCK_NB) == 0)
		hp_sys_unlink(temporary);
	hp_sys_close(fd);
}
