/* SPDX-License-Identifier: MIT */
/* The program into which faults are injected. argv[1] names the command. Its output and exit status
 * must be the same with and without the library. While it runs it checks its own memory and errno;
 * it exits with status 5 if all is well. */
#include "answer_calls.h"
#include "program.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	UNHARMED = 5,
	NOBODY = 65534
};

/* NULL if the program runs without the library, or without flaky.c. */
__attribute__((weak)) void HeapProfilerDump(const char *reason);
__attribute__((weak)) void flaky_begin(unsigned every);

static void *volatile sink;

static void dump(void)
{
	errno = 4711;
	if (HeapProfilerDump)
		HeapProfilerDump("victim");
	require(errno == 4711, "errno after a dump");
}

/* --- work: threads that fill blocks and check them ----------------------------------------- */

enum {
	N_BLOCKS = 64,
	N_ROUNDS = 10,
	N_THREADS = 2
};

static size_t size_of(int i)
{
	return 16 + i * 37 % 3000;
}

static NOINLINE void *make_block(int i)
{
	errno = 4711;
	unsigned char *p = i % 3 ? malloc(size_of(i)) : calloc(1, size_of(i));

	require(p != NULL && errno == 4711, "a block");
	memset(p, i, size_of(i));
	return p;
}

static void check_block(const unsigned char *p, int i)
{
	for (size_t at = 0; at < size_of(i); at++)
		require(p[at] == (unsigned char)i, "what a block holds");
}

static void *work(void *unused)
{
	void *blocks[N_BLOCKS] = {NULL};
	int numbers[N_BLOCKS] = {0};

	for (int i = 0; i < N_BLOCKS * N_ROUNDS; i++) {
		int at = i % N_BLOCKS;

		if (blocks[at])
			check_block(blocks[at], numbers[at]);
		free(blocks[at]);
		blocks[at] = make_block(i);
		numbers[at] = i;
	}
	for (int i = 0; i < N_BLOCKS; i++) {
		check_block(blocks[i], numbers[i]);
		free(blocks[i]);
	}
	return NULL;
}

