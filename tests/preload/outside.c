/* SPDX-License-Identifier: MIT */
/* Programs that are read from outside. Each prints "ready" when it is, and ends at the end of its
 * standard input. */
#include "base/view.h"
#include "program.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	THREADS_MAX = 64,
	SIZE = 64,
	KEPT = 100,
	BLOCKING_SIZE = 54321, /* the size at which blocking_malloc.c blocks */
};

static __thread void *volatile sink;

static void say(const char *word)
{
	require(write(STDOUT_FILENO, word, strlen(word)) > 0, "standard output");
}

static void say_number(long n)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld\n", n);
	say(text);
}

/* In a program with the archive, only this reference makes the linker include the function. */
#ifdef HAS_ARCHIVE
void HeapProfilerDump(const char *reason);

static void (*find_dump(void))(const char *)
{
	return HeapProfilerDump;
}
#else
static void (*find_dump(void))(const char *)
{
	return (void (*)(const char *))dlsym(RTLD_DEFAULT, "HeapProfilerDump");
}
#endif

/* Each line of standard input asks for a dump by the public function. */
static int follow_input(void)
{
	void (*dump)(const char *) = find_dump();
	char c;

	say("ready\n");
	while (read(STDIN_FILENO, &c, 1) == 1) {
		if (c != '\n')
			continue;
		require(dump != NULL, "HeapProfilerDump");
		dump("asked");
		say("dumped\n");
	}
	return 0;
}

/* --- threads that have allocated, and wait --------------------------------------------------- */

static pthread_barrier_t have_allocated;

/* A stack of its own for each number. */
static NOINLINE void *descend(unsigned number, int depth, size_t size)
{
	void *p;

	if (depth == 0)
		p = malloc(size);
	else if (number % 2 == 0)
		p = descend(number / 2, depth - 1, size);
	else
		p = descend(number / 2, depth - 1, size);
	sink = NULL; /* no tail call */
	return p;
}

static void *allocate_and_wait(void *argument)
{
	unsigned number = (unsigned)(uintptr_t)argument;

	for (unsigned i = 0; i < 2000; i++) {
		void *p = descend(i * 8 + number, 12, 100 + i % 5 * 1000);

		if (i % 3 == 0)
			free(p);
	}
	pthread_barrier_wait(&have_allocated);
	for (;;)
		pause();
	return NULL;
}

/* argv: how many threads */
static int do_threads(char **argv)
{
	int n = atoi(argv[0]);
	pthread_t thread;

	pthread_barrier_init(&have_allocated, NULL, (unsigned)n + 1);
	for (int i = 0; i < n; i++)
		pthread_create(&thread, NULL, allocate_and_wait, (void *)(uintptr_t)i);
	pthread_barrier_wait(&have_allocated);
	return follow_input();
}

static void *follow_alone(void *main_thread)
{
	pthread_join(*(pthread_t *)main_thread, NULL);
	sink = malloc(9000);
	exit(follow_input());
}

/* The first thread ends before any other. */
static int do_leaderless(char **argv)
{
	static pthread_t main_thread;
	pthread_t thread;

	main_thread = pthread_self();
	pthread_create(&thread, NULL, follow_alone, &main_thread);
	pthread_exit(NULL);
}

/* --- threads that go on ---------------------------------------------------------------------- */

/* All blocks of a stack have one size, so bytes and objects must match. */
static void *allocate_on(void *argument)
{
	unsigned n = (unsigned)(uintptr_t)argument;
	void *kept[KEPT] = {0};

	for (;;) {
		n = n * 1103515245 + 12345;
		free(kept[n / 65536 % KEPT]);
		kept[n / 65536 % KEPT] = malloc(SIZE);
	}
	return NULL;
}

/* argv: how many threads */
static int do_load(char **argv)
{
	pthread_t thread;

	for (int i = 0; i < atoi(argv[0]); i++)
		pthread_create(&thread, NULL, allocate_on, (void *)(uintptr_t)i);
	return follow_input();
}

/* Many stacks, and a number of blocks. argv: stacks, blocks */
static int do_many(char **argv)
{
	unsigned n_stacks = (unsigned)atoi(argv[0]), n_blocks = (unsigned)atoi(argv[1]);

	for (unsigned i = 0; i < n_blocks; i++)
		sink = descend(i % n_stacks, 20, 16);
	return follow_input();
}

/* --- trouble --------------------------------------------------------------------------------- */

