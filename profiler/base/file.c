/* SPDX-License-Identifier: MIT */
#include "base/file.h"
#include "base/sys.h"

enum {
	LOWEST_DESCRIPTOR = 64
};

int hp_file_move_up(int fd)
{
	if (fd < 0 || fd >= LOWEST_DESCRIPTOR)
		return fd;
	int higher = hp_sys_fcntl(fd, F_DUPFD_CLOEXEC, LOWEST_DESCRIPTOR);

	if (higher < 0)
		return fd; /* the descriptor limit is lower; a low number is better than no file */
	hp_sys_close(fd);
	return higher;
}

int hp_file_open_private(const char *path, int flags)
{
	return hp_file_move_up(hp_sys_open(path, flags | O_CLOEXEC, 0));
}

long hp_file_read(const char *path, char *out, size_t size)
{
	int fd = hp_file_open_private(path, O_RDONLY | O_NONBLOCK); /* may be a FIFO */
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

/* Consumes the signal that the write raised. If the host has blocked the same signal and it was
 * already pending, the write's signal can't be distinguished from it, so nothing is consumed. */
long hp_file_write_quietly(int fd, const char *data, size_t size)
{
	const hp_sigset size_signal = UINT64_C(1) << (SIGXFSZ - 1),
			pipe_signal = UINT64_C(1) << (SIGPIPE - 1),
			both = size_signal | pipe_signal;
	hp_sigset old = hp_sys_block_signals(both);
	hp_sigset before = (old & both) != 0 ? hp_sys_pending_signals() : 0;
	long n = hp_sys_write(fd, data, size);
	hp_sigset raised = n == -EFBIG ? size_signal : n == -EPIPE ? pipe_signal : 0;

	if (raised && !(before & raised))
		hp_sys_consume_signal(raised);
	hp_sys_restore_signals(old);
	return n;
}
