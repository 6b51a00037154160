/* SPDX-License-Identifier: MIT */
#include "target/apart.h"
#include "target/proc_files.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	NOBODY = 65534,
	PIPE = 3, /* the pipe's descriptor in the child */
	FIRST_ROOM = 1 << 16,
	LOOK_MS = 1000, /* between two looks whether the child waits: see waits_max */
	ENDS_MAX = 100, /* naps of 10 ms */
	CPU_SECONDS_MAX = 600,
	FILES_MAX = 1024,
};

#define MEMORY_MAX ((rlim_t)4 << 30)

/* --- which user ------------------------------------------------------------------------------ */

static uint64_t capabilities(const char *status)
{
	const char *value = hp_proc_value(status, "CapEff");

	return value ? strtoull(value, NULL, 16) : 0;
}

static bool is_same_namespace(int pid, const char *kind)
{
	struct stat own, other;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/ns/%s", kind);
	if (stat(path, &own))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, kind);
	return stat(path, &other) == 0 && own.st_ino == other.st_ino && own.st_dev == other.st_dev;
}

/* Returns true if the process could do all that we can. */
static bool has_our_rights(int pid, const char *status)
{
	char *own;
	uint64_t ours = UINT64_MAX;

	if (hp_proc_read("/proc/self/status", &own) >= 0) {
		ours = capabilities(own);
		free(own);
	}
	return (ours & ~capabilities(status)) == 0 && is_same_namespace(pid, "user");
}

/* Returns the real ID of a line "Uid: real effective saved", or the effective one if that is 0. */
static uint32_t choose_id(const char *line)
{
	char *end;
	uint32_t real = line ? (uint32_t)strtoul(line, &end, 10) : NOBODY;

	return real != 0 ? real : (uint32_t)strtoul(end, NULL, 10);
}

void hp_apart_user_of_process(int pid, struct hp_apart_user *out)
{
	char *status;

	*out = (struct hp_apart_user){.is_other = geteuid() == 0, .uid = NOBODY, .gid = NOBODY};
	if (!out->is_other || hp_proc_read_process(pid, "status", &status) < 0)
		return;
	if (choose_id(hp_proc_value(status, "Uid")) != 0) {
		out->uid = choose_id(hp_proc_value(status, "Uid"));
		out->gid = choose_id(hp_proc_value(status, "Gid"));
	} else if (has_our_rights(pid, status)) {
		*out = (struct hp_apart_user){.is_other = false};
	}
	free(status);
}

void hp_apart_user_of_file(uid_t uid, gid_t gid, struct hp_apart_user *out)
{
	*out = (struct hp_apart_user){.is_other = geteuid() == 0, .uid = NOBODY, .gid = NOBODY};
	if (uid != 0)
		*out = (struct hp_apart_user){.is_other = out->is_other, .uid = uid, .gid = gid};
}

/* --- the child ------------------------------------------------------------------------------- */

static int set_limit(int resource, rlim_t max)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit))
		return -errno;
	limit.rlim_max = limit.rlim_max < max ? limit.rlim_max : max;
	limit.rlim_cur = limit.rlim_cur < limit.rlim_max ? limit.rlim_cur : limit.rlim_max;
	return setrlimit(resource, &limit) ? -errno : 0;
}

static int set_limits(bool may_write)
{
	const struct {
		int resource;
		rlim_t max;
	} limits[] = {
		{RLIMIT_CPU, CPU_SECONDS_MAX},
		{RLIMIT_DATA, MEMORY_MAX},
		{RLIMIT_NOFILE, FILES_MAX},
		{RLIMIT_FSIZE, may_write ? RLIM_INFINITY : 0},
		{RLIMIT_CORE, 0},
		{RLIMIT_NPROC, 0},
	};
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(limits) / sizeof(limits[0]); i++)
		r = set_limit(limits[i].resource, limits[i].max);
	return r;
}

/* A change of the user clears the wish to end with the parent. */
static void end_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
}

static int drop_capabilities(bool keeps_trace)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct kept[_LINUX_CAPABILITY_U32S_3] = {0};

	if (keeps_trace) {
		const uint32_t trace = UINT32_C(1) << CAP_SYS_PTRACE;

		kept[0] = (struct __user_cap_data_struct){.effective = trace, .permitted = trace};
	}
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &header, kept) ? -errno : 0;
}