/* Under blocking_malloc, the allocator never returns and holds a lock of its own. */
static void *block_in_malloc(void *unused)
{
	sink = malloc(BLOCKING_SIZE);
	return NULL;
}

static int do_deadlock(char **argv)
{
	pthread_t thread;

	sink = malloc(1000);
	pthread_create(&thread, NULL, block_in_malloc, NULL);
	return follow_input();
}

static int do_abort(char **argv)
{
	char c;

	for (int i = 0; i < atoi(argv[0]); i++)
		sink = malloc(100);
	say("ready\n");
	while (read(STDIN_FILENO, &c, 1) == 1)
		;
	abort();
}

/* --- libraries, children --------------------------------------------------------------------- */

/* argv: a plugin */
static int do_plugin(char **argv)
{
	void *plugin = dlopen(argv[0], RTLD_NOW);
	void *(*allocate)(size_t) =
		plugin ? (void *(*)(size_t))dlsym(plugin, "plugin_allocate") : NULL;

	require(allocate != NULL, "plugin");
	sink = allocate(7777);
	return follow_input();
}

static void wait_for_child(pid_t child)
{
	char c;

	while (read(STDIN_FILENO, &c, 1) == 1)
		;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* Makes a child by a system call, so no fork handler runs. The child does not allocate. */
static int do_raw_fork(char **argv)
{
	sink = malloc(3000);
	free(sink);
	sink = malloc(5000);
	pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0);

	while (child == 0)
		pause();
	say_number(child);
	wait_for_child(child);
	return 0;
}

/* A child that goes on with the tables that it has inherited. */
static int do_fork(char **argv)
{
	sink = malloc(3000);
	free(sink);
	sink = malloc(5000);
	pid_t child = fork();

	if (child == 0)
		sink = malloc(7000);
	while (child == 0)
		pause();
	say_number(child);
	wait_for_child(child);
	return 0;
}

/* The parent sleeps until the child is killed. */
static int do_vfork(char **argv)
{
	sink = malloc(5000);
	pid_t child = vfork();

	if (child == 0) {
		say_number(getpid());
		for (;;)
			pause();
	}
	return 0;
}

/* A second copy of the library, in a namespace of its own. argv: the library */
static int do_second_copy(char **argv)
{
	require(dlmopen(LM_ID_NEWLM, argv[0], RTLD_NOW) != NULL, "dlmopen");
	sink = malloc(7000);
	return follow_input();
}

/* --- waiting --------------------------------------------------------------------------------- */

static volatile int n_interrupted, n_waited;
static volatile bool is_ending;

static void note(long result)
{
	if (result < 0 && errno == EINTR)
		__atomic_add_fetch(&n_interrupted, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&n_waited, 1, __ATOMIC_RELAXED);
}

static void *wait_in_epoll(void *unused)
{
	int fd = epoll_create1(0);
	struct epoll_event event;

	for (;;)
		note(epoll_wait(fd, &event, 1, 20));
	return NULL;
}

static void *wait_in_recv(void *unused)
{
	struct timeval timeout = {.tv_usec = 20000};
	int ends[2];
	char c;

	require(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
	setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	for (;;)
		note(recv(ends[0], &c, 1, 0));
	return NULL;
}

static void *wait_in_nanosleep(void *unused)
{
	struct timespec some = {.tv_nsec = 20000000};

	for (;;)
		note(nanosleep(&some, NULL));
	return NULL;
}

static void *wait_in_sigtimedwait(void *unused)
{
	struct timespec some = {.tv_nsec = 20000000};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	for (;;)
		note(sigtimedwait(&set, NULL, &some));
	return NULL;
}

static void *wait_in_semtimedop(void *unused)
{
	int id = semget(IPC_PRIVATE, 1, 0600);
	struct timespec some = {.tv_nsec = 20000000};
	struct sembuf take = {.sem_op = -1};

	require(id >= 0, "semget");
	while (!is_ending)
		note(semtimedop(id, &take, 1, &some));
	semctl(id, 0, IPC_RMID);
	return NULL;
}

static void *wait_in_ppoll(void *unused)
{
	struct timespec some = {.tv_nsec = 20000000};

	for (;;)
		note(ppoll(NULL, 0, &some, NULL));
	return NULL;
}

/* Prints at the end how often a call was interrupted. */
static int do_waits(char **argv)
{
	void *(*const waits[])(void *) = {wait_in_epoll,        wait_in_recv,  wait_in_nanosleep,
					  wait_in_sigtimedwait, wait_in_ppoll, wait_in_semtimedop};
	pthread_t thread;
	char c;

	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++)
		pthread_create(&thread, NULL, waits[i], NULL);
	say("ready\n");
	while (read(STDIN_FILENO, &c, 1) == 1)
		;
	is_ending = true;
	pthread_join(thread, NULL); /* it removes its semaphore */
	require(n_waited > 0, "nobody has waited");
	say_number(n_interrupted);
	return 0;
}

