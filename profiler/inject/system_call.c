/* SPDX-License-Identifier: MIT */
/* The order of steps is such that the host can do without us after each of them.
 *
 * - The stub is complete before the host's registers lead to it.
 * - Signals are blocked after that, because the stub itself sets the mask at its end. A handler
 * must not run in the stub: it may wait for another thread, which is stopped, or never return.
 * - After the call the mask is set back, then the registers. Then the host goes to its next stop,
 *   which PTRACE_INTERRUPT causes before it executes anything. Only in such a stop do the original
 *   registers mean what they meant: the kernel looks whether the interrupted system call is to be
 *   made again, or fails with EINTR because a signal has arrived. */
#include "inject/system_call.h"
#include "inject/slack.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	CODE_64 = 0x33, /* the code segment of 64-bit programs */
	MASK_SIZE = 8,
	STOP_MS = 10000,
	EXECUTED = SIGTRAP | 0x80, /* PTRACE_O_TRACESYSGOOD */
	STOPS_MAX = 1000,
	WORD = sizeof(long),
	PAGE_BYTES = 4096,
	RSEQ_CONFIGURATION = 0x420f, /* PTRACE_GET_RSEQ_CONFIGURATION, of Linux 5.13 */
};

struct hp_system_call_host {
	struct hp_target *t;
	int thread, memory_fd;
	uint64_t slack;
	bool is_slack_used;
	bool is_lost; /* a call has failed in the middle: the thread may still be in the stub */
	struct user_regs_struct registers; /* of the stop */
	uint64_t mask;
	int child;
};

/* --- waiting ---------------------------------------------------------------------------------- */

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int ended(struct hp_target *t)
{
	return hp_target_error(t, "the process ended meanwhile");
}

/* Waits for the thread's next stop. Naps, because waitpid() has no time limit. */
static int wait_for_stop(struct hp_target *t, int thread, int *out_status)
{
	long end = now_ms() + STOP_MS;

	for (long nap = 1000;; nap = nap < 200000 ? nap * 2 : nap) {
		const struct timespec time = {.tv_nsec = nap};
		int got = waitpid(thread, out_status, __WALL | WNOHANG);

		if (got == thread && WIFSTOPPED(*out_status))
			return 0;
		if (got == thread || (got < 0 && errno != EINTR))
			return ended(t);
		if (now_ms() >= end)
			return hp_target_error(t,
					       "thread %d does not answer: a system call that was "
					       "made on it takes more than %d seconds",
					       thread, STOP_MS / 1000);
		nanosleep(&time, NULL);
	}
}

static bool is_interrupt_stop(int status)
{
	return status >> 16 == PTRACE_EVENT_STOP;
}

static int trace_error(struct hp_target *t, const char *what)
{
	if (errno == ESRCH)
		return ended(t);
	return hp_target_error(t, "can't %s: ptrace: %s", what, strerror(errno));
}

/* --- memory ----------------------------------------------------------------------------------- */

/* Writes a part of a word by ptrace: for kernels on which a file of /proc can't write where the
 * process itself can't (proc_mem.force_override). The word is within a page. */