static int become(const struct hp_apart_user *user, bool is_tracer)
{
	pid_t parent = getppid();
	int r = set_limits(is_tracer);

	if (r)
		return r;
	if (prctl(PR_SET_KEEPCAPS, is_tracer, 0, 0, 0) || setgroups(0, NULL) ||
	    setresgid(user->gid, user->gid, user->gid) ||
	    setresuid(user->uid, user->uid, user->uid))
		return -errno;
	r = drop_capabilities(is_tracer);
	if (r)
		return r;
	/* That user's processes must not read in our memory, or change what we do. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return -errno;
	end_with(parent);
	return 0;
}

int hp_apart_become(const struct hp_apart_user *user)
{
	return become(user, false);
}

int hp_apart_become_tracer(const struct hp_apart_user *user)
{
	return become(user, true);
}

bool hp_apart_write(int out, const void *bytes, size_t size)
{
	while (size > 0) {
		ssize_t n = write(out, bytes, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes = (const char *)bytes + n;
		size -= (size_t)n;
	}
	return true;
}

/* Before Linux 5.9 the kernel can't close all descriptors from one on. */
static bool close_each_after_kept(void)
{
	DIR *folder = opendir("/proc/self/fd");
	struct dirent *entry;

	while (folder && (entry = readdir(folder)) != NULL) {
		int fd = (int)strtol(entry->d_name, NULL, 10); /* 0 for "." and ".." */

		if (fd > HP_APART_KEPT && fd != dirfd(folder))
			close(fd);
	}
	return folder && closedir(folder) == 0;
}

/* Leaves the pipe, the kept descriptor and /dev/null, under their numbers, and no other. */
static bool settle_descriptors(int out, int kept)
{
	int null = open("/dev/null", O_RDWR);
	int high_out = fcntl(out, F_DUPFD, HP_APART_KEPT + 1);
	int high_kept = kept < 0 ? -1 : fcntl(kept, F_DUPFD, HP_APART_KEPT + 1);

	if (null < 0 || high_out < 0 || (kept >= 0 && high_kept < 0))
		return false;
	for (int fd = 0; fd <= 2; fd++)
		if (dup2(null, fd) < 0)
			return false;
	if (dup2(high_out, PIPE) < 0)
		return false;
	if (high_kept < 0)
		close(HP_APART_KEPT);
	else if (dup2(high_kept, HP_APART_KEPT) < 0)
		return false;
	return syscall(__NR_close_range, HP_APART_KEPT + 1, ~0U, 0) == 0 || close_each_after_kept();
}

/* The child has a process group of its own. So what a terminal sends to the foreground reaches the
 * parent alone; if that ends, so does the child. */
__attribute__((noreturn)) static void run_child(const struct hp_apart *apart, int out, pid_t parent)
{
	signal(SIGTERM, SIG_DFL);
	setpgid(0, 0);
	end_with(parent);
	if (!settle_descriptors(out, apart->kept))
		_exit(1);
	_exit(apart->work(PIPE, apart->context) == 0 ? 0 : 1);
}

/* --- the parent ------------------------------------------------------------------------------ */

struct reader {
	struct hp_apart *apart;
	int fd;
	pid_t child;
	size_t size, room;
	char *bytes;
	struct timespec cpu; /* of the child, at the last look */
	int n_waits;
};

__attribute__((format(printf, 2, 3))) static bool fail(struct reader *r, const char *format, ...)
{
	va_list arguments;

	if (r->apart->why[0])
		return false;
	va_start(arguments, format);
	vsnprintf(r->apart->why, sizeof(r->apart->why), format, arguments);
	va_end(arguments);
	return false;
}

static bool make_room(struct reader *r)
{
	if (r->size < r->room)
		return true;
	size_t room = r->room ? 2 * r->room : FIRST_ROOM;
	char *grown;

	if (r->size >= r->apart->max_bytes)
		return fail(r, "its result has more than %zu bytes", r->apart->max_bytes);
	grown = realloc(r->bytes, room + 1);
	if (!grown)
		return fail(r, "out of memory");
	r->bytes = grown;
	r->room = room;
	return true;
}

/* Returns false if the child has only waited for too long: for a file that never answers, or since
 * it was stopped. */
static bool look(struct reader *r)
{
	struct timespec cpu;
	clockid_t clock;

	if (!r->apart->waits_max || clock_getcpuclockid(r->child, &clock) ||
	    clock_gettime(clock, &cpu))
		return true;
	r->n_waits++;
	if (cpu.tv_sec != r->cpu.tv_sec || cpu.tv_nsec != r->cpu.tv_nsec)
		r->n_waits = 0;
	r->cpu = cpu;
	if (r->n_waits <= r->apart->waits_max)
		return true;
	return fail(r, "a file does not answer, or the work was stopped; it was ended");
}

static bool read_all(struct reader *r)
{
	for (;;) {
		struct pollfd fd = {.fd = r->fd, .events = POLLIN};
		int n_ready = poll(&fd, 1, LOOK_MS);
		ssize_t n;

		if (n_ready == 0 && !look(r))
			return false;
		if (n_ready <= 0)
			continue;
		if (!make_room(r))
			return false;
		n = read(r->fd, r->bytes + r->size, r->room - r->size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(r, "%s", strerror(errno));
		if (n == 0)
			return true;
		r->size += (size_t)n;
	}
}

/* Waits for a killed child, but not for long: while a file system of another user does not answer,
 * even SIGKILL waits. The system's first process waits for such a child in the end. */
static void end_child(pid_t child)
{
	const struct timespec nap = {.tv_nsec = 10000000};

	kill(child, SIGKILL);
	for (int i = 0; i < ENDS_MAX && waitpid(child, NULL, WNOHANG) == 0; i++)
		nanosleep(&nap, NULL);
}

static bool wait_for(struct reader *r)
{
	int status = 0;
	pid_t found;

	do
		found = waitpid(r->child, &status, 0);
	while (found < 0 && errno == EINTR);
	if (found < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
		return true;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
		return fail(r, "it took more than %d seconds", CPU_SECONDS_MAX);
	if (WIFSIGNALED(status))
		return fail(r, "it was ended by signal %d", WTERMSIG(status));
	return fail(r, "it has failed");
}

bool hp_apart_run(struct hp_apart *apart, char **out, size_t *out_size)
{
	struct reader r = {.apart = apart};
	pid_t parent = getpid();
	int ends[2];
	bool is_done;

	apart->why[0] = '\0';
	if (pipe2(ends, O_CLOEXEC))
		return fail(&r, "%s", strerror(errno));
	r.fd = ends[0];
	r.child = fork();
	if (r.child == 0)
		run_child(apart, ends[1], parent);
	close(ends[1]);
	is_done = r.child > 0 ? read_all(&r) : fail(&r, "%s", strerror(errno));
	close(ends[0]);
	if (r.child > 0 && !is_done)
		end_child(r.child);
	is_done = is_done && wait_for(&r);
	if (!is_done) {
		free(r.bytes);
		return false;
	}
	*out = r.bytes;
	*out_size = r.size;
	return true;
}
