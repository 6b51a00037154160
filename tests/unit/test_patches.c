/* SPDX-License-Identifier: MIT */
/* Patches the allocator of children of this process, so that its calls reach the hooks of a library
 * (hooked.c), and undoes it, while they allocate, open libraries, fork, make threads and get
 * signals; and what becomes of them if the patching tool is killed. Each tool is a process of its
 * own. */
#include "busy_process.h"
#include "inject/calls.h"
#include "inject/image.h"
#include "inject/near_page.h"
#include "inject/patch_record.h"
#include "inject/patches.h"
#include "kill_at_step.h"
#include <elf.h>
#include <fcntl.h>

enum {
	ROUNDS = 3, /* or $HEAPPROF_TEST_ROUNDS */
	KILLS = 6,  /* or $HEAPPROF_TEST_KILLS */
	N_FUNCTIONS = 8,
	TRIES = 10,
};

static const char *const functions[N_FUNCTIONS] = {
	"malloc",   "free",          "calloc",         "realloc",
	"memalign", "aligned_alloc", "posix_memalign", "malloc_usable_size",
};

/* --- a tool ----------------------------------------------------------------------------------- */

/* The allocator is a library other than the C library, if there is one. */
static bool find_allocator(struct hp_target *t, struct hp_image *out)
{
	struct hp_image image;
	size_t position = 0;
	bool is_found = false;

	while (hp_image_next(t, &position, &image)) {
		bool is_libc = hp_image_symbol(t, &image, "__libc_start_main", NULL);

		if (!hp_image_symbol(t, &image, "malloc", NULL) ||
		    hp_image_symbol(t, &image, "_dl_debug_state", NULL) || (is_libc && is_found))
			continue;
		*out = image;
		is_found = true;
		if (!is_libc)
			return true;
	}
	return is_found;
}

static int plan(struct hp_target *t, struct hp_patches **out)
{
	struct hp_patches_entry entries[N_FUNCTIONS];
	struct hp_image allocator;

	if (!find_allocator(t, &allocator))
		return hp_target_error(t, "no allocator");
	for (int i = 0; i < N_FUNCTIONS; i++) {
		entries[i].name = functions[i];
		entries[i].entry = hp_image_symbol(t, &allocator, functions[i], &entries[i].size);
		if (!entries[i].entry)
			return hp_target_error(t, "no %s", functions[i]);
	}
	return hp_patches_plan(t, entries, N_FUNCTIONS, out);
}

static void set_hooks(struct hp_target *t, struct hp_patches *p)
{
	char name[64];

	for (int i = 0; i < N_FUNCTIONS; i++) {
		snprintf(name, sizeof(name), "hooked_%s", functions[i]);
		hp_patches_set_hook(p, (size_t)i, hp_image_find_symbol(t, name));
	}
}

static int tell_hooks(struct hp_target *t, const struct hp_patches *p)
{
	struct hp_call calls[N_FUNCTIONS];

	for (int i = 0; i < N_FUNCTIONS; i++)
		calls[i] = (struct hp_call){
			.name = "hooked_set",
			.arguments = {(uint64_t)i, hp_patches_trampoline(p, (size_t)i)},
			.content = -1};
	return hp_calls_make(t, calls, N_FUNCTIONS);
}

/* Opens the target anew, with maps that have the library. */
static int reopen(struct hp_target **t, int pid)
{
	hp_target_close(*t);
	return hp_target_open_process(pid, t);
}

static int attach(struct hp_target **t, int pid)
{
	struct hp_patches *p = NULL;
	uint64_t handle;
	int r = hp_calls_open_library(*t, HOOKED, -1, &handle);

	if (!r)
		r = reopen(t, pid);
	if (!r)
		r = plan(*t, &p);
	if (!r)
		set_hooks(*t, p);
	if (!r)
		r = hp_patches_place(*t, p);
	if (!r)
		r = tell_hooks(*t, p);
	if (!r)
		r = hp_patches_write(*t, p);
	hp_patches_free(p);
	return r;
}

static struct hp_code_range range_of_library(const struct hp_target *t)
{
	struct hp_code_range range = {0, 0};

	for (size_t i = 0; i < t->n_mappings; i++) {
		const struct hp_target_mapping *m = &t->mappings[i];

		if (!m->path || !memmem(m->path, m->path_size, "hooked", 6))
			continue;
		range.start = range.start ? range.start : m->start;
		range.end = m->end;
	}
	return range;
}

static int detach(struct hp_target **t, int pid)
{
	struct hp_code_range range = range_of_library(*t);
	struct hp_patches *p;
	int r = hp_patches_find(*t, &p);

	if (!r && !p)
		return 0;
	if (!r)
		r = hp_patches_undo(*t, p, &range, 1);
	if (!r)
		r = hp_patches_remove(*t, p);
	hp_patches_free(p);
	return r;
}