static bool write_word(int thread, uint64_t address, const uint8_t *bytes, size_t size)
{
	uint64_t last = address / PAGE_BYTES * PAGE_BYTES + PAGE_BYTES - WORD;
	uint64_t start = address < last ? address : last;
	long word;

	errno = 0;
	word = ptrace(PTRACE_PEEKDATA, thread, (void *)(uintptr_t)start, NULL);
	if (errno)
		return false;
	memcpy((char *)&word + (address - start), bytes, size);
	return ptrace(PTRACE_POKEDATA, thread, (void *)(uintptr_t)start, (void *)word) == 0;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Up to 8 bytes in a page are written in one piece. */
static bool write_words(int thread, uint64_t address, const uint8_t *bytes, size_t size)
{
	while (size > 0) {
		size_t some = smaller(smaller(PAGE_BYTES - address % PAGE_BYTES, WORD), size);

		if (!write_word(thread, address, bytes, some))
			return false;
		address += some;
		bytes += some;
		size -= some;
	}
	return true;
}

int hp_system_call_write(struct hp_system_call_host *host, uint64_t address, const void *bytes,
			 size_t size)
{
	if (host->memory_fd >= 0 &&
	    pwrite(host->memory_fd, bytes, size, (off_t)address) == (ssize_t)size)
		return 0;
	if (write_words(host->thread, address, bytes, size))
		return 0;
	if (errno == ESRCH)
		return ended(host->t);
	return hp_target_error(host->t, "no memory can be written at %#jx: %s", (uintmax_t)address,
			       strerror(errno));
}

static int write_stub(struct hp_system_call_host *host, const struct hp_stub_call *call,
		      const struct user_regs_struct *back, uint64_t *out_after)
{
	uint8_t bytes[HP_SLACK_SIZE];

	memcpy(bytes, hp_slack_mark, HP_SLACK_MARK_SIZE);
	*out_after = hp_stub_write(bytes + HP_SLACK_MARK_SIZE, host->slack + HP_SLACK_MARK_SIZE,
				   call, back, host->mask);
	host->is_slack_used = true;
	return hp_system_call_write(host, host->slack, bytes, sizeof(bytes));
}

/* --- one call --------------------------------------------------------------------------------- */

static int set_mask(const struct hp_system_call_host *host, uint64_t mask)
{
	return ptrace(PTRACE_SETSIGMASK, host->thread, (void *)(uintptr_t)MASK_SIZE, &mask)
		       ? trace_error(host->t, "set a signal mask")
		       : 0;
}

static int set_registers(const struct hp_system_call_host *host,
			 const struct user_regs_struct *registers)
{
	return ptrace(PTRACE_SETREGS, host->thread, NULL, registers)
		       ? trace_error(host->t, "set registers")
		       : 0;
}

/* Lets the host make the call. It stops before and after it. */
static int make_call(struct hp_system_call_host *host, uint64_t after, int64_t *out_result)
{
	struct user_regs_struct now;
	int signal = 0, n_stops = 0, status, r;

	for (int i = 0; i < STOPS_MAX; i++) {
		if (ptrace(PTRACE_SYSCALL, host->thread, NULL, (void *)(intptr_t)signal))
			return trace_error(host->t, "make a system call");
		r = wait_for_stop(host->t, host->thread, &status);
		if (r)
			return r;
		signal = 0;
		if (status >> 16 == PTRACE_EVENT_CLONE) {
			unsigned long child = 0;

			ptrace(PTRACE_GETEVENTMSG, host->thread, NULL, &child);
			host->child = (int)child;
		} else if (status >> 16 == 0 && WSTOPSIG(status) != EXECUTED) {
			signal = WSTOPSIG(status); /* SIGSTOP: it can't be blocked */
		} else if (status >> 16 == 0) {
			if (ptrace(PTRACE_GETREGS, host->thread, NULL, &now))
				return trace_error(host->t, "read registers");
			n_stops += now.rip == after;
		}
		if (n_stops == 2) {
			*out_result = (int64_t)now.rax;
			return 0;
		}
	}
	return hp_target_error(host->t, "a system call on thread %d came to no end", host->thread);
}

/* Brings the host from the end of the call to a stop like the first one. */
static int rest(struct hp_system_call_host *host, const struct user_regs_struct *back)
{
	int status, r = set_mask(host, host->mask);

	if (!r)
		r = set_registers(host, back);
	if (r)
		return r;
	for (int i = 0; i < STOPS_MAX; i++) {
		if (ptrace(PTRACE_INTERRUPT, host->thread, NULL, NULL) ||
		    ptrace(PTRACE_CONT, host->thread, NULL, NULL))
			return trace_error(host->t, "stop a thread");
		r = wait_for_stop(host->t, host->thread, &status);
		if (r)
			return r;
		if (is_interrupt_stop(status))
			break;
	}
	ptrace(PTRACE_SETOPTIONS, host->thread, NULL, (void *)PTRACE_O_TRACESYSGOOD);
	return set_registers(host, &host->registers);
}

int hp_system_call(struct hp_system_call_host *host, const struct hp_stub_call *call,
		   int64_t *out_result)
{
	const struct user_regs_struct back = hp_stub_way_back(&host->registers);
	struct user_regs_struct to_stub = host->registers;
	uintptr_t options = PTRACE_O_TRACESYSGOOD | (call->child_start ? PTRACE_O_TRACECLONE : 0);
	uint64_t after;
	int r = host->is_lost ? HP_TARGET_E : write_stub(host, call, &back, &after);

	if (r)
		return r;
	if (ptrace(PTRACE_SETOPTIONS, host->thread, NULL, (void *)options))
		return trace_error(host->t, "set options");
	to_stub.rip = host->slack + HP_SLACK_MARK_SIZE;
	to_stub.orig_rax = (unsigned long long)-1;
	r = set_registers(host, &to_stub);
	if (!r)
		r = set_mask(host, ~(uint64_t)0);
	if (!r)
		r = make_call(host, after, out_result);
	if (!r)
		r = rest(host, &back);
	host->is_lost = r != 0;
	return r;
}

int hp_system_call_child(const struct hp_system_call_host *host)
{
	return host->child;
}

/* --- a host ----------------------------------------------------------------------------------- */

bool hp_system_call_can_host(struct hp_target *t, int thread)
{
	struct {
		uint64_t address;
		uint32_t size, signature, flags, padding;
	} rseq = {0};
	struct user_regs_struct registers;
	uint64_t section = 0;

	if (ptrace(PTRACE_GETREGS, thread, NULL, &registers) || registers.cs != CODE_64)
		return false;
	if (ptrace((enum __ptrace_request)RSEQ_CONFIGURATION, thread,
		   (void *)(uintptr_t)sizeof(rseq), &rseq) < 0)
		return true; /* an older kernel, on which glibc registers none */
	/* The second word of struct rseq leads to the sequence that is running. */
	return !rseq.address ||
	       (hp_target_read(t, rseq.address + sizeof(uint64_t), &section, sizeof(section)) &&
		section == 0);
}

/* Reads the whole file. Returns its size, or -1. */
static ssize_t read_whole(const char *path, char **out)
{
	size_t size = 0, room = 1 << 16;
	char *text = malloc(room);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	while (fd >= 0 && text && (n = read(fd, text + size, room - size)) > 0) {
		size += (size_t)n;
		if (size < room)
			continue;
		char *grown = realloc(text, room *= 2);

		if (!grown)
			free(text);
		text = grown;
		n = -1;
	}
	if (fd >= 0)
		close(fd);
	if (n < 0) {
		free(text);
		return -1;
	}
	*out = text;
	return (ssize_t)size;
}

/* The maps of the target may be from before the stop. */
static int read_maps(struct hp_target *t, int thread)
{
	char path[64], *text;
	ssize_t size;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/maps", t->outer_pid, thread);
	size = read_whole(path, &text);
	if (size < 0)
		return hp_target_error(t, "its maps can't be read");
	free(t->mappings);
	free(t->maps);
	t->mappings = NULL;
	t->maps = NULL;
	t->n_mappings = 0;
	return hp_target_parse_maps(t, text, (size_t)size);
}

static int read_state(struct hp_system_call_host *host)
{
	if (ptrace(PTRACE_GETREGS, host->thread, NULL, &host->registers) ||
	    ptrace(PTRACE_GETSIGMASK, host->thread, (void *)(uintptr_t)MASK_SIZE, &host->mask))
		return trace_error(host->t, "read registers");
	if (!hp_system_call_can_host(host->t, host->thread))
		return hp_target_error(host->t,
				       "no system call can be made on thread %d: it executes "
				       "32-bit code, or a restartable sequence",
				       host->thread);
	return 0;
}

int hp_system_call_begin(struct hp_target *t, int thread, struct hp_system_call_host **out)
{
	struct hp_system_call_host *host = calloc(1, sizeof(*host));
	char path[64];
	int r;

	*out = NULL;
	if (!host)
		return hp_target_no_memory(t);
	host->t = t;
	host->thread = thread;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/mem", t->outer_pid, thread);
	host->memory_fd = open(path, O_RDWR | O_CLOEXEC);
	r = read_maps(t, thread);
	if (!r)
		r = read_state(host);
	if (!r)
		r = hp_slack_find(t, &host->slack);
	if (r) {
		hp_system_call_end(host);
		return r;
	}
	*out = host;
	return 0;
}

void hp_system_call_end(struct hp_system_call_host *host)
{
	static const uint8_t zeroes[HP_SLACK_SIZE];

	if (!host)
		return;
	if (host->is_slack_used && !host->is_lost)
		hp_system_call_write(host, host->slack, zeroes, sizeof(zeroes));
	if (host->memory_fd >= 0)
		close(host->memory_fd);
	free(host);
}
