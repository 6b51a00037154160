/* SPDX-License-Identifier: MIT */
/* A program that checks its own state, which the profiler must not change: descriptors, errno,
 * signals, its working directory, its exit status. argv[1] names the command. The program exits
 * with status HARMED if the profiler has done harm. */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* NULL if the program runs without the library. */
__attribute__((weak)) void HeapProfilerDump(const char *reason);

static void *volatile sink;

static void allocate(long n, long size)
{
	for (long i = 0; i < n; i++)
		sink = malloc(size);
}

static void dump(void)
{
	if (HeapProfilerDump)
		HeapProfilerDump("host");
}

static int do_allocate(char **argv)
{
	allocate(atol(argv[0]), atol(argv[1]));
	return argv[2] ? atoi(argv[2]) : 0;
}

/* argv: total bytes, in blocks of 10,000 that are freed at once */
static int do_churn(char **argv)
{
	for (long left = atol(argv[0]); left > 0; left -= 10000) {
		sink = malloc(10000);
		free(sink);
	}
	return 0;
}

static int do_descriptors(char **argv)
{
	for (int round = 0; round < 3; round++) {
		int a = open("/dev/null", O_RDONLY), b = open("/dev/null", O_RDONLY);

		require(a == 3 && b == 4, "descriptors 3 and 4 are ours");
		allocate(1000, 1000);
		dump();
		close(a);
		close(b);
	}
	for (int fd = 3; fd < 1024; fd++)
		require(fcntl(fd, F_GETFD) == -1, "nothing stays open");
	return 0;
}

/* Closes descriptors 0 to 2, as a daemon does, and opens a file three times, so that these numbers
 * belong to the file. argv: the file */
static int do_database_at_2(char **argv)
{
	struct stat status;

	allocate(10, 10);
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	for (int fd = 0; fd < 3; fd++)
		require(open(argv[0], O_RDWR | O_CREAT, 0600) == fd, "descriptors 0 to 2");
	allocate(1000, 100);
	dump();
	require(fstat(2, &status) == 0 && status.st_size == 0, "nobody wrote to our file");
	return 0;
}

/* Calls malloc from code that is unknown to the loader and has no unwind data. */
static void allocate_from_generated_code(void)
{
	/* push %rbp; mov %rsp,%rbp; movabs $malloc,%rax; call *%rax; pop %rbp; ret */
	unsigned char code[] = {0x55, 0x48, 0x89, 0xe5, 0x48, 0xb8, 0,    0,    0,
				0,    0,    0,    0,    0,    0xff, 0xd0, 0x5d, 0xc3};
	void *(*target)(size_t) = malloc;
	unsigned char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *(*function)(size_t);

	memcpy(code + 6, &target, sizeof(target));
	memcpy(page, code, sizeof(code));
	memcpy(&function, &page, sizeof(function));
	for (int i = 0; i < 10; i++)
		sink = function(100);
}

/* argv: a folder for the files that get descriptors 3 to 99 */
static int do_close_all(char **argv)
{
	char path[4096], text[32], back[32];

	allocate(1000, 100);
	closefrom(3);
	for (int fd = 3; fd < 100; fd++) {
		snprintf(path, sizeof(path), "%s/file%d", argv[0], fd);
		snprintf(text, sizeof(text), "content of %d", fd);
		require(open(path, O_RDWR | O_CREAT | O_EXCL, 0600) == fd, "a number of ours");
		require(write(fd, text, strlen(text)) == (ssize_t)strlen(text), "write");
	}
	for (int round = 0; round < 20; round++) {
		allocate(1000, 100 + round);
		allocate_from_generated_code();
		dump();
	}
	for (int fd = 3; fd < 100; fd++) {
		snprintf(text, sizeof(text), "content of %d", fd);
		memset(back, 0, sizeof(back));
		require(pread(fd, back, sizeof(back), 0) == (ssize_t)strlen(text), "length");
		require(strcmp(text, back) == 0, "content");
		require(lseek(fd, 0, SEEK_CUR) == (off_t)strlen(text), "position");
	}
	return 0;
}

static int do_errno(char **argv)
{
	for (int i = 0; i < 1000; i++) {
		errno = 4711;
		sink = malloc(i * 100);
		require(errno == 4711, "errno after malloc");
		sink = realloc(sink, i * 200 + 1);
		require(errno == 4711, "errno after realloc");
		free(sink);
		require(errno == 4711, "errno after free");
	}
	errno = 4711;
	sink = malloc((size_t)-1 / 2 - 10000);
	require(errno == ENOMEM, "errno after a failed malloc");
	return 0;
}

static int do_signals(char **argv)
{
	for (int i = 1; i < NSIG; i++) {
		struct sigaction action;

		if (sigaction(i, NULL, &action) != 0)
			continue;
		/* the parent may have made us ignore some signals, as nohup(1) does */
		require(action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN,
			"no handler but the program's");
	}
	return 0;
}

static int do_size_limit(char **argv)
{
	struct rlimit limit = {.rlim_cur = 1000, .rlim_max = 1000};

	require(setrlimit(RLIMIT_FSIZE, &limit) == 0, "setrlimit");
	allocate(1000, 100);
	dump();
	allocate(1000, 100);
	return 7;
}

/* Checks that when the profiler can't write a line, it leaves no SIGPIPE or SIGXFSZ pending, and
 * does not remove such a signal that is the program's own. */
static int do_silent_signals(char **argv)
{
	const int numbers[] = {SIGPIPE, SIGXFSZ};
	sigset_t both, pending;

	dump();
	sigemptyset(&both);
	for (int i = 0; i < 2; i++)
		sigaddset(&both, numbers[i]);
	sigprocmask(SIG_BLOCK, &both, NULL);
	dump();
	sigpending(&pending);
	for (int i = 0; i < 2; i++) {
		require(!sigismember(&pending, numbers[i]), "nothing is pending");
		raise(numbers[i]);
	}
	dump();
	sigpending(&pending);
	for (int i = 0; i < 2; i++) {
		require(sigismember(&pending, numbers[i]), "the program's own signal is pending");
		signal(numbers[i], SIG_IGN);
	}
	return 7;
}

static int do_chdir(char **argv)
{
	allocate(10, 100);
	require(chdir("/") == 0, "chdir");
	return 0;
}

static int do_address_limit(char **argv)
{
	struct rlimit limit = {.rlim_cur = 300 << 20, .rlim_max = 300 << 20};
	size_t n_failed = 0;

	require(setrlimit(RLIMIT_AS, &limit) == 0, "setrlimit");
	for (int i = 0; i < 100000; i++) {
		sink = malloc(5000);
		n_failed += sink == NULL;
	}
	require(n_failed > 0, "memory runs out");
	return 0;
}

const struct command commands[] = {
	{"allocate", do_allocate},
	{"churn", do_churn},
	{"descriptors", do_descriptors},
	{"database-at-2", do_database_at_2},
	{"close-all", do_close_all},
	{"errno", do_errno},
	{"signals", do_signals},
	{"size-limit", do_size_limit},
	{"silent-signals", do_silent_signals},
	{"chdir", do_chdir},
	{"address-limit", do_address_limit},
	{NULL, NULL},
};
