/* SPDX-License-Identifier: MIT */
/* Loads a library into children of this process and unloads it again, while they allocate, open
 * libraries, fork, make threads and get signals; and what becomes of them if the caller is killed.
 * Each round is a process of its own. */
#include "busy_process.h"
#include "inject/calls.h"
#include "kill_at_step.h"
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>

enum {
	ROUNDS = 10, /* or $HEAPPROF_TEST_ROUNDS */
	KILLS = 12,  /* or $HEAPPROF_TEST_KILLS */
};

/* Returns the number of mappings that can be executed and have no file. */
static int count_areas(pid_t pid)
{
	char path[64], line[512];
	int n = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		n += strstr(line, "r-xp") && !strchr(line, '/') && !strchr(line, '[');
	if (file)
		fclose(file);
	return n;
}

static bool has_mapped(pid_t pid, const char *name)
{
	char path[64], line[512];
	bool is_there = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		is_there = is_there || strstr(line, name);
	if (file)
		fclose(file);
	return is_there;
}

static int count_files(pid_t pid, const char *name)
{
	char path[64], link[256];
	struct dirent *entry;
	int n = 0;
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	folder = opendir(path);
	while (folder && (entry = readdir(folder)) != NULL) {
		ssize_t size = readlinkat(dirfd(folder), entry->d_name, link, sizeof(link) - 1);

		link[size > 0 ? size : 0] = '\0';
		n += strstr(link, name) != NULL;
	}
	if (folder)
		closedir(folder);
	return n;
}

/* --- callers ---------------------------------------------------------------------------------- */

enum what {
	OPEN,
	OPEN_CONTENT,
	CLOSE,
	CRASH,
	PAUSE,
	COUNT_ENDS
};

static int call(struct hp_target *t, enum what what)
{
	struct hp_call calls[1] = {{.name = "pause", .content = -1}};
	int content, r;

	switch (what) {
	case OPEN:
		return hp_calls_open_library(t, INJECTED, -1, &shared->handle);
	case OPEN_CONTENT:
		content = open(INJECTED, O_RDONLY | O_CLOEXEC);
		return hp_calls_open_library(t, NULL, content, &shared->handle);
	case CLOSE:
		return hp_calls_close_library(t, shared->handle);
	case CRASH:
		calls[0].name = "injected_crash";
		break;
	case COUNT_ENDS:
		calls[0].name = "injected_ends";
		break;
	case PAUSE:
		break;
	}
	r = hp_calls_make(t, calls, 1);
	shared->result = calls[0].result;
	return r;
}

/* Makes a call in a process of its own. Returns its wait status. */
static int call_apart(pid_t pid, enum what what)
{
	int status = -1;
	pid_t caller;

	shared->message[0] = '\0';
	fflush(stdout);
	caller = fork();
	if (caller == 0) {
		struct hp_target *t;
		int r;

		n_steps = 0;
		r = hp_target_open_process(pid, &t);
		r = r ? r : call(t, what);
		snprintf(shared->message, sizeof(shared->message), "%s", t->message);
		hp_target_close(t);
		_exit(r);
	}
	waitpid(caller, &status, 0);
	return status;
}

static void check_round(pid_t pid, bool is_content)
{
	CHECK_INT_EQ(call_apart(pid, is_content ? OPEN_CONTENT : OPEN), 0);
	CHECK_STR_EQ(shared->message, "");
	CHECK(shared->handle != 0);
	CHECK_INT_EQ(call_apart(pid, COUNT_ENDS), 0);
	CHECK_UINT_EQ(shared->result, 41);
	CHECK_INT_EQ(call_apart(pid, CLOSE), 0);
	CHECK_STR_EQ(shared->message, "");
	CHECK_INT_EQ(kill(pid, 0), 0);
}

