/* SPDX-License-Identifier: MIT */
/* Usage: inject LIBRARY REPORT CALLS N ACTION REFUSED COMMAND...
 *
 * Runs a command and does something at the N-th system call that the library itself makes. CALLS is
 * a list of the names of calls that count, separated by commas, or "any". Calls of "clone" count,
 * also those of other code, because the C library makes the threads. The command and the library
 * need not be prepared: a seccomp filter passes their calls to this program, which recognizes the
 * library's calls by the address of the code that makes them. ACTION is one of
 *
 *   fail=ERRNO      the call fails (fail=natural: with an error that is usual for it)
 *   fail-on=ERRNO   this call and all later ones fail
 *   kill            SIGKILL before the call is made
 *   stop            SIGSTOP, and SIGCONT once the process has stopped
 *   hold            the call never returns; creates a file "held"
 *   run=COMMAND     runs a shell command before the call is made
 *   none
 *
 * REFUSED is the name of a call that always fails for the library, as if the kernel or the file
 * system did not support it, or "none". This call does not count.
 *
 * Writes a line "CALLS-SEEN NAME" to REPORT: the number of calls that counted, and the name of the
 * N-th, or "-" if there were fewer. The exit status is the command's, or 128 plus the number of the
 * signal that ended it, or 125 if this machine can't inject faults. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	CANNOT = 125
};

struct call {
	const char *name;
	int number;
	int error; /* a usual one for this call */
	bool is_anybodys;
};

/* The system calls of the library, except those that it makes all the time: for locks, clocks and
 * signal masks. */
static const struct call calls[] = {
	{"openat", SYS_openat, EMFILE, false},
	{"read", SYS_read, EIO, false},
	{"write", SYS_write, ENOSPC, false},
	{"close", SYS_close, EIO, false},
	{"fcntl", SYS_fcntl, EMFILE, false},
	{"fstat", SYS_fstat, EIO, false},
	{"ioctl", SYS_ioctl, EIO, false},
	{"getdents64", SYS_getdents64, EIO, false},
	{"readlink", SYS_readlink, EACCES, false},
	{"link", SYS_link, ENOSPC, false},
	{"linkat", SYS_linkat, ENOSPC, false},
	{"flock", SYS_flock, EINTR, false},
	{"unlink", SYS_unlink, EACCES, false},
	{"renameat2", SYS_renameat2, ENOSPC, false},
	{"mmap", SYS_mmap, ENOMEM, false},
	{"munmap", SYS_munmap, ENOMEM, false},
	{"mprotect", SYS_mprotect, ENOMEM, false},
	{"madvise", SYS_madvise, EINVAL, false},
	{"pipe2", SYS_pipe2, EMFILE, false},
	{"uname", SYS_uname, EFAULT, false},
	{"getrandom", SYS_getrandom, ENOSYS, false},
	{"membarrier", SYS_membarrier, ENOSYS, false},
	{"clone", SYS_clone, EAGAIN, true},
	{"clone", SYS_clone3, EAGAIN, true},
};

enum {
	N_CALLS = sizeof(calls) / sizeof(calls[0])
};

static const struct {
	const char *name;
	int number;
} errors[] = {
	{"EACCES", EACCES}, {"EINVAL", EINVAL}, {"EIO", EIO},       {"EINTR", EINTR},
	{"EMFILE", EMFILE}, {"ENOMEM", ENOMEM}, {"ENOSPC", ENOSPC}, {"ENOSYS", ENOSYS},
	{"EPERM", EPERM},   {"4000", 4000},
};

static const char *library, *list, *action, *refused;
static long wanted; /* N */
static long n_seen;
static const char *name_of_wanted = "-";
static pid_t child;

static void die(const char *what)
{
	fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
	exit(CANNOT);
}

static bool is_listed(const struct call *call)
{
	size_t size = strlen(call->name);

	for (const char *p = list; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
		if (strncmp(p, call->name, size) == 0 && (p[size] == ',' || !p[size]))
			return true;
	return strcmp(call->name, refused) == 0 || (strcmp(list, "any") == 0 && !call->is_anybodys);
}

static const struct call *find_call(int number)
{
	for (int i = 0; i < N_CALLS; i++)
		if (calls[i].number == number)
			return &calls[i];
	return NULL;
}

/* --- the child: a filter, its listener to the parent, then the command ---------------------- */

static int install_filter(void)
{
	struct sock_filter code[N_CALLS + 3];
	size_t n = 0;
	struct sock_fprog filter = {.filter = code};

	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, nr));
	for (int i = 0; i < N_CALLS; i++)
		if (is_listed(&calls[i]))
			n++;
	for (size_t i = 1, at = 0; at < N_CALLS; at++)
		if (is_listed(&calls[at])) {
			code[i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							       calls[at].number, n - i, 0);
			i++;
		}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	filter.len = n;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
		       &filter);
}

