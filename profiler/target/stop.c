/* SPDX-License-Identifier: MIT */
/* A thread in a system call leaves it for the stop. Most calls then have a result by which the
 * kernel makes them again; the program never sees it. Others, such as epoll_wait(), return -EINTR,
 * and a program may take that for a failure. For these the registers are set back to before the
 * call, which does nothing until it has returned. Three cases need care:
 *
 * - A signal with a handler is to be delivered. Then EINTR is right: programs rely on it to leave a
 *   wait. So pending signals are looked at when a thread stops, and again before it is let go. Such
 *   a thread is let go only when it is about to make the call again: a signal that comes before
 * that still finds it with EINTR.
 * - The parent of a vfork() can't be stopped until the child has executed a program. The child may
 *   need another thread for that, so all others are let go while we wait.
 * - A thread may be stopped already, since its process was stopped by a signal. It stays so. */
#include "target/stop.h"
#include "target/proc_files.h"
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441 /* new in Linux 5.11 */
#endif

enum {
	STUCK = 2, /* not 0 or HP_TARGET_E: some threads don't stop */
	ATTEMPTS_MAX = 20,
	STOP_MS = 300,     /* others are held for so long */
	STUCK_MS = 2000,   /* then it takes so long until one that is stuck is given up */
	USER_CODE = 0x33,  /* the code segment of 64-bit programs */
	SYSCALL_BYTES = 2, /* 0f 05 */
	SYSCALL_ENTRY = SIGTRAP | 0x80,
};

struct thread {
	int id;
	bool is_stopped;
	bool is_wanted;    /* it is to stop; else it goes on, and is still traced */
	bool is_by_signal; /* its process had been stopped by a signal */
	int signal;        /* it stopped when this was to be delivered, or 0 */
	bool is_repaired;
	struct user_regs_struct before; /* the repair */
};

struct hp_stop {
	struct hp_target *t;
	struct thread *threads;
	size_t n, room;
};

/* --- signals of this program ----------------------------------------------------------------- */

static void block_signals(sigset_t *out_before)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&set, signals[i]);
	pthread_sigmask(SIG_BLOCK, &set, out_before);
}

/* --- finding and stopping -------------------------------------------------------------------- */

static bool is_known(const struct hp_stop *stop, int id)
{
	for (size_t i = 0; i < stop->n; i++)
		if (stop->threads[i].id == id)
			return true;
	return false;
}

static bool add_thread(struct hp_stop *stop, int id)
{
	if (stop->n == stop->room) {
		size_t room = stop->room ? 2 * stop->room : 64;
		struct thread *grown = realloc(stop->threads, room * sizeof(*grown));

		if (!grown)
			return false;
		stop->threads = grown;
		stop->room = room;
	}
	stop->threads[stop->n++] = (struct thread){.id = id};
	return true;
}

/* Returns 0 if the thread has ended; otherwise notes why it can't be traced. */
static int refuse(struct hp_target *t, int id, int error)
{
	const char *state;
	char *status;
	long tracer;

	if (hp_proc_read_thread(t->outer_pid, id, "status", &status) < 0)
		return 0;
	state = hp_proc_value(status, "State");
	tracer = hp_proc_first_number(hp_proc_value(status, "TracerPid"));
	state = state ? state + strspn(state, " \t") : "";
	bool has_ended = *state == 'Z' || *state == 'X';

	free(status);
	if (has_ended)
		return 0;
	if (tracer > 0)
		return hp_target_error(t,
				       "can't be stopped: process %ld traces it already, as a "
				       "debugger does; read it without --stop",
				       tracer);
	return hp_target_error(t, "can't be stopped: ptrace: %s; read it without --stop",
			       strerror(error));
}

static void interrupt(struct thread *thread)
{
	thread->is_wanted = true;
	ptrace(PTRACE_INTERRUPT, thread->id, NULL, NULL);
}

