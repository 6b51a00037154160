/* SPDX-License-Identifier: MIT */
/* A program that attaches the library to itself, as a tool does from outside: it opens the library
 * while it runs, patches the entries of its allocator and calls the library's functions. It reads
 * commands from standard input, a line each, and answers each with a line. It allocates nothing for
 * that. */
#include "control/attached.h"
#include "inject/entry_patch.h"
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))

enum {
	N = 100, /* blocks of each kind */
	SIZE = 1000,
	ALIGNED_SIZE = 1024,
	N_THREADS = 4,
	PAGE = 4096,
};

static void fail(const char *what)
{
	dprintf(2, "attached: %s\n", what);
	_exit(99);
}

static void answer(long result)
{
	char line[32];
	int n = snprintf(line, sizeof(line), "%ld\n", result);

	if (write(1, line, (size_t)n) != n)
		_exit(98);
}

/* --- the patches --------------------------------------------------------------------------- */

static const char *const names[] = HP_ATTACHED_NAMES;
static void *library;
static struct hp_attached_request request;
static struct hp_entry_patch patches[HP_ATTACHED_N_FUNCTIONS];
static bool is_patched[HP_ATTACHED_N_FUNCTIONS];
static char *slots; /* one for each function, near the allocator; the dlclose's is separate */