/* --- signals --------------------------------------------------------------------------------- */

static struct {
	int n_handled, n_ended;
} volatile *counts;

static void handle(int number)
{
	counts->n_handled++;
}

/* Waits without a limit. Each SIGUSR1 must end the wait. argv: a file, which gets the counts */
static int do_signals(char **argv)
{
	struct sigaction action = {.sa_handler = handle};
	int fd = open(argv[0], O_RDWR | O_CREAT, 0600), epoll = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN};
	int n;

	require(fd >= 0 && ftruncate(fd, sizeof(*counts)) == 0, "file");
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	sigaction(SIGUSR1, &action, NULL);
	require(epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event) == 0, "epoll");
	say("ready\n");
	while ((n = epoll_wait(epoll, &event, 1, -1)) < 0)
		counts->n_ended += errno == EINTR;
	return 0;
}

/* Threads that end soon, and are replaced. argv: how many at a time */
static void *end_soon(void *unused)
{
	sink = malloc(SIZE);
	free(sink);
	return NULL;
}

static void *replace(void *unused)
{
	pthread_t thread;

	for (;;)
		if (pthread_create(&thread, NULL, end_soon, NULL) == 0)
			pthread_join(thread, NULL);
	return NULL;
}

static int do_come_and_go(char **argv)
{
	pthread_t thread;

	for (int i = 0; i < atoi(argv[0]) / 2; i++)
		pthread_create(&thread, NULL, replace, NULL);
	return follow_input();
}

/* Takes the rights of user and group argv[0]. argv[1]: a plugin, or nothing */
static int do_as_user(char **argv)
{
	gid_t id = (gid_t)atoi(argv[0]);
	void *plugin = argv[1] ? dlopen(argv[1], RTLD_NOW) : NULL;
	void *(*allocate)(size_t) =
		plugin ? (void *(*)(size_t))dlsym(plugin, "plugin_allocate") : NULL;

	require(!argv[1] || allocate, "plugin");
	if (allocate)
		sink = allocate(7777);
	require(setresgid(id, id, id) == 0 && setresuid(id, id, id) == 0, "setresuid");
	require(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0, "dumpable");
	sink = malloc(6000);
	return follow_input();
}

/* Changes bytes of the view's rows, others for each number. */
static void lie(const struct heapprof_view *view, unsigned number)
{
	for (uint32_t part = 0; part < view->n_parts; part++) {
		char *rows = (char *)(uintptr_t)view->parts[part].rows;
		size_t size = view->parts[part].n_rows * sizeof(struct hp_view_row);
		uintptr_t first = (uintptr_t)rows & ~4095ul, end = (uintptr_t)rows + size;

		require(mprotect((void *)first, end - first, PROT_READ | PROT_WRITE) == 0,
			"mprotect");
		for (size_t at = HP_VIEW_NAME_SIZE; at < size; at++) {
			number = number * 1103515245 + 12345;
			if (at % sizeof(struct hp_view_row) >= HP_VIEW_NAME_SIZE &&
			    number >> 16 < 100)
				rows[at] = (char)(number >> 8);
		}
	}
}

/* argv: a user, and the number of a lie */
static int do_lies(char **argv)
{
	lie(dlsym(RTLD_DEFAULT, "heapprof_view"), (unsigned)atoi(argv[1]));
	argv[1] = NULL;
	return do_as_user(argv);
}

const struct command commands[] = {
	{"threads", do_threads},
	{"load", do_load},
	{"many", do_many},
	{"deadlock", do_deadlock},
	{"abort", do_abort},
	{"plugin", do_plugin},
	{"second_copy", do_second_copy},
	{"raw_fork", do_raw_fork},
	{"fork", do_fork},
	{"vfork", do_vfork},
	{"waits", do_waits},
	{"signals", do_signals},
	{"come_and_go", do_come_and_go},
	{"as_user", do_as_user},
	{"lies", do_lies},
	{"leaderless", do_leaderless},
	{NULL, NULL},
};