typedef int work_of_tool(struct hp_target **t, int pid);

/* Works on a process in a process of its own. Returns its wait status. */
static int work_apart(int pid, work_of_tool *work)
{
	int status = -1;
	pid_t tool;

	shared->message[0] = '\0';
	fflush(stdout);
	tool = fork();
	if (tool == 0) {
		struct hp_target *t = NULL;
		int r;

		n_steps = 0;
		r = reopen(&t, pid);
		r = r ? r : work(&t, pid);
		snprintf(shared->message, sizeof(shared->message), "%s", t->message);
		hp_target_close(t);
		_exit(r);
	}
	waitpid(tool, &status, 0);
	return status;
}

/* On a busy machine the child of a vfork() may take seconds until it executes a program. */
static void check_work(int pid, work_of_tool *work)
{
	int status = work_apart(pid, work);

	for (int i = 0; i < TRIES && status && strstr(shared->message, "try again"); i++)
		status = work_apart(pid, work);
	CHECK_INT_EQ(status, 0);
	CHECK_STR_EQ(shared->message, "");
}

/* --- what is seen from outside ---------------------------------------------------------------- */

/* Returns how often a hook was called. */
static uint64_t count_calls(int pid, int function)
{
	struct hp_target *t;
	uint64_t n = 0, at;

	if (!hp_target_open_process(pid, &t)) {
		at = hp_image_find_symbol(t, "hooked_n");
		if (!at || !hp_target_read(t, at + (uint64_t)function * sizeof(n), &n, sizeof(n)))
			n = 0;
	}
	hp_target_close(t);
	return n;
}

static void await_calls(int pid, int function)
{
	uint64_t before = count_calls(pid, function);
	int i;

	for (i = 0; i < PATIENCE_MS && count_calls(pid, function) == before && !has_died(); i++)
		nap();
	CHECK_INT_LT(i, PATIENCE_MS);
}

/* Returns true if the bytes of a mapping are those of its file. */
static bool is_as_file(struct hp_target *t, const struct hp_target_mapping *m)
{
	char path[4096] = "";
	size_t size = m->end - m->start;
	uint8_t *now = calloc(1, size), *file = calloc(1, size);
	bool is_same;
	int fd;

	memcpy(path, m->path, m->path_size < sizeof(path) ? m->path_size : 0);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	is_same = fd >= 0 && pread(fd, file, size, (off_t)m->offset) > 0 &&
		  hp_target_read(t, m->start, now, size) && memcmp(now, file, size) == 0;
	close(fd);
	free(now);
	free(file);
	return is_same;
}

/* Libraries come and go in the process: what was unmapped meanwhile is not compared. */
static void check_text(int pid)
{
	struct hp_target *t;
	int n = 0;

	CHECK_INT_EQ(hp_target_open_process(pid, &t), 0);
	for (size_t i = 0; i < t->n_mappings; i++) {
		const struct hp_target_mapping *m = &t->mappings[i];

		if (!m->path || m->path[0] != '/' || !m->is_executable ||
		    !memmem(m->path, m->path_size, "alloc", 5) ==
			    !memmem(m->path, m->path_size, "/libc.so", 8))
			continue;
		n++;
		CHECK(is_as_file(t, m));
	}
	CHECK(n > 0);
	hp_target_close(t);
}

/* Returns how many KiB of the code of files are copies. */
static long count_copied(int pid)
{
	char path[64], line[4096];
	bool is_text = false;
	long kb, sum = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (strstr(line, "-xp "))
			is_text = strchr(line, '/');
		else if (strstr(line, "-p ") || strstr(line, "-s "))
			is_text = false;
		else if (is_text && sscanf(line, "Private_Dirty: %ld", &kb) == 1)
			sum += kb;
	}
	if (file)
		fclose(file);
	return sum;
}

/* Returns the number of mappings that can be executed and have no file. */
static int count_areas(int pid)
{
	struct hp_target *t;
	int n = 0;

	CHECK_INT_EQ(hp_target_open_process(pid, &t), 0);
	for (size_t i = 0; i < t->n_mappings; i++)
		n += !t->mappings[i].path && t->mappings[i].is_executable;
	hp_target_close(t);
	return n;
}

/* --- rounds ----------------------------------------------------------------------------------- */

static void check_round(int pid, int (*run)(void))
{
	check_work(pid, attach);
	if (test_failures)
		return;
	CHECK_INT_EQ(count_areas(pid), 1);
	for (int i = 0; i < 2; i++)
		await_calls(pid, i);
	await_all(run);
	check_work(pid, detach);
	CHECK_INT_EQ(count_areas(pid), 0);
	check_text(pid);
}