/* Returns true if an earlier stop of this process has left the thread traced. */
static bool is_ours(const struct hp_target *t, int id)
{
	char *status;
	long tracer;

	if (hp_proc_read_thread(t->outer_pid, id, "status", &status) < 0)
		return false;
	tracer = hp_proc_first_number(hp_proc_value(status, "TracerPid"));
	free(status);
	return tracer == getpid();
}

/* Sets *out_is_new if the thread is there and was not known. */
static int seize(struct hp_stop *stop, int id, bool *out_is_new)
{
	if (is_known(stop, id))
		return 0;
	if (ptrace(PTRACE_SEIZE, id, NULL, (void *)PTRACE_O_TRACESYSGOOD)) {
		int error = errno;

		if (error == ESRCH)
			return 0;
		if (!is_ours(stop->t, id))
			return refuse(stop->t, id, error);
	}
	if (!add_thread(stop, id)) /* it is let go when this process ends */
		return hp_target_no_memory(stop->t);
	interrupt(&stop->threads[stop->n - 1]);
	*out_is_new = true;
	return 0;
}

static int seize_new(struct hp_stop *stop, bool *out_has_new)
{
	char path[64];
	struct dirent *entry;
	int r = 0;
	DIR *folder;

	*out_has_new = false;
	snprintf(path, sizeof(path), "/proc/%d/task", stop->t->outer_pid);
	folder = opendir(path);
	if (!folder)
		return hp_target_error(stop->t, "the process ended while it was read");
	while (!r && (entry = readdir(folder)) != NULL) {
		int id = (int)strtol(entry->d_name, NULL, 10); /* 0 for "." and ".." */

		if (id > 0)
			r = seize(stop, id, out_has_new);
	}
	closedir(folder);
	return r;
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Looks whether the thread has stopped. If it is not to stop, it goes on with the signal for which
 * it did. Returns false if it has ended. */
static bool look(struct thread *thread)
{
	int status, id = waitpid(thread->id, &status, __WALL | WNOHANG);

	if (id == 0 || (id < 0 && errno == EINTR))
		return true;
	if (id < 0 || !WIFSTOPPED(status))
		return false;
	thread->signal = status >> 16 ? 0 : WSTOPSIG(status);
	thread->is_by_signal = status >> 16 && WSTOPSIG(status) != SIGTRAP;
	thread->is_stopped = thread->is_wanted;
	if (!thread->is_wanted)
		ptrace(thread->is_by_signal ? PTRACE_LISTEN : PTRACE_CONT, thread->id, NULL,
		       (void *)(uintptr_t)thread->signal);
	return true;
}

/* Returns a thread that has not stopped in time, or NULL if all have that are to stop. */
static const struct thread *wait_for_all(struct hp_stop *stop, long ms)
{
	const struct timespec nap = {.tv_nsec = 200000};
	long end = now_ms() + ms;

	for (;;) {
		const struct thread *running = NULL;

		for (size_t i = 0; i < stop->n; i++) {
			struct thread *thread = &stop->threads[i];

			if (!thread->is_stopped && !look(thread))
				stop->threads[i--] = stop->threads[--stop->n];
			else if (!thread->is_stopped && thread->is_wanted)
				running = thread;
		}
		if (!running || now_ms() >= end)
			return running;
		nanosleep(&nap, NULL);
	}
}

static int stop_all(struct hp_stop *stop)
{
	bool has_new;

	for (size_t i = 0; i < stop->n; i++)
		if (!stop->threads[i].is_wanted)
			interrupt(&stop->threads[i]);
	do {
		int r = seize_new(stop, &has_new);

		if (r)
			return r;
		if (wait_for_all(stop, STOP_MS))
			return STUCK;
	} while (has_new);
	return 0;
}

/* --- system calls ---------------------------------------------------------------------------- */

/* Returns true for calls that may return -EINTR without a signal, and then have done nothing. It
 * must never be true for close() or connect(), which go on although they were interrupted. */
static bool can_be_repeated(unsigned long long call)
{
	switch (call) {
	case SYS_read:
	case SYS_readv:
	case SYS_write:
	case SYS_writev:
	case SYS_recvfrom:
	case SYS_recvmsg:
	case SYS_recvmmsg:
	case SYS_sendto:
	case SYS_sendmsg:
	case SYS_accept:
	case SYS_accept4:
	case SYS_epoll_wait:
	case SYS_epoll_pwait:
	case SYS_epoll_pwait2:
	case SYS_poll:
	case SYS_ppoll:
	case SYS_select:
	case SYS_pselect6:
	case SYS_rt_sigtimedwait:
	case SYS_semop:
	case SYS_semtimedop:
	case SYS_io_getevents:
	case SYS_io_uring_enter:
		return true;
	default:
		return false;
	}
}

static uint64_t signal_set(const char *status, const char *key)
{
	const char *value = hp_proc_value(status, key);

	return value ? strtoull(value, NULL, 16) : 0;
}

/* Returns true if a handler is to run as soon as the thread goes on, or if that is not known. */
static bool has_signal(const struct hp_stop *stop, const struct thread *thread)
{
	uint64_t sent;
	char *status;

	if (hp_proc_read_thread(stop->t->outer_pid, thread->id, "status", &status) < 0)
		return true;
	sent = (signal_set(status, "SigPnd") | signal_set(status, "ShdPnd")) &
	       ~signal_set(status, "SigBlk");
	if (thread->signal)
		sent |= (uint64_t)1 << (thread->signal - 1);
	sent &= signal_set(status, "SigCgt");
	free(status);
	return sent != 0;
}

static bool is_interrupted(const struct hp_stop *stop, const struct user_regs_struct *regs)
{
	static const uint8_t call[SYSCALL_BYTES] = {0x0f, 0x05};
	uint8_t code[SYSCALL_BYTES];

	return (long long)regs->rax == -EINTR && (long long)regs->orig_rax >= 0 &&
	       can_be_repeated(regs->orig_rax) && regs->cs == USER_CODE &&
	       hp_target_read(stop->t, regs->rip - sizeof(code), code, sizeof(code)) &&
	       memcmp(code, call, sizeof(call)) == 0;
}

static void repair(struct hp_stop *stop, struct thread *thread)
{
	struct user_regs_struct regs;

	if (thread->is_by_signal || ptrace(PTRACE_GETREGS, thread->id, NULL, &regs) ||
	    !is_interrupted(stop, &regs) || has_signal(stop, thread))
		return;
	thread->before = regs;
	regs.rip -= SYSCALL_BYTES;
	regs.rax = regs.orig_rax;
	thread->is_repaired = ptrace(PTRACE_SETREGS, thread->id, NULL, &regs) == 0;
}

/* --- letting go ------------------------------------------------------------------------------ */

static void set_back(struct thread *thread)
{
	if (thread->is_repaired)
		ptrace(PTRACE_SETREGS, thread->id, NULL, &thread->before);
	thread->is_repaired = false;
}

/* Lets a thread go. Returns false if it is still traced, since it goes on to the entry of the call
 * that it makes again. */
static bool let_go(const struct hp_stop *stop, struct thread *thread)
{
	if (thread->is_repaired && has_signal(stop, thread))
		set_back(thread);
	thread->is_stopped = thread->is_wanted = false;
	ptrace(thread->is_repaired ? PTRACE_SYSCALL : PTRACE_DETACH, thread->id, NULL,
	       (void *)(uintptr_t)thread->signal);
	return !thread->is_repaired;
}

/* Keeps the threads that are still traced. */
static void keep_traced(struct hp_stop *stop, bool (*let)(const struct hp_stop *, struct thread *))
{
	size_t n = 0;

	for (size_t i = 0; i < stop->n; i++)
		if (!let(stop, &stop->threads[i]))
			stop->threads[n++] = stop->threads[i];
	stop->n = n;
}

static bool let_go_if_stopped(const struct hp_stop *stop, struct thread *thread)
{
	return thread->is_stopped && let_go(stop, thread);
}

/* A thread that goes on to its call stops at the entry, or for a signal that came before it.
 * Returns true if it is no longer traced. */
static bool see_off(const struct hp_stop *stop, struct thread *thread)
{
	int status, id;

	if (!thread->is_repaired)
		return false;
	id = waitpid(thread->id, &status, __WALL | WNOHANG);
	if (id == 0 || (id < 0 && errno == EINTR))
		return false;
	if (id < 0 || !WIFSTOPPED(status))
		return true;
	thread->signal = status >> 16 ? 0 : WSTOPSIG(status);
	if (thread->signal == SYSCALL_ENTRY) {
		ptrace(PTRACE_CONT, thread->id, NULL, NULL);
		thread->is_repaired = false;
		return false;
	}
	if (!thread->signal) /* its process is being stopped */
		set_back(thread);
	return let_go(stop, thread);
}

static bool has_repaired(const struct hp_stop *stop)
{
	for (size_t i = 0; i < stop->n; i++)
		if (stop->threads[i].is_repaired)
			return true;
	return false;
}

static void let_all_go(struct hp_stop *stop)
{
	const struct timespec nap = {.tv_nsec = 50000};
	long end = now_ms() + STUCK_MS;

	keep_traced(stop, let_go_if_stopped);
	while (has_repaired(stop) && now_ms() < end) {
		keep_traced(stop, see_off);
		nanosleep(&nap, NULL);
	}
}

/* Makes the calls again that were interrupted, also if the threads are let go at once. */
static void repair_all(struct hp_stop *stop)
{
	for (size_t i = 0; i < stop->n; i++)
		if (stop->threads[i].is_stopped)
			repair(stop, &stop->threads[i]);
}

static int stop_with_patience(struct hp_stop *stop)
{
	const struct thread *stuck = NULL;

	for (int i = 0; i < ATTEMPTS_MAX && !stuck; i++) {
		int r = stop_all(stop);

		repair_all(stop);
		if (r != STUCK)
			return r;
		let_all_go(stop);
		stuck = wait_for_all(stop, STUCK_MS);
	}
	return hp_target_error(stop->t,
			       "thread %d can't be stopped, perhaps because it waits for the child "
			       "of a vfork(); try again",
			       stuck ? stuck->id : stop->t->outer_pid);
}

static int stop_with_signals_blocked(struct hp_stop *stop)
{
	sigset_t before;
	int r;

	block_signals(&before);
	r = stop_with_patience(stop);
	if (!r && stop->n == 0)
		r = hp_target_error(stop->t, "the process ended while it was read");
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

int hp_stop_begin(struct hp_target *t, struct hp_stop **out)
{
	struct hp_stop *stop = calloc(1, sizeof(*stop));

	*out = NULL;
	if (!stop)
		return hp_target_no_memory(t);
	stop->t = t;
	if (stop_with_signals_blocked(stop)) {
		hp_stop_end(stop);
		return HP_TARGET_E;
	}
	*out = stop;
	return 0;
}

int hp_stop_again(struct hp_stop *stop)
{
	if (!stop_with_signals_blocked(stop))
		return 0;
	hp_stop_let_go(stop);
	return HP_TARGET_E;
}

void hp_stop_let_go(struct hp_stop *stop)
{
	sigset_t before;

	block_signals(&before);
	let_all_go(stop);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void hp_stop_keep_going(struct hp_stop *stop)
{
	wait_for_all(stop, 0);
}

bool hp_stop_thread_at(const struct hp_stop *stop, size_t i, struct hp_stop_thread *out)
{
	const struct thread *thread = &stop->threads[i];

	if (i >= stop->n)
		return false;
	*out = (struct hp_stop_thread){.id = thread->id,
				       .can_go_on = thread->is_stopped && !thread->signal &&
						    !thread->is_by_signal};
	return true;
}

void hp_stop_end(struct hp_stop *stop)
{
	if (!stop)
		return;
	hp_stop_let_go(stop);
	free(stop->threads);
	free(stop);
}
