/* SPDX-License-Identifier: MIT */
#include "target/apart.h"
#include "target/target.h"
#include "test.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct hp_apart_user user = {true, 54321, 54321};

static int say(int out, void *text)
{
	return !hp_apart_write(out, text, strlen(text));
}

static void test_result(void)
{
	struct hp_apart apart = {.work = say, .context = "result", .kept = -1, .max_bytes = 100};
	char *bytes;
	size_t size;

	CHECK(hp_apart_run(&apart, &bytes, &size));
	CHECK(size == 6 && memcmp(bytes, "result", 6) == 0);
	free(bytes);
}

static int say_much(int out, void *unused)
{
	static const char bytes[4096];

	while (hp_apart_write(out, bytes, sizeof(bytes)))
		;
	return 1;
}

static int fail(int out, void *unused)
{
	return 1;
}

static int crash(int out, void *unused)
{
	raise(SIGKILL);
	return 0;
}

static int wait_for_ever(int out, void *unused)
{
	return pause();
}

static int stop_for_ever(int out, void *unused)
{
	raise(SIGSTOP);
	return 0;
}

static void check_failure(hp_apart_work *work, const char *why)
{
	struct hp_apart apart = {.work = work, .kept = -1, .waits_max = 1, .max_bytes = 1 << 17};
	char *bytes;
	size_t size;

	CHECK(!hp_apart_run(&apart, &bytes, &size));
	CHECK_STR_EQ(apart.why, why);
	CHECK_INT_EQ(waitpid(-1, NULL, WNOHANG), -1);
}

static void test_work_that_fails(void)
{
	check_failure(fail, "it has failed");
	check_failure(crash, "it was ended by signal 9");
	check_failure(say_much, "its result has more than 131072 bytes");
}

static void test_work_that_only_waits(void)
{
	const char *why = "a file does not answer, or the work was stopped; it was ended";

	check_failure(wait_for_ever, why);
	check_failure(stop_for_ever, why);
}

/* Only the pipe and the descriptor that is kept are open. */
static int list_descriptors(int out, void *unused)
{
	char text[64] = "", c;

	for (int fd = 0; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%d ", fd);
	return pread(HP_APART_KEPT, &c, 1, 0) != 1 || say(out, text);
}

static void test_descriptors(void)
{
	struct hp_apart apart = {.work = list_descriptors, .max_bytes = 100};
	int other = open("/dev/zero", O_RDONLY);
	char *bytes;
	size_t size;

	for (int i = 0; i < 4; i++) { /* under any number */
		apart.kept = open("/proc/self/exe", O_RDONLY);
		CHECK(hp_apart_run(&apart, &bytes, &size));
		CHECK(size == 10 && memcmp(bytes, "0 1 2 3 4 ", 10) == 0);
		free(bytes);
	}
	close(other);
}

#ifdef __has_feature
#define HAS_ADDRESS_SANITIZER __has_feature(address_sanitizer)
#else
#define HAS_ADDRESS_SANITIZER 0
#endif

/* Says which of root's rights are left. */
static int try_rights(int out, void *secret)
{
	char c;

	if (hp_apart_become(&user))
		return say(out, "become ");
	if (open(secret, O_RDONLY) >= 0)
		say(out, "open ");
	if (setresuid(0, 0, 0) == 0 || setgid(0) == 0)
		say(out, "setuid ");
	if (chown(secret, 1, 1) == 0)
		say(out, "chown ");
	if (kill(getppid(), 0) == 0)
		say(out, "kill ");
	if (fork() >= 0)
		say(out, "fork ");
	if (!HAS_ADDRESS_SANITIZER && malloc((size_t)5 << 30)) /* it maps without a limit */
		say(out, "memory ");
	if (pread(HP_APART_KEPT, &c, 1, 0) != 1)
		say(out, "no descriptor ");
	return say(out, "end");
}

static void test_rights(void)
{
	char secret[] = "/tmp/test-apart-XXXXXX";
	struct hp_apart apart = {.work = try_rights, .context = secret, .max_bytes = 1000};
	char *bytes = NULL;
	size_t size;

	if (geteuid() != 0)
		return; /* only root has rights to give up */
	apart.kept = mkstemp(secret);
	CHECK(write(apart.kept, "x", 1) == 1);
	CHECK(hp_apart_run(&apart, &bytes, &size));
	if (size != 3 || memcmp(bytes, "end", 3) != 0)
		fprintf(stderr, "%.*s\n", (int)size, bytes);
	CHECK(size == 3);
	free(bytes);
	unlink(secret);
}

static uint64_t word = 4711;

static int read_memory(int out, void *context)
{
	struct hp_target *t;
	uint64_t got = 0;

	if (hp_target_open_process(*(pid_t *)context, &t) || hp_target_keep_open(t) ||
	    hp_apart_become(&user) || !hp_target_read(t, (uintptr_t)&word, &got, sizeof(got)) ||
	    t->ops->check(t))
		return 1;
	kill(*(pid_t *)context, SIGKILL); /* it is root's, so this fails */
	hp_target_close(t);
	return !hp_apart_write(out, &got, sizeof(got));
}

/* The memory of a process of root is read by a user, who got it open. */
static void test_open_memory_is_read(void)
{
	pid_t child = fork();
	struct hp_apart apart = {
		.work = read_memory, .context = &child, .kept = -1, .max_bytes = 100};
	char *bytes;
	size_t size;

	while (child == 0)
		pause();
	if (geteuid() == 0) {
		CHECK(hp_apart_run(&apart, &bytes, &size));
		CHECK(size == sizeof(word) && memcmp(bytes, &word, size) == 0);
		free(bytes);
		CHECK_INT_EQ(waitpid(child, NULL, WNOHANG), 0);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static pid_t make_process_of(uid_t id)
{
	pid_t child;
	int ready[2];
	char c;

	if (pipe(ready))
		abort();
	child = fork();
	if (child == 0) {
		if (setresgid(id, id, id) || setresuid(id, id, id))
			_exit(1);
		close(ready[0]);
		close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	CHECK_INT_EQ(read(ready[0], &c, 1), 0);
	close(ready[0]);
	return child;
}

static void test_users(void)
{
	struct hp_apart_user found;
	pid_t child;

	hp_apart_user_of_process(getpid(), &found);
	CHECK(!found.is_other);
	hp_apart_user_of_file(54321, 54322, &found);
	CHECK(found.is_other == (geteuid() == 0) && found.uid == 54321 && found.gid == 54322);
	hp_apart_user_of_file(0, 0, &found);
	CHECK(found.is_other == (geteuid() == 0) && found.uid == 65534 && found.gid == 65534);
	if (geteuid() != 0)
		return;
	child = make_process_of(54321);
	hp_apart_user_of_process(child, &found);
	CHECK(found.is_other && found.uid == 54321 && found.gid == 54321);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	hp_apart_user_of_process(child, &found);
	CHECK(found.is_other && found.uid == 65534); /* it has ended */
}

TEST_MAIN(TEST(test_result), TEST(test_work_that_fails), TEST(test_work_that_only_waits),
	  TEST(test_descriptors), TEST(test_rights), TEST(test_open_memory_is_read),
	  TEST(test_users))