static char *map_near(uintptr_t entry)
{
	const uintptr_t step = 1 << 20;
	size_t size = HP_ATTACHED_N_FUNCTIONS * HP_ENTRY_SLOT_SIZE;

	for (uintptr_t distance = step; distance < HP_ENTRY_NEAR / 2; distance += step) {
		uintptr_t at = (entry & -(uintptr_t)PAGE) - distance;
		void *p = mmap((void *)at, size, PROT_READ | PROT_WRITE | PROT_EXEC,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

		if (p != MAP_FAILED)
			return p;
	}
	fail("no room for slots");
	return NULL;
}

static size_t size_of(void *function)
{
	const ElfW(Sym) *symbol = NULL;
	Dl_info info;

	return dladdr1(function, &info, (void **)&symbol, RTLD_DL_SYMENT) && symbol
		       ? symbol->st_size
		       : 0;
}

static bool is_in_object_of(void *function, void *other)
{
	Dl_info a, b;

	return dladdr(function, &a) && dladdr(other, &b) && a.dli_fbase == b.dli_fbase;
}

/* Returns the function to patch; NULL: there is none, or another name for it comes first. */
static void *function_to_patch(size_t i)
{
	void *function = dlsym(RTLD_DEFAULT, names[i]);

	if (!function || (i < HP_ATTACHED_N_OF_ALLOCATOR &&
			  !is_in_object_of(function, dlsym(RTLD_DEFAULT, "malloc"))))
		return NULL;
	for (size_t before = 0; before < i; before++)
		if (dlsym(RTLD_DEFAULT, names[before]) == function)
			return NULL;
	return function;
}

static void plan(void)
{
	memset(is_patched, 0, sizeof(is_patched));
	memset(request.next, 0, sizeof(request.next));
	for (size_t i = 0; i < HP_ATTACHED_N_FUNCTIONS; i++) {
		void *function = function_to_patch(i), *hook = dlsym(library, names[i]);
		struct hp_entry_code code = {(uintptr_t)function, function, 0};
		uintptr_t slot = (uintptr_t)slots + i * HP_ENTRY_SLOT_SIZE;

		if (!function)
			continue;
		if (!hook || is_in_object_of(hook, function))
			fail(names[i]);
		code.size = size_of(function);
		if (hp_entry_patch_plan(&patches[i], &code, slot, (uintptr_t)hook) !=
		    HP_ENTRY_PLANNED)
			continue;
		is_patched[i] = true;
		request.next[i] = hp_entry_patch_trampoline(&patches[i]);
		memcpy((void *)slot, patches[i].code, sizeof(patches[i].code));
	}
}

static void write_code(uintptr_t at, const void *bytes, size_t size)
{
	uintptr_t page = at & -(uintptr_t)PAGE;
	size_t n = (at + size - page + PAGE - 1) & -(size_t)PAGE;

	if (mprotect((void *)page, n, PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
		fail("mprotect");
	memcpy((void *)at, bytes, size);
	mprotect((void *)page, n, PROT_READ | PROT_EXEC);
}

/* No other thread is in the allocator. */
static void patch(bool is_on)
{
	for (size_t i = 0; i < HP_ATTACHED_N_FUNCTIONS; i++)
		if (is_patched[i])
			write_code(patches[i].at, is_on ? patches[i].after : patches[i].before,
				   patches[i].size);
}

/* --- the library's functions ---------------------------------------------------------------- */

static int (*start)(const struct hp_attached_request *);
static void (*stop)(void);
static bool is_started;
static int (*set)(uint64_t);

static long do_start(uint64_t interval, const char *prefix, bool without_dlclose)
{
	int result;

	if (is_started)
		return start(&request);
	plan();
	if (without_dlclose) {
		is_patched[HP_ATTACHED_DLCLOSE] = false;
		request.next[HP_ATTACHED_DLCLOSE] = 0;
	}
	request.version = HP_ATTACHED_VERSION;
	request.size = sizeof(request);
	request.interval = interval;
	strcpy(request.prefix, prefix);
	result = start(&request);
	is_started = result == HP_ATTACHED_OK;
	if (is_started)
		patch(true);
	return result;
}

static long do_stop(void)
{
	patch(false);
	stop();
	is_started = false;
	return 0;
}

/* --- what is allocated ----------------------------------------------------------------------- */

static void *before[N]; /* from before the session */
static void *blocks[N];

static NOINLINE void allocate_before(void)
{
	for (size_t i = 0; i < N; i++)
		before[i] = malloc(SIZE);
}

/* Frees the blocks from before, except every fourth, which is resized. */
static NOINLINE void free_before(void)
{
	for (size_t i = 0; i < N; i++)
		if (i % 4)
			free(before[i]);
		else
			before[i] = realloc(before[i], 3 * SIZE);
}

/* Frees every second block. The others leak. */
static void free_half(void)
{
	for (size_t i = 0; i < N; i += 2)
		free(blocks[i]);
}

static void use_malloc(size_t i)
{
	blocks[i] = malloc(SIZE);
}

static void use_calloc(size_t i)
{
	blocks[i] = calloc(10, SIZE / 10);
}

static void use_realloc(size_t i)
{
	blocks[i] = realloc(NULL, SIZE);
}

static void use_realloc_twice(size_t i)
{
	blocks[i] = realloc(malloc(SIZE / 2), SIZE);
}

static void use_reallocarray(size_t i)
{
	blocks[i] = reallocarray(NULL, 10, SIZE / 10);
}

static void use_posix_memalign(size_t i)
{
	if (posix_memalign(&blocks[i], 64, SIZE) != 0)
		blocks[i] = NULL;
}

static void use_aligned_alloc(size_t i)
{
	blocks[i] = aligned_alloc(8, SIZE);
}

/* With so small an alignment, memalign is a malloc in most allocators. */
static void use_memalign(size_t i)
{
	blocks[i] = memalign(8, SIZE);
}

static void use_valloc(size_t i)
{
	blocks[i] = valloc(SIZE);
}

/* jemalloc has no pvalloc, and the C library's is not for its free. */
static void use_pvalloc(size_t i)
{
	blocks[i] = is_in_object_of(dlsym(RTLD_DEFAULT, "pvalloc"), dlsym(RTLD_DEFAULT, "malloc"))
			    ? pvalloc(PAGE)
			    : malloc(PAGE);
}

static void use_strdup(size_t i)
{
	static char text[SIZE];

	if (!text[0])
		memset(text, 'x', sizeof(text) - 1);
	blocks[i] = strdup(text);
}

static void *(*new_plain)(size_t), *(*new_nothrow)(size_t, const void *);
static void *(*new_aligned)(size_t, size_t);
static void (*delete_plain)(void *), (*delete_sized)(void *, size_t);
static void (*delete_aligned)(void *, size_t);

static void use_new(size_t i)
{
	blocks[i] = new_plain(SIZE);
}

static void use_new_nothrow(size_t i)
{
	blocks[i] = new_nothrow(SIZE, "");
}

static void use_new_aligned(size_t i)
{
	blocks[i] = new_aligned(ALIGNED_SIZE, 64);
}

static void *(*mallocx)(size_t, int), *(*rallocx)(void *, size_t, int);
static void (*sdallocx)(void *, size_t, int);

static void use_mallocx(size_t i)
{
	blocks[i] = rallocx(mallocx(SIZE / 2, 0), SIZE, 0);
}

/* One function for each kind, so that stacks show which it was. */
#define KIND(kind)                                 \
	static NOINLINE void allocate_##kind(void) \
	{                                          \
		for (size_t i = 0; i < N; i++)     \
			use_##kind(i);             \
	}
KIND(malloc)
KIND(calloc)
KIND(realloc)
KIND(realloc_twice)
KIND(reallocarray)
KIND(posix_memalign)
KIND(aligned_alloc)
KIND(memalign)
KIND(valloc)
KIND(pvalloc)
KIND(strdup)
KIND(new)
KIND(new_nothrow)
KIND(new_aligned)
KIND(mallocx)

static void allocate_all(void)
{
	void (*const kinds[])(void) = {
		allocate_malloc,        allocate_calloc,       allocate_realloc,
		allocate_realloc_twice, allocate_reallocarray, allocate_posix_memalign,
		allocate_aligned_alloc, allocate_memalign,     allocate_valloc,
		allocate_pvalloc,       allocate_strdup,
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		kinds[i]();
		free_half();
	}
}

static void allocate_cxx(void)
{
	allocate_new();
	for (size_t i = 0; i < N; i += 2)
		i % 4 ? delete_plain(blocks[i]) : delete_sized(blocks[i], SIZE);
	allocate_new_nothrow();
	for (size_t i = 0; i < N; i += 2)
		delete_plain(blocks[i]);
	allocate_new_aligned();
	for (size_t i = 0; i < N; i += 2)
		delete_aligned(blocks[i], 64);
	errno = 0;
	if (new_nothrow(PTRDIFF_MAX, ""))
		fail("new of too much");
	if (!mallocx)
		return;
	allocate_mallocx();
	for (size_t i = 0; i < N; i += 2)
		sdallocx(blocks[i], SIZE, 0);
}

/* --- threads --------------------------------------------------------------------------------- */

static pthread_barrier_t barrier;
static pthread_t threads[N_THREADS];

static NOINLINE void allocate_in_thread(void)
{
	for (int i = 0; i < N * N; i++) {
		void *p = malloc(64);

		if (i % 2)
			free(p);
		else
			*(char *volatile *)p = p;
	}
}

static void *wait_and_allocate(void *unused)
{
	pthread_barrier_wait(&barrier);
	allocate_in_thread();
	pthread_barrier_wait(&barrier);
	return NULL;
}

static void *only_allocate(void *unused)
{
	allocate_in_thread();
	return NULL;
}

static void begin_threads(void)
{
	pthread_barrier_init(&barrier, NULL, N_THREADS + 1);
	for (size_t i = 0; i < N_THREADS; i++)
		pthread_create(&threads[i], NULL, wait_and_allocate, NULL);
}

/* Lets the threads that waited allocate, and then as many new ones. */
static void end_threads(void)
{
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	for (size_t i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < N_THREADS; i++)
		pthread_create(&threads[i], NULL, only_allocate, NULL);
	for (size_t i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* --- children and plugins -------------------------------------------------------------------- */

static NOINLINE void allocate_in_child(void)
{
	for (size_t i = 0; i < N; i++)
		blocks[i] = malloc(SIZE);
}

static long begin_child(void)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	allocate_in_child();
	free_half();
	answer(0);
	pause();
	_exit(0);
}

/* Opens a plugin, lets it allocate and closes it; and another one, which has the same addresses. */
static void use_plugin(const char *path, const char *function)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	void *(*allocate)(size_t) = handle ? (void *(*)(size_t))dlsym(handle, function) : NULL;

	if (!allocate)
		fail(path);
	for (size_t i = 0; i < N; i++)
		blocks[i] = allocate(SIZE);
	dlclose(handle);
}

/* --- commands -------------------------------------------------------------------------------- */

static void look_up(void)
{
	library = dlopen(getenv("ATTACH_LIBRARY"), RTLD_NOW | RTLD_LOCAL);
	if (!library)
		fail(dlerror());
	start = (int (*)(const struct hp_attached_request *))dlsym(library,
								   "heapprof_attached_start");
	stop = (void (*)(void))dlsym(library, "heapprof_attached_stop");
	set = (int (*)(uint64_t))dlsym(library, "heapprof_attached_set");
	new_plain = (void *(*)(size_t))dlsym(RTLD_DEFAULT, "_Znwm");
	new_nothrow = (void *(*)(size_t, const void *))dlsym(RTLD_DEFAULT, "_ZnwmRKSt9nothrow_t");
	new_aligned = (void *(*)(size_t, size_t))dlsym(RTLD_DEFAULT, "_ZnwmSt11align_val_t");
	delete_plain = (void (*)(void *))dlsym(RTLD_DEFAULT, "_ZdlPv");
	delete_sized = (void (*)(void *, size_t))dlsym(RTLD_DEFAULT, "_ZdlPvm");
	delete_aligned = (void (*)(void *, size_t))dlsym(RTLD_DEFAULT, "_ZdlPvSt11align_val_t");
	mallocx = (void *(*)(size_t, int))dlsym(RTLD_DEFAULT, "mallocx");
	rallocx = (void *(*)(void *, size_t, int))dlsym(RTLD_DEFAULT, "rallocx");
	sdallocx = (void (*)(void *, size_t, int))dlsym(RTLD_DEFAULT, "sdallocx");
}

static long run(char *line)
{
	char *word = strtok(line, " "), *first = strtok(NULL, " "), *second = strtok(NULL, " ");

	if (strcmp(word, "start") == 0)
		return do_start(strtoull(first, NULL, 10), second ? second : "", false);
	if (strcmp(word, "start-without-dlclose") == 0)
		return do_start(strtoull(first, NULL, 10), "", true);
	if (strcmp(word, "set") == 0)
		return set(strtoull(first, NULL, 10));
	if (strcmp(word, "stop") == 0)
		return do_stop();
	if (strcmp(word, "before") == 0)
		allocate_before();
	else if (strcmp(word, "free-before") == 0)
		free_before();
	else if (strcmp(word, "all") == 0)
		allocate_all();
	else if (strcmp(word, "cxx") == 0)
		allocate_cxx();
	else if (strcmp(word, "begin-threads") == 0)
		begin_threads();
	else if (strcmp(word, "end-threads") == 0)
		end_threads();
	else if (strcmp(word, "fork") == 0)
		return begin_child();
	else if (strcmp(word, "plugin") == 0)
		use_plugin(first, second);
	else if (strcmp(word, "exit") == 0)
		exit(0);
	else if (strcmp(word, "_exit") == 0)
		_exit(0);
	else
		fail(word);
	return 0;
}

int main(void)
{
	char line[8192];
	size_t n = 0;

	look_up();
	slots = map_near((uintptr_t)dlsym(RTLD_DEFAULT, "malloc"));
	answer(0);
	while (read(0, &line[n], 1) == 1) {
		if (line[n++] != '\n')
			continue;
		line[n - 1] = '\0';
		n = 0;
		answer(run(line));
	}
	return 0;
}