static void check_rounds(int (*run)(void), const char *preload, int n)
{
	pid_t child = make_child_under(run, preload);

	for (int i = 0; i < n && test_failures == 0; i++)
		check_round(child, run);
	CHECK_INT_EQ(count_copied(child), 0);
	await_all(run);
	end_child(child);
}

static int n_rounds(void)
{
	return asked("HEAPPROF_TEST_ROUNDS", ROUNDS);
}

static void test_many_threads(void)
{
	check_rounds(run_many, NULL, n_rounds());
}

static void test_one_thread(void)
{
	check_rounds(run_one, NULL, n_rounds() / 3);
}

static void check_allocator(const char *library)
{
	void *handle = dlopen(library, RTLD_LAZY | RTLD_NOLOAD);

	if (handle)
		dlclose(handle);
	if (access(library, R_OK)) {
		printf("# %s is not installed\n", library);
		return;
	}
	check_rounds(run_many, library, n_rounds() / 3);
}

static void test_jemalloc(void)
{
	check_allocator("/usr/lib/x86_64-linux-gnu/libjemalloc.so.2");
}

static void test_tcmalloc(void)
{
	check_allocator("/usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4");
}

static void test_mimalloc(void)
{
	check_allocator("/usr/lib/x86_64-linux-gnu/libmimalloc.so.2");
}

static void test_memory_that_must_not_become_executable(void)
{
	check_rounds(run_without_new_code, NULL, 1);
}

/* Where files of /proc can't write what the process itself can't, ptrace does. */
static void test_memory_file_that_refuses(void)
{
	is_pwrite_refused = true;
	check_rounds(run_one, NULL, 1);
	is_pwrite_refused = false;
}

static void test_a_child_that_was_forked_meanwhile(void)
{
	pid_t child = make_child(run_and_fork);

	check_work(child, attach);
	shared->is_to_fork = 1;
	for (int i = 0; i < PATIENCE_MS && !shared->pid; i++)
		nap();
	await_rounds(5, 7);
	check_work(child, detach);
	CHECK_INT_EQ(count_areas(child), 0);
	CHECK_INT_EQ(count_areas(shared->pid), 1);
	await_calls(shared->pid, 0);
	check_work(shared->pid, detach);
	CHECK_INT_EQ(count_areas(shared->pid), 0);
	check_text(shared->pid);
	await_rounds(5, 7);
	end_child(child);
}

/* --- records ---------------------------------------------------------------------------------- */

static int find_only(struct hp_target **t, int pid)
{
	struct hp_patches *p;
	int r = hp_patches_find(*t, &p);

	if (p)
		hp_patches_free(p);
	return r ? r : p ? 100 : 0;
}

/* Makes a child with memory that a record could be in. */
static pid_t make_child_with_record(const struct hp_patch_record *record, uint8_t *page)
{
	pid_t child;

	memcpy(page, record, sizeof(*record));
	shared->pid = 0;
	fflush(stdout);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		mprotect(page, HP_NEAR_PAGE_SIZE, PROT_READ | PROT_EXEC);
		shared->pid = 1;
		for (;;)
			pause();
	}
	for (int i = 0; i < PATIENCE_MS && !shared->pid; i++)
		nap();
	return child;
}