static void check_rounds(int (*run)(void), int n)
{
	pid_t child = make_child(run);

	for (int i = 0; i < n && test_failures == 0; i++)
		check_round(child, i % 10 == 9);
	CHECK_INT_EQ(count_areas(child), 0);
	CHECK_INT_EQ(count_files(child, "memfd:heapprof"), 0);
	CHECK(!has_mapped(child, "injected"));
	await_all(run);
	end_child(child);
}

static void test_many_threads(void)
{
	check_rounds(run_many, asked("HEAPPROF_TEST_ROUNDS", ROUNDS));
}

static void test_one_thread_that_allocates(void)
{
	check_rounds(run_one, asked("HEAPPROF_TEST_ROUNDS", ROUNDS));
}

static void test_memory_that_must_not_become_executable(void)
{
	check_rounds(run_without_new_code, 2);
}

static void test_one_thread_that_waits(void)
{
	check_rounds(run_waiting, ROUNDS / 10);
}

/* Files in memory must not be executable, in this PID namespace. */
static void forbid_files_in_memory(void)
{
	int fd = open("/proc/sys/vm/memfd_noexec", O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)!write(fd, "2", 1);
	close(fd);
}

/* A process whose number there is not the one here, with another root in principle: the library
 * comes from memory. */
static void test_another_pid_namespace(void)
{
	pid_t outer;
	int status;

	memset(shared, 0, sizeof(*shared));
	fflush(stdout);
	outer = fork();
	if (outer == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWPID))
			_exit(77);
		pid_t inner = fork();

		if (inner == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			forbid_files_in_memory();
			_exit(run_many());
		}
		shared->pid = inner;
		_exit(waitpid(inner, &status, 0) < 0 || status != 0);
	}
	for (int i = 0; i < PATIENCE_MS && !shared->pid && waitpid(outer, &status, WNOHANG) == 0;
	     i++)
		nap();
	if (!shared->pid) {
		printf("# no right to make a PID namespace\n");
		return;
	}
	await_rounds(0, N_THREADS);
	for (int i = 0; i < 3; i++)
		check_round(shared->pid, true);
	CHECK_INT_EQ(count_areas(shared->pid), 0);
	end_child(outer);
}

/* Executes a program of one thread, and waits until it waits: for its input, which does not come,
 * or for a child. */
static pid_t execute_waiting(char *const arguments[], int input)
{
	char path[64], state = 0;
	ssize_t size;
	char link[256] = "";
	pid_t child = fork();

	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setpgid(0, 0);
		dup2(input, 0);
		execvp(arguments[0], arguments);
		_exit(127);
	}
	for (int i = 0; i < PATIENCE_MS && (state != 'S' || !link[0] || strstr(link, "test_calls"));
	     i++) {
		FILE *stat;

		nap();
		snprintf(path, sizeof(path), "/proc/%d/exe", child);
		size = readlink(path, link, sizeof(link) - 1);
		link[size > 0 ? size : 0] = '\0';
		snprintf(path, sizeof(path), "/proc/%d/stat", child);
		stat = fopen(path, "re");
		if (!stat || fscanf(stat, "%*d (%*[^)]) %c", &state) != 1)
			state = 0;
		if (stat)
			fclose(stat);
	}
	return child;
}

