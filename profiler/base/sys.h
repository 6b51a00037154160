/* SPDX-License-Identifier: MIT */
/* These functions make system calls directly. The C library's wrappers are cancellation points, set
 * errno, and may be interposed by another preloaded library; none of this may happen inside a
 * host's malloc. Every function returns what the kernel returns: a result, or -errno. Any thread;
 * signal-safe: yes; may allocate: no. */
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#if !defined(__x86_64__)
#error "x86-64 only: elsewhere port sys.h, scratch.c, frame_rule, unwind, recorder.h, live.h, lock.c"
#endif

static inline long hp_sys6(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

static inline long hp_sys3(long number, long a, long b, long c)
{
	return hp_sys6(number, a, b, c, 0, 0, 0);
}

static inline int hp_sys_open(const char *path, int flags, int mode)
{
	return hp_sys6(SYS_openat, AT_FDCWD, (long)path, flags, mode, 0, 0);
}

static inline long hp_sys_read(int fd, void *buffer, size_t size)
{
	return hp_sys3(SYS_read, fd, (long)buffer, size);
}

static inline long hp_sys_write(int fd, const void *data, size_t size)
{
	return hp_sys3(SYS_write, fd, (long)data, size);
}

static inline void hp_sys_close(int fd)
{
	hp_sys3(SYS_close, fd, 0, 0);
}

static inline int hp_sys_fcntl(int fd, int command, long argument)
{
	return hp_sys3(SYS_fcntl, fd, command, argument);
}

static inline int hp_sys_pipe(int out_ends[2])
{
	return hp_sys3(SYS_pipe2, (long)out_ends, O_CLOEXEC, 0);
}

static inline int hp_sys_fstat(int fd, struct stat *out)
{
	return hp_sys3(SYS_fstat, fd, (long)out, 0);
}

/* Does not follow a symbolic link. */
static inline int hp_sys_lstat(const char *path, struct stat *out)
{
	return hp_sys6(SYS_newfstatat, AT_FDCWD, (long)path, (long)out, AT_SYMLINK_NOFOLLOW, 0, 0);
}

static inline int hp_sys_stat(const char *path, struct stat *out)
{
	return hp_sys6(SYS_newfstatat, AT_FDCWD, (long)path, (long)out, 0, 0, 0);
}

static inline int hp_sys_unlink(const char *path)
{
	return hp_sys3(SYS_unlink, (long)path, 0, 0);
}

static inline int hp_sys_link(const char *from, const char *to)
{
	return hp_sys3(SYS_link, (long)from, (long)to, 0);
}

/* Like linkat(2) with `to` relative to the current folder. */
static inline int hp_sys_linkat(int from_folder, const char *from, const char *to, int flags)
{
	return hp_sys6(SYS_linkat, from_folder, (long)from, AT_FDCWD, (long)to, flags, 0);
}

static inline int hp_sys_flock(int fd, int operation)
{
	return hp_sys3(SYS_flock, fd, operation, 0);
}

/* Renames `from` to `to`. Returns -EEXIST if `to` exists; -EINVAL or -ENOSYS if the file system or
 * the kernel does not support this. */
static inline int hp_sys_rename_noreplace(const char *from, const char *to)
{
	return hp_sys6(SYS_renameat2, AT_FDCWD, (long)from, AT_FDCWD, (long)to,
		       1 /* RENAME_NOREPLACE */, 0);
}

static inline long hp_sys_getdents64(int fd, void *buffer, size_t size)
{
	return hp_sys3(SYS_getdents64, fd, (long)buffer, size);
}

static inline long hp_sys_readlink(const char *path, char *buffer, size_t size)
{
	return hp_sys3(SYS_readlink, (long)path, (long)buffer, size);
}

/* Builds for ThreadSanitizer map memory through the C library, so that ThreadSanitizer sees the
 * calls. Otherwise it would not notice that one thread has unmapped memory and the kernel has given
 * the same addresses to another thread, and would report a race. */
#ifdef HP_THREAD_SANITIZED
static inline void *hp_sys_mmap(size_t size, int protection)
{
	void *p = mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static inline void hp_sys_munmap(void *p, size_t size)
{
	munmap(p, size);
}
#else
static inline void *hp_sys_mmap(size_t size, int protection)
{
	long p = hp_sys6(SYS_mmap, 0, size, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p < 0 && p > -4096 ? NULL : (void *)p;
}

static inline void hp_sys_munmap(void *p, size_t size)
{
	hp_sys3(SYS_munmap, (long)p, size, 0);
}
#endif

static inline int hp_sys_madvise(void *p, size_t size, int advice)
{
	return hp_sys3(SYS_madvise, (long)p, size, advice);
}

static inline int hp_sys_gettid(void)
{
	return hp_sys3(SYS_gettid, 0, 0, 0);
}

static inline int hp_sys_getpid(void)
{
	return hp_sys3(SYS_getpid, 0, 0, 0);
}

/* The kernel's signal set: 64 bits, with bit n - 1 for signal n. */
typedef uint64_t hp_sigset;

#define HP_SIGSET_ALL ((hp_sigset)-1)

static inline hp_sigset hp_sys_block_signals(hp_sigset set)
{
	hp_sigset old = 0;

	hp_sys6(SYS_rt_sigprocmask, SIG_BLOCK, (long)&set, (long)&old, sizeof(set), 0, 0);
	return old;
}

static inline void hp_sys_restore_signals(hp_sigset old)
{
	hp_sys6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&old, 0, sizeof(old), 0, 0);
}

static inline hp_sigset hp_sys_pending_signals(void)
{
	hp_sigset pending = 0;

	hp_sys3(SYS_rt_sigpending, (long)&pending, sizeof(pending), 0);
	return pending;
}

/* Consumes one pending signal of `set`. Never waits. */
static inline int hp_sys_consume_signal(hp_sigset set)
{
	struct timespec now = {0};

	return hp_sys6(SYS_rt_sigtimedwait, (long)&set, 0, (long)&now, sizeof(set), 0, 0);
}

static inline void hp_sys_yield(void)
{
	hp_sys3(SYS_sched_yield, 0, 0, 0);
}

static inline int hp_sys_futex_wait(const uint32_t *word, uint32_t value, const struct timespec *t)
{
	return hp_sys6(SYS_futex, (long)word, FUTEX_WAIT_PRIVATE, value, (long)t, 0, 0);
}

static inline void hp_sys_futex_wake(const uint32_t *word, int n_waiters)
{
	hp_sys3(SYS_futex, (long)word, FUTEX_WAKE_PRIVATE, n_waiters);
}

static inline int hp_sys_getrandom(void *buffer, size_t size)
{
	return hp_sys3(SYS_getrandom, (long)buffer, size, 1 /* GRND_NONBLOCK */);
}

static inline struct timespec hp_sys_clock(int clock)
{
	struct timespec now = {0};

	hp_sys3(SYS_clock_gettime, clock, (long)&now, 0);
	return now;
}

static inline int64_t hp_sys_now_ns(void)
{
	struct timespec now = hp_sys_clock(CLOCK_MONOTONIC);

	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Returns true if the 8 bytes at `p` are readable. The call is sigprocmask's, with an invalid `how`
 * and `p` as the new signal mask: the kernel copies the mask before it looks at `how`, so -EINVAL
 * means that it could read the mask, and nothing else happens. (NULL means no mask.) Any other
 * result, such as that of a seccomp filter, shows nothing about the memory. */
static inline bool hp_sys_is_readable(const void *p)
{
	return p &&
	       hp_sys6(SYS_rt_sigprocmask, ~0L, (long)p, 0, sizeof(hp_sigset), 0, 0) == -EINVAL;
}
