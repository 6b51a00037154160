/* SPDX-License-Identifier: MIT */
#include "command/run/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATUS_NOT_STARTED 127
#define STATUS_SIGNAL_BASE 128

/* --- the child's side ---------------------------------------------------------------------- */

/* Executes the program; if that fails, writes the errno to `report`, which an exec closes. */
static void execute(char **argv, int report)
{
	execvp(argv[0], argv);
	if (write(report, &(int){errno}, sizeof(int)) < 0)
		_exit(STATUS_NOT_STARTED);
	_exit(STATUS_NOT_STARTED);
}

/* Waits until the child has executed the program. Returns 0, or the negative errno of the
 * exec that failed. */
static int read_report(int report)
{
	int error = 0;
	ssize_t size;

	do
		size = read(report, &error, sizeof(error));
	while (size < 0 && errno == EINTR);
	return size == (ssize_t)sizeof(error) ? -error : 0;
}

/* --- waiting ------------------------------------------------------------------------------- */

/* Stops this process as the child has been stopped, so that the shell sees the job as stopped. */
static void stop(void)
{
	sigset_t set, saved;

	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	kill(getpid(), SIGTSTP); /* still blocked: takes effect in the next line */
	sigprocmask(SIG_UNBLOCK, &set, &saved);
	sigprocmask(SIG_SETMASK, &saved, NULL);
}

/* Returns true for the signals by which the terminal stops a job. A SIGSTOP is not one: it comes
 * from a debugger or from kill(1), and is meant for the child alone. */
static bool is_job_control(int signal)
{
	return signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

/* Returns whether the child has ended. */
static bool has_ended(pid_t child, int *out_status)
{
	pid_t found;

	while ((found = waitpid(child, out_status, WNOHANG | WUNTRACED)) > 0 &&
	       WIFSTOPPED(*out_status))
		if (is_job_control(WSTOPSIG(*out_status)))
			stop();
	return found == child || (found < 0 && errno != EINTR);
}

/* Passes a signal on, unless the child has received it: the kernel sends the signal of a key, such
 * as Ctrl-C, to the whole group, and a signal from the child to its group reaches the child too. A
 * signal that another process sends to the group reaches the child twice. SIGCONT is always passed
 * on. */
static void forward(pid_t child, const siginfo_t *info)
{
	if (info->si_signo == SIGCONT || (info->si_code <= 0 && info->si_pid != child))
		kill(child, info->si_signo);
}

/* Drops pending signals that were meant for the child. */
static void discard(const sigset_t *waited)
{
	while (sigtimedwait(waited, NULL, &(struct timespec){0}) > 0)
		;
}

/* Passes on the signals that are pending. */
static void forward_all(pid_t child, const sigset_t *waited)
{
	siginfo_t info;

	while (sigtimedwait(waited, &info, &(struct timespec){0}) > 0)
		if (info.si_signo != SIGCHLD)
			forward(child, &info);
}

/* `signals` is a signalfd, which only says that a signal is pending. */
static void wait_for(pid_t child, const sigset_t *waited, int signals,
		     const struct child_events *events, int *out_status)
{
	struct pollfd fds[] = {{.fd = signals, .events = POLLIN},
			       {.fd = events->fd, .events = POLLIN}};

	while (!has_ended(child, out_status)) {
		if (poll(fds, 2, -1) < 0)
			continue;
		forward_all(child, waited);
		if (fds[1].revents)
			events->ready(events->context);
	}
	discard(waited);
}

/* --- both ---------------------------------------------------------------------------------- */

static int start(char **argv, void (*prepare)(const void *context), const void *context,
		 const sigset_t *mask, const struct sigaction *on_child, pid_t *out_child)
{
	int report[2], r;

	if (pipe2(report, O_CLOEXEC) < 0)
		return -errno;
	*out_child = fork();
	if (*out_child == 0) {
		prepare(context);
		sigaction(SIGCHLD, on_child, NULL);
		sigprocmask(SIG_SETMASK, mask, NULL);
		execute(argv, report[1]);
	}
	r = *out_child < 0 ? -errno : 0;
	close(report[1]);
	if (!r)
		r = read_report(report[0]);
	close(report[0]);
	return r;
}

/* Starts the program and waits for its end, with the signals blocked. */
static int start_and_wait(char **argv, void (*prepare)(const void *context), const void *context,
			  const struct child_events *events, const sigset_t *waited,
			  const sigset_t *mask, const struct sigaction *on_child, int *out_status)
{
	int signals = signalfd(-1, waited, SFD_CLOEXEC), r;
	pid_t child = -1;

	if (signals < 0)
		return -errno;
	r = start(argv, prepare, context, mask, on_child, &child);
	if (!r) {
		events->started(events->context, child);
		wait_for(child, waited, signals, events, out_status);
	} else if (child > 0) {
		waitpid(child, NULL, 0);
	}
	close(signals);
	return r;
}

int child_run(char **argv, void (*prepare)(const void *context), const void *context,
	      const struct child_events *events, int *out_status)
{
	/* All signals wait, since each would end this process, and with it the report. A fault of
	 * this process itself ends it all the same. Some callers leave SIGCHLD ignored; the kernel
	 * then keeps no status to wait for. */
	struct sigaction saved, standard = {.sa_handler = SIG_DFL};
	sigset_t waited, mask;
	int r;

	sigfillset(&waited);
	sigprocmask(SIG_BLOCK, &waited, &mask);
	sigaction(SIGCHLD, &standard, &saved);
	r = start_and_wait(argv, prepare, context, events, &waited, &mask, &saved, out_status);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	return r;
}

int child_pass_on(int status)
{
	sigset_t set;
	int signal;

	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status);
	signal = WTERMSIG(status);
	/* The child may have left a core; this process leaves none. */
	setrlimit(RLIMIT_CORE, &(struct rlimit){0});
	prctl(PR_SET_DUMPABLE, 0);
	sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
	sigemptyset(&set);
	sigaddset(&set, signal);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(signal);
	return STATUS_SIGNAL_BASE + signal;
}