union control {
	char room[CMSG_SPACE(sizeof(int))];
	struct cmsghdr alignment;
};

static void send_descriptor(int socket, int fd)
{
	union control control = {0};
	struct iovec byte = {"", 1};
	struct msghdr message = {
		.msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	if (sendmsg(socket, &message, 0) != 1)
		_exit(CANNOT);
}

static int receive_descriptor(int socket)
{
	union control control = {0};
	char text;
	struct iovec byte = {&text, 1};
	struct msghdr message = {
		.msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int fd = -1;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&message))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

static void become_command(int socket, char **argv)
{
	int listener = install_filter();

	if (listener < 0)
		_exit(CANNOT);
	send_descriptor(socket, listener);
	execvp(argv[0], argv);
	_exit(CANNOT);
}

/* --- the parent ---------------------------------------------------------------------------- */

static unsigned long code_start, code_end; /* the library's code; 0 until it is found */

static void find_code(pid_t pid)
{
	char path[64], line[8192], permissions[8];
	unsigned long start, end;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx %7s", &start, &end, permissions) == 3 &&
		    strcmp(permissions, "r-xp") == 0 && strstr(line, library)) {
			code_start = start;
			code_end = end;
		}
	if (f)
		fclose(f);
}

/* Returns whether the library makes this call. Of the programs that the command runs, only one may
 * have the library, because its addresses are looked up once. Fork children of that program have
 * the library at the same addresses. */
static bool is_of_library(const struct seccomp_notif *notice)
{
	unsigned long address = notice->data.instruction_pointer;

	if (!code_start)
		find_code(notice->pid);
	return address >= code_start && address <= code_end;
}

static int error_of(const struct call *call, const char *name)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (strcmp(errors[i].name, name) == 0)
			return errors[i].number;
	return call->error;
}

static void stop_and_continue(void)
{
	int status;

	kill(child, SIGSTOP);
	if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status))
		die("it does not stop");
	kill(child, SIGCONT);
}

/* Does the action. Returns whether the call is to be answered; an unanswered call does not
 * return. */
static bool act(struct seccomp_notif_resp *response, const struct call *call)
{
	if (strncmp(action, "fail", 4) == 0) {
		response->error = -error_of(call, strchr(action, '=') + 1);
		response->flags = 0;
	}
	if (strcmp(action, "kill") == 0)
		kill(child, SIGKILL);
	if (strcmp(action, "stop") == 0)
		stop_and_continue();
	if (strncmp(action, "run=", 4) == 0 && system(action + 4) != 0)
		die(action);
	if (strcmp(action, "hold") != 0)
		return true;
	fclose(fopen("held", "we"));
	return false;
}

static bool is_its_turn(const struct call *call)
{
	n_seen++;
	if (n_seen == wanted)
		name_of_wanted = call->name;
	return n_seen == wanted || (n_seen > wanted && strncmp(action, "fail-on", 7) == 0);
}

static void answer(int listener)
{
	struct seccomp_notif notice = {0};
	struct seccomp_notif_resp response = {.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};

	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notice) != 0)
		return; /* a signal interrupted or killed the caller */
	const struct call *call = find_call(notice.data.nr);

	response.id = notice.id;
	bool is_ours = call->is_anybodys || is_of_library(&notice);

	if (is_ours && strcmp(call->name, refused) == 0) {
		response.error = -EOPNOTSUPP;
		response.flags = 0;
	} else if (is_ours && is_its_turn(call) && !act(&response, call))
		return;
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

static void supervise(int listener)
{
	struct pollfd waiting = {.fd = listener, .events = POLLIN};

	/* The listener reports a hang-up when no process with the filter is left. */
	for (;;) {
		if (poll(&waiting, 1, -1) < 0 && errno != EINTR)
			die("poll");
		if (waiting.revents & POLLIN)
			answer(listener);
		else if (waiting.revents & (POLLHUP | POLLERR))
			return;
	}
}

static int status_of_child(void)
{
	int status;

	if (waitpid(child, &status, 0) != child)
		die("waitpid");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void write_report(const char *path)
{
	FILE *f = fopen(path, "we");

	if (!f || fprintf(f, "%ld %s\n", n_seen, name_of_wanted) < 0 || fclose(f) != 0)
		die(path);
}

int main(int argc, char **argv)
{
	int sockets[2];

	if (argc < 8)
		return CANNOT;
	library = argv[1];
	list = argv[3];
	wanted = atol(argv[4]);
	action = argv[5];
	refused = argv[6];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
		die("socketpair");
	child = fork();
	if (child == 0)
		become_command(sockets[1], argv + 7);
	close(sockets[1]);
	int listener = receive_descriptor(sockets[0]);

	if (listener < 0) {
		errno = ENOSYS;
		die("no seccomp listener");
	}
	supervise(listener);
	write_report(argv[2]);
	return status_of_child();
}