/* Words of ended calls of malloc() are left on the stacks of these. */
static void test_programs_of_one_thread(void)
{
	static char *const programs[][4] = {
		{"bash", "-c", "read line; exit", NULL},
		{"bash", "-c", "sleep 1000; exit", NULL},
		{"/usr/bin/python3", "-c", "input()", NULL},
		{"/usr/bin/python3", "-c", "import time; time.sleep(1000)", NULL},
		{"sleep", "1000", NULL}};
	int input[2];

	CHECK_INT_EQ(pipe2(input, O_CLOEXEC), 0);
	memset(shared, 0, sizeof(*shared));
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		pid_t child = execute_waiting(programs[i], input[0]);

		if (kill(child, 0) || waitpid(child, NULL, WNOHANG) == child) {
			printf("# %s is not installed\n", programs[i][0]);
			continue;
		}
		CHECK_INT_EQ(call_apart(child, OPEN), 0);
		CHECK_STR_EQ(shared->message, "");
		CHECK_INT_EQ(call_apart(child, CLOSE), 0);
		CHECK_STR_EQ(shared->message, "");
		kill(-child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	close(input[0]);
	close(input[1]);
}

static void test_what_the_library_is_like_meanwhile(void)
{
	pid_t child = make_child(run_one);

	CHECK_INT_EQ(call_apart(child, OPEN), 0);
	CHECK(has_mapped(child, "injected.so"));
	CHECK_INT_EQ(count_areas(child), 0);
	CHECK_INT_EQ(call_apart(child, CLOSE), 0);
	CHECK(!has_mapped(child, "injected.so"));
	end_child(child);
}

static void check_crash(int (*run)(void))
{
	pid_t child = make_child(run);

	CHECK_INT_EQ(call_apart(child, OPEN), 0);
	CHECK_INT_EQ(call_apart(child, CRASH), HP_TARGET_E << 8);
	CHECK_STR_EQ(shared->message, "injected_crash crashed in it; the thread that called it was "
				      "ended, the process goes on");
	CHECK_INT_EQ(count_areas(child), 1);
	CHECK_INT_EQ(call_apart(child, CLOSE), 0);
	await_all(run);
	end_child(child);
}

static void test_a_crash(void)
{
	check_crash(run_one);
	check_crash(run_many);
}

static void test_a_call_that_does_not_return(void)
{
	pid_t child = make_child(run_waiting);

	CHECK_INT_EQ(call_apart(child, PAUSE), HP_TARGET_E << 8);
	CHECK_STR_EQ(shared->message,
		     "pause has not returned in it after 3 seconds; the thread that "
		     "called it goes on");
	await_rounds(5, 6);
	CHECK_INT_EQ(call_apart(child, OPEN), HP_TARGET_E << 8);
	CHECK_STR_EQ(shared->message, "a call that an earlier heapprof has made in it has not "
				      "returned; try again later");
	await_rounds(5, 6);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* --- kills ------------------------------------------------------------------------------------ */

/* Kills callers at steps that are `stride` apart, and lets another one put things in order. */
static int kill_at_steps(int (*run)(void), enum what what, int first, int stride)
{
	pid_t child = make_child(run);
	int n_kills = 0;
	bool was_killed = true;

	for (int i = first; was_killed && test_failures == 0; i += stride) {
		shared->handle = 0;
		kill_before = i % 2 ? i / 2 + 1 : NO_CALL;
		kill_after = i % 2 ? NO_CALL : i / 2 + 1;
		was_killed = WIFSIGNALED(call_apart(child, what));
		kill_before = kill_after = NO_CALL;
		n_kills += was_killed;
		await_all(run);
		check_round(child, false);
		CHECK_INT_EQ(count_areas(child), 0);
		CHECK_INT_EQ(count_files(child, "memfd:heapprof"), 0);
	}
	end_child_after_kills(child);
	return n_kills;
}

static void test_kills(void)
{
	int n = asked("HEAPPROF_TEST_KILLS", KILLS), n_one = 0, n_many = 0, stride = 50;

	for (int first = 1; n_one + n_many < n && test_failures == 0; first += 7) {
		n_one += kill_at_steps(run_one, OPEN_CONTENT, first, stride);
		n_many += kill_at_steps(run_many, OPEN, first, stride);
	}
	printf("# %d kills with one thread, %d with %d\n", n_one, n_many, N_THREADS + 1);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {TEST(test_many_threads),
					    TEST(test_one_thread_that_allocates),
					    TEST(test_one_thread_that_waits),
					    TEST(test_another_pid_namespace),
					    TEST(test_memory_that_must_not_become_executable),
					    TEST(test_programs_of_one_thread),
					    TEST(test_what_the_library_is_like_meanwhile),
					    TEST(test_a_crash),
					    TEST(test_a_call_that_does_not_return),
					    TEST(test_kills)};

	map_shared();
	return test_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