static void work_in_threads(void)
{
	pthread_t threads[N_THREADS];

	for (int i = 0; i < N_THREADS; i++)
		require(pthread_create(&threads[i], NULL, work, NULL) == 0, "a thread");
	work(NULL);
	for (int i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
}

static int do_work(char **argv)
{
	work_in_threads();
	dump();
	work(NULL);
	dump();
	dprintf(1, "worked\n");
	return UNHARMED;
}

static int do_work_alone(char **argv)
{
	work(NULL);
	dump();
	dprintf(1, "worked\n");
	return UNHARMED;
}

/* --- disk ---------------------------------------------------------------------------------- */

/* argv: a file to remove after the first dumps, so that there is room on the disk */
static int do_make_room(char **argv)
{
	work(NULL);
	for (int i = 0; i < 3; i++)
		dump();
	require(unlink(argv[0]) == 0, "unlink");
	dump();
	return UNHARMED;
}

static int run_shell(const char *command)
{
	int status = system(command);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Removes the folder of the dumps, and makes it again later. argv: that folder */
static int do_lose_folder(char **argv)
{
	char command[8192];

	work(NULL);
	dump();
	unsetenv("LD_PRELOAD"); /* the shell runs without the library */
	snprintf(command, sizeof(command), "rm -r '%s'", argv[0]);
	require(run_shell(command) == 0, "rm");
	dump();
	dump();
	require(mkdir(argv[0], 0700) == 0, "mkdir");
	dump();
	return UNHARMED;
}

static void *dump_in_thread(void *unused)
{
	dump();
	return NULL;
}

/* For inject.c's "hold": the dump of one thread never ends, while the main thread works on. */
static int do_hang(char **argv)
{
	const struct timespec nap = {.tv_nsec = 1000000};
	pthread_t thread;

	require(pthread_create(&thread, NULL, dump_in_thread, NULL) == 0, "a thread");
	while (access("held", F_OK) != 0)
		nanosleep(&nap, NULL);
	for (int i = 0; i < 80; i++)
		work(NULL);
	return UNHARMED;
}

static volatile int n_size_signals;

static void count_size_signal(int signal)
{
	n_size_signals++;
}

/* Checks that the program gets the SIGXFSZ of its own write, and none of the library's. */
static int do_own_size_signal(char **argv)
{
	struct rlimit limit = {.rlim_cur = 1000, .rlim_max = 1000};
	struct sigaction action = {.sa_handler = count_size_signal};
	char text[2000] = {0};

	sigaction(SIGXFSZ, &action, NULL);
	require(setrlimit(RLIMIT_FSIZE, &limit) == 0, "setrlimit");
	work(NULL);
	dump();
	require(n_size_signals == 0, "no signal by a dump");
	int fd = open("own", O_WRONLY | O_CREAT, 0600);

	require(write(fd, text, sizeof(text)) == 1000, "up to the limit");
	require(write(fd, text, sizeof(text)) == -1 && errno == EFBIG, "beyond it");
	require(n_size_signals == 1, "the program's own signal");
	unlink("own");
	return UNHARMED;
}

/* --- descriptors --------------------------------------------------------------------------- */

/* Uses up descriptors. argv: how many stay free, the limit of descriptors */
static int do_use_descriptors(char **argv)
{
	int n_free = atoi(argv[0]), last = -1, fd;
	struct rlimit limit = {.rlim_cur = atoi(argv[1]), .rlim_max = atoi(argv[1])};

	require(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
	while ((fd = open("/dev/null", O_RDONLY)) >= 0)
		last = fd;
	require(last == atoi(argv[1]) - 1, "all descriptors are ours");
	for (int i = 0; i < n_free; i++)
		close(last - i);
	work(NULL);
	dump();
	dump();
	for (int i = 0; i < n_free; i++)
		require(open("/dev/null", O_RDONLY) == last - n_free + 1 + i, "free ones");
	require(open("/dev/null", O_RDONLY) == -1 && errno == EMFILE, "none is left");
	close(last);
	close(last - 1);
	return UNHARMED;
}

/* --- no memory ----------------------------------------------------------------------------- */

/* Prints which calls failed. These are the same calls as without the library, unless the library
 * calls the allocator underneath for its own purposes. */
static int do_bad_luck(char **argv)
{
	unsigned char *p = NULL, *other;
	size_t size = 0;

	require(flaky_begin != NULL, "flaky.c is there");
	flaky_begin(7);
	for (int i = 1; i < 3000; i++) {
		errno = 0;
		other = i % 5 ? malloc(i) : aligned_alloc(64, i * 64);
		require(other ? errno == 0 : errno == ENOMEM, "errno of malloc");
		if (!other)
			dprintf(1, "%d ", i);
		free(other);
		other = realloc(p, i);
		if (other) {
			p = other;
			memset(p, i, size = i);
		} else {
			require(errno == ENOMEM, "errno of realloc");
			dprintf(1, "r%d ", i);
		}
		for (size_t at = 0; at < size; at++)
			require(p[at] == p[0], "a failed realloc leaves the block as it is");
		if (i % 1000 == 0)
			dump();
	}
	flaky_begin(0);
	sink = p; /* one block stays in use, of 2999 bytes or a little less */
	dprintf(1, "%zu\n", size);
	return UNHARMED;
}

/* --- filters of system calls ---------------------------------------------------------------- */

static const int opening[] = {SYS_open, SYS_openat, SYS_creat, -1};

static int do_forbid_open(char **argv)
{
	work(NULL);
	dump();
	require(answer_calls(opening, SECCOMP_RET_ERRNO | EPERM), "a filter");
	work(NULL);
	dump();
	dump();
	return UNHARMED;
}

/* Installs a filter that kills the process if the library opens a file. */
static int do_deadly_open(char **argv)
{
	work(NULL);
	require(answer_calls(opening, SECCOMP_RET_KILL_PROCESS), "a filter");
	for (int i = 0; i < 20; i++)
		work(NULL);
	return UNHARMED;
}

/* A stub is generated code: the loader does not know it, and it has no unwind data. The stub of
 * write_stub() has a frame pointer and calls `target`. That of write_wild_stub() has `bp` in place
 * of a frame pointer and calls `allocate`. */
enum {
	STUB_SIZE = 32
};

static void put_number(unsigned char *at, uint64_t value)
{
	memcpy(at, &value, sizeof(value));
}

static void write_stub(unsigned char *at, void (*target)(void))
{
	/* push %rbp; mov %rsp,%rbp; movabs $target,%rax; call *%rax; pop %rbp; ret */
	static const unsigned char stub[] = {0x55, 0x48, 0x89, 0xe5, 0x48, 0xb8, 0,    0,    0,
					     0,    0,    0,    0,    0,    0xff, 0xd0, 0x5d, 0xc3};

	memcpy(at, stub, sizeof(stub));
	put_number(at + 6, (uintptr_t)target);
}

static void write_wild_stub(unsigned char *at, void *(*allocate)(size_t), uint64_t bp)
{
	/* push %rbp; movabs $bp,%rbp; mov $100,%edi; movabs $allocate,%rax; call *%rax; pop %rbp;
	 * ret */
	static const unsigned char stub[] = {0x55, 0x48, 0xbd, 0, 0, 0, 0,    0,    0,    0,
					     0,    0xbf, 100,  0, 0, 0, 0x48, 0xb8, 0,    0,
					     0,    0,    0,    0, 0, 0, 0xff, 0xd0, 0x5d, 0xc3};

	memcpy(at, stub, sizeof(stub));
	put_number(at + 3, bp);
	put_number(at + 18, (uintptr_t)allocate);
}

static unsigned char *map_code(size_t size)
{
	unsigned char *code = mmap(NULL, size, PROT_READ | PROT_WRITE | PROT_EXEC,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	require(code != MAP_FAILED, "memory for code");
	return code;
}

static void call_stub(const unsigned char *at)
{
	void (*stub)(void);

	memcpy(&stub, &at, sizeof(at));
	stub();
}

/* The kernel refuses every system call of the library. The library then can't find out which
 * addresses on a stack are readable, so it must not follow a frame pointer that leads beyond the
 * stack's end. */
static int do_forbid_all(char **argv)
{
	static const int ours[] = {SYS_open,           SYS_openat,
				   SYS_read,           SYS_fcntl,
				   SYS_fstat,          SYS_ioctl,
				   SYS_getdents64,     SYS_readlink,
				   SYS_link,           SYS_linkat,
				   SYS_unlink,         SYS_renameat2,
				   SYS_mmap,           SYS_munmap,
				   SYS_mprotect,       SYS_madvise,
				   SYS_pipe2,          SYS_getrandom,
				   SYS_membarrier,     SYS_clock_gettime,
				   SYS_rt_sigprocmask, SYS_rt_sigpending,
				   SYS_sched_yield,    SYS_getpid,
				   SYS_gettid,         -1};
	unsigned char *code = map_code(4096);

	work(NULL); /* so that glibc's malloc has got the memory that it needs */
	require(answer_calls(ours, SECCOMP_RET_ERRNO | EPERM), "a filter");
	work(NULL);
	for (uint64_t distance = 4096; distance < UINT64_C(1) << 46; distance *= 2) {
		write_wild_stub(code, malloc, (uintptr_t)&code + distance);
		call_stub(code);
	}
	dump();
	work(NULL);
	return UNHARMED;
}

/* --- another root or user ------------------------------------------------------------------ */

/* argv: the folder that becomes the root */
static int do_chroot(char **argv)
{
	work(NULL);
	dump();
	require(chroot(argv[0]) == 0 && chdir("/") == 0, "chroot");
	work(NULL);
	dump();
	dump();
	return UNHARMED;
}

/* argv: the number of the new user */
static int do_drop_privileges(char **argv)
{
	work(NULL);
	dump();
	require(setuid(atoi(argv[0])) == 0, "setuid");
	work(NULL);
	dump();
	dump();
	return UNHARMED;
}

/* --- modes --------------------------------------------------------------------------------- */

/* argv: umask, octal */
static int do_umask(char **argv)
{
	umask(strtol(argv[0], NULL, 8));
	work(NULL);
	return UNHARMED;
}

/* --- a long life --------------------------------------------------------------------------- */

static NOINLINE void allocate_and_free(void)
{
	free(sink = malloc(100));
	sink = NULL; /* prevents a tail call */
}

static NOINLINE void leak_late(int n)
{
	for (int i = 0; i < n; i++)
		sink = malloc(1000);
}

/* argv: number of stacks of generated code */
static int do_generated_code(char **argv)
{
	size_t n = atol(argv[0]);
	unsigned char *code = map_code(n * STUB_SIZE);

	for (size_t i = 0; i < n; i++)
		write_stub(code + i * STUB_SIZE, allocate_and_free);
	for (size_t i = 0; i < n; i++)
		call_stub(code + i * STUB_SIZE);
	leak_late(100);
	dump();
	return UNHARMED;
}

/* Returns the address of the build ID in the contents of a file. It follows the header of its
 * note. */
static unsigned char *find_build_id(unsigned char *file, size_t size)
{
	static const unsigned char header[] = {4, 0, 0, 0, 20,  0,   0,   0,
					       3, 0, 0, 0, 'G', 'N', 'U', 0};
	unsigned char *at = memmem(file, size, header, sizeof(header));

	require(at != NULL, "a build ID");
	return at + sizeof(header);
}

static size_t read_file(const char *path, unsigned char *out, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, out, size);

	require(n > 0 && (size_t)n < size, "read");
	close(fd);
	return n;
}

static void write_file(const char *path, const unsigned char *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	require(write(fd, data, size) == (ssize_t)size, "write");
	close(fd);
}

static NOINLINE void leak_in(void *handle, int n)
{
	void *(*allocate)(size_t) = (void *(*)(size_t))dlsym(handle, "plugin_allocate");

	for (int i = 0; i < n; i++)
		sink = allocate(777);
}

/* Makes variants of a library that differ in their build IDs, and opens one after another, each
 * after the previous one is closed. argv: the library, number of variants */
static int do_plugins(char **argv)
{
	static unsigned char file[1 << 20];
	size_t size = read_file(argv[0], file, sizeof(file));
	unsigned char *build_id = find_build_id(file, size);
	void *handle = NULL;

	for (long i = 0, n = atol(argv[1]); i < n; i++) {
		if (handle)
			dlclose(handle);
		memcpy(build_id, &i, sizeof(i));
		unlink("plugin.so");
		write_file("plugin.so", file, size);
		handle = dlopen("./plugin.so", RTLD_NOW);
		require(handle != NULL, "dlopen");
		leak_in(handle, 1);
		free(sink);
	}
	leak_in(handle, 10);
	dump();
	unlink("plugin.so");
	return UNHARMED;
}

/* --- small stacks -------------------------------------------------------------------------- */

static NOINLINE void allocate_deep(int depth)
{
	sink = malloc(100 + depth);
	if (depth > 0)
		allocate_deep(depth - 1);
	free(sink);
	sink = NULL; /* prevents a tail call */
}

static void *use_half(void *unused)
{
	char room[8192];

	memset(room, 1, sizeof(room));
	sink = room;
	allocate_deep(10);
	dump();
	for (size_t i = 0; i < sizeof(room); i++)
		require(room[i] == 1, "what the stack holds");
	return NULL;
}

/* Runs threads with stacks of 16 KiB, the minimum. Half of a stack is in use at its first
 * allocation. */
static int do_half_stacks(char **argv)
{
	pthread_attr_t attributes;
	pthread_t threads[4];

	pthread_attr_init(&attributes);
	require(pthread_attr_setstacksize(&attributes, 16384) == 0, "stack size");
	for (int i = 0; i < 4; i++)
		require(pthread_create(&threads[i], &attributes, use_half, NULL) == 0, "a thread");
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	return UNHARMED;
}

const struct command commands[] = {
	{"work", do_work},
	{"work-alone", do_work_alone},
	{"make-room", do_make_room},
	{"lose-folder", do_lose_folder},
	{"hang", do_hang},
	{"own-size-signal", do_own_size_signal},
	{"use-descriptors", do_use_descriptors},
	{"bad-luck", do_bad_luck},
	{"forbid-open", do_forbid_open},
	{"deadly-open", do_deadly_open},
	{"forbid-all", do_forbid_all},
	{"chroot", do_chroot},
	{"drop-privileges", do_drop_privileges},
	{"umask", do_umask},
	{"generated-code", do_generated_code},
	{"plugins", do_plugins},
	{"half-stacks", do_half_stacks},
	{NULL, NULL},
};