static void check_record(const struct hp_patch_record *record, uint8_t *page, const char *expected)
{
	pid_t child = make_child_with_record(record, page);

	CHECK_INT_EQ(work_apart(child, find_only), *expected ? HP_TARGET_E << 8 : 0);
	CHECK_STR_EQ(shared->message, expected);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

#define DAMAGED "it has a record of patches that is damaged; nothing was changed"
#define FOREIGN "it has a record of patches that is not that of its code; nothing was changed"

/* A process may write anything where a record is looked for. */
static void test_records_that_are_not_ours(void)
{
	uint8_t *page = mmap(NULL, HP_NEAR_PAGE_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct hp_patch_record record = {.n = 1, .page = (uintptr_t)page, .state = 3}, bad;
	struct hp_target *t;

	CHECK_INT_EQ(hp_target_open_process(getpid(), &t), 0);
	record.entries[0] = (struct hp_patch_record_entry){
		.entry = (uintptr_t)malloc, .at = (uintptr_t)malloc, .size = 64, .jump_size = 5};
	CHECK(hp_text_place_of(t, (uintptr_t)malloc, &record.entries[0].place));
	hp_target_close(t);
	hp_patch_record_seal(&record);
	check_record(&record, page, FOREIGN);
	bad = record;
	bad.entries[0].hook++;
	check_record(&bad, page, DAMAGED);
	bad = record;
	bad.n = UINT32_MAX;
	hp_patch_record_seal(&bad);
	check_record(&bad, page, DAMAGED);
	bad = record;
	bad.state = 77;
	check_record(&bad, page, DAMAGED);
	bad = record;
	bad.version = 9;
	check_record(&bad, page, "another version of heapprof has patched it; use that");
	bad = record;
	bad.entries[0].place.inode++;
	hp_patch_record_seal(&bad);
	check_record(&bad, page,
		     "it has a record of patches in code that is no longer mapped; nothing was "
		     "changed");
	bad = record;
	bad.entries[0].entry = bad.entries[0].at = UINT64_MAX - 8;
	hp_patch_record_seal(&bad);
	check_record(&bad, page,
		     "it has a record of patches in code that is no longer mapped; nothing was "
		     "changed");
	bad = record;
	bad.entries[0].jump_size = 200;
	hp_patch_record_seal(&bad);
	check_record(&bad, page, DAMAGED);
	bad = record;
	bad.entries[0].size = UINT64_MAX;
	hp_patch_record_seal(&bad);
	check_record(&bad, page,
		     "a patched function has 18446744073709551615 bytes, which is too "
		     "much");
	bad = record;
	bad.state = HP_PATCHES_PLACED;
	check_record(&bad, page, "");
	munmap(page, HP_NEAR_PAGE_SIZE);
}

/* --- other tools ------------------------------------------------------------------------------ */

static int plan_only(struct hp_target **t, int pid)
{
	struct hp_patches *p;
	int r = plan(*t, &p);

	hp_patches_free(p);
	return r;
}

/* Writes a byte into malloc() of a process, as another tool would. */
static void write_malloc(pid_t pid, size_t offset, uint8_t byte)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	CHECK_INT_EQ(pwrite(fd, &byte, 1, (off_t)((uintptr_t)malloc + offset)), 1);
	close(fd);
}

static void test_patches_of_another_tool(void)
{
	const uint8_t *code = (const uint8_t *)(uintptr_t)malloc;
	size_t first = code[0] == 0xf3 ? 4 : 0;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	check_work(child, plan_only);
	write_malloc(child, first, 0x90);
	CHECK_INT_EQ(work_apart(child, plan_only), HP_TARGET_E << 8);
	CHECK_STR_EQ(shared->message,
		     "malloc has other first bytes than its file: another tool has "
		     "patched it; end that first");
	write_malloc(child, first, 0xcc);
	CHECK_INT_EQ(work_apart(child, plan_only), HP_TARGET_E << 8);
	CHECK_STR_EQ(shared->message, "malloc has a breakpoint on its first bytes; a debugger or a "
				      "uprobe has set it");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* --- kills ------------------------------------------------------------------------------------ */

/* Kills tools at steps that are `stride` apart, and lets another one put things in order. */
static int kill_at_steps(work_of_tool *work, int first, int stride, int n_max)
{
	pid_t child = make_child(run_many);
	int n_kills = 0;
	bool was_killed = true;

	for (int i = first; was_killed && n_kills < n_max && test_failures == 0; i += stride) {
		if (work == detach)
			check_work(child, attach);
		kill_before = i % 2 ? i / 2 + 1 : NO_CALL;
		kill_after = i % 2 ? NO_CALL : i / 2 + 1;
		was_killed = WIFSIGNALED(work_apart(child, work));
		if (has_died())
			printf("# it died after a kill at %d\n", i);
		kill_before = kill_after = NO_CALL;
		n_kills += was_killed;
		await_all(run_many);
		check_work(child, detach);
		check_text(child);
	}
	check_round(child, run_many);
	end_child_after_kills(child);
	return n_kills;
}

static void test_kills(void)
{
	int n = asked("HEAPPROF_TEST_KILLS", KILLS), n_attach = 0, n_detach = 0;

	for (int first = 1; n_attach + n_detach < n && test_failures == 0; first += 7) {
		n_attach += kill_at_steps(attach, first, 151, n / 2);
		n_detach += kill_at_steps(detach, first, 41, n / 2);
	}
	printf("# %d kills of an attach, %d of a detach\n", n_attach, n_detach);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {TEST(test_many_threads),
					    TEST(test_one_thread),
					    TEST(test_jemalloc),
					    TEST(test_tcmalloc),
					    TEST(test_mimalloc),
					    TEST(test_memory_that_must_not_become_executable),
					    TEST(test_memory_file_that_refuses),
					    TEST(test_a_child_that_was_forked_meanwhile),
					    TEST(test_records_that_are_not_ours),
					    TEST(test_patches_of_another_tool),
					    TEST(test_kills)};

	run_if_asked();
	map_shared();
	return test_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
