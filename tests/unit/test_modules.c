/* SPDX-License-Identifier: MIT */
/* Libraries that are opened and closed. The tests use libresolv, because nothing else in this
 * program needs it. */
#include "process/modules.h"
#include "process/places.h"
#include "test.h"
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	N_PLACES = 300,
	/* The other tests take fewer places, in addition to one for each library. */
	OTHER_PLACES = 16
};

static uint16_t identify_place(void *address, uint64_t *out_frame)
{
	struct hp_loaded object;

	CHECK(hp_loaded_find((uintptr_t)address, &object));
	return hp_modules_identify(&object, (uintptr_t)address, out_frame);
}

static uint16_t identify(void *address)
{
	uint64_t frame;

	identify_place(address, &frame);
	return hp_frame_module(frame);
}

/* Closes a library as our dlclose() does in a program. */
static void close_library(void *handle)
{
	hp_modules_unload_begin();
	dlclose(handle);
	hp_modules_unload_end();
}

static void *open_library(void **out_function)
{
	void *handle = dlopen("libresolv.so.2", RTLD_NOW | RTLD_LOCAL);

	CHECK(handle != NULL);
	*out_function = handle ? dlsym(handle, "inet_net_ntop") : NULL;
	return handle;
}

static void test_program_is_first_and_permanent(void)
{
	const struct hp_module *program = hp_modules_get_permanent(0);
	uintptr_t here = (uintptr_t)test_program_is_first_and_permanent;

	CHECK(hp_modules_n_permanent() > 3);
	CHECK(strstr(program->path, "test_modules") != NULL);
	CHECK(here >= program->start && here < program->end);
	CHECK(here >= program->code_start && here < program->code_end);
	CHECK(program->build_id_size <= HP_BUILD_ID_MAX);
	CHECK_UINT_EQ(identify((void *)here), HP_MODULE_PERMANENT);
	CHECK_UINT_EQ(identify((void *)dlsym(RTLD_DEFAULT, "puts")), HP_MODULE_PERMANENT);
}

static void test_library_has_a_number(void)
{
	void *function, *handle = open_library(&function);
	uint16_t number = identify(function);
	const struct hp_module *m = hp_modules_get(number);

	CHECK(number != HP_MODULE_PERMANENT && number != HP_MODULE_UNKNOWN);
	CHECK(m != NULL);
	CHECK(strstr(m->path, "/libresolv") != NULL);
	CHECK((uintptr_t)function >= m->code_start && (uintptr_t)function < m->code_end);
	CHECK_UINT_EQ(m->build_id_size, 20);
	CHECK_UINT_EQ(identify(function), number);
	dlclose(handle);
}

static void test_closed_library_stays_known(void)
{
	void *function, *handle = open_library(&function);
	uint16_t number = identify(function);

	dlclose(handle);
	CHECK(strstr(hp_modules_get(number)->path, "/libresolv") != NULL);
}

/* Maps a page where a closed library was, so that the next library is not mapped there. */
static void *occupy(void *function)
{
	char *page = (char *)((uintptr_t)function & -(uintptr_t)4096);
	void *p = mmap(page, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
		       0);

	CHECK(p == page);
	return p;
}

/* Returns how many read system calls this process has made so far, or 0 if the kernel does not
 * report it. */
static unsigned long n_reads(void)
{
	unsigned long n = 0;
	FILE *f = fopen("/proc/self/io", "re");

	if (f && fscanf(f, "%*s %*s %*s %*s syscr: %lu", &n) != 1)
		n = 0;
	if (f)
		fclose(f);
	return n;
}

static void test_same_file_at_many_places(void)
{
	static void *occupied[N_PLACES];
	void *function, *handle = open_library(&function);
	uint64_t first, frame;
	uint16_t place = identify_place(function, &first);
	size_t n = hp_modules_n_numbered();
	unsigned long a = n_reads(), cost = n_reads() - a;

	for (size_t i = 0; i < N_PLACES; i++) {
		close_library(handle);
		occupied[i] = occupy(function);
		handle = open_library(&function);
		a = n_reads();
		CHECK_UINT_EQ(identify_place(function, &frame), place);
		CHECK_UINT_EQ(n_reads() - a, cost); /* did not read the maps */
		CHECK_HEX_EQ(frame, first);
	}
	CHECK_UINT_EQ(hp_modules_n_numbered(), n);
	close_library(handle);
	for (size_t i = 0; i < N_PLACES; i++)
		munmap(occupied[i], 4096);
}

/* A walk may have a rule from an earlier epoch, with a place that has another range by now. The
 * test needs a library that has had only one place so far: if it had several, its next range might
 * get another of them. */
static void test_place_that_is_stale(void)
{
	void *function, *later, *handle = open_library(&function);
	uint64_t frame;
	uint16_t place = identify_place(function, &frame);

	CHECK(hp_places_frame(place, (uintptr_t)function, &frame));
	close_library(handle);
	void *occupied = occupy(function);
	handle = open_library(&later);

	CHECK(later != function);
	CHECK_UINT_EQ(identify_place(later, &frame), place);
	CHECK(!hp_places_frame(place, (uintptr_t)function, &frame));
	CHECK(hp_places_frame(place, (uintptr_t)later, &frame));
	munmap(occupied, 4096);
	close_library(handle);
}

/* The loader opens the same library a second time, in another of its namespaces (dlmopen). */
static void test_two_places_at_a_time(void)
{
	void *function, *handle = open_library(&function);
	void *other = dlmopen(LM_ID_NEWLM, "libresolv.so.2", RTLD_NOW | RTLD_LOCAL);
	void *other_function = other ? dlsym(other, "inet_net_ntop") : NULL;
	uint64_t first, second, frame;
	uint16_t place = identify_place(function, &first);
	uint16_t other_place = identify_place(other_function, &second);

	CHECK(function != other_function);
	CHECK(place != other_place);
	CHECK_HEX_EQ(first, second);
	CHECK_UINT_EQ(identify_place(function, &frame), place);
	CHECK(hp_places_frame(place, (uintptr_t)function, &frame));
	CHECK_HEX_EQ(frame, first);
	CHECK(hp_places_frame(other_place, (uintptr_t)other_function, &frame));
	CHECK_HEX_EQ(frame, first);
	CHECK(!hp_places_frame(other_place, (uintptr_t)function, &frame));
	dlclose(other);
	close_library(handle);
}

/* Exits with status 0 if the function's frame in the child is `expected`, and with 1 otherwise. */
static void identify_in_child(void *function, uint64_t expected)
{
	uint64_t frame;
	uint16_t place = identify_place(function, &frame);
	bool is_right = frame == expected && hp_places_frame(place, (uintptr_t)function, &frame) &&
			frame == expected;

	_exit(is_right ? 0 : 1);
}

/* Numbers a library again and again in another thread, so that the lock is held during most forks.
 */
static void *identify_for_long(void *context)
{
	int *is_over = context;
	void *handle = dlopen("libz.so.1", RTLD_NOW), *function = dlsym(handle, "zlibVersion");

	while (!__atomic_load_n(is_over, __ATOMIC_RELAXED)) {
		hp_modules_unload_begin(); /* so that the library needs a place each time */
		hp_modules_unload_end();
		identify(function);
	}
	dlclose(handle);
	return NULL;
}

static void test_forks_while_others_number(void)
{
	int is_over = 0;
	void *function, *handle = open_library(&function);
	uint64_t frame;
	pthread_t thread;
	int status = -1;

	identify_place(function, &frame);
	pthread_create(&thread, NULL, identify_for_long, &is_over);
	for (int i = 0; i < 50; i++) {
		pid_t child = fork();

		if (child == 0) {
			hp_modules_after_fork();
			identify_in_child(function, frame);
		}
		CHECK_INT_EQ(waitpid(child, &status, 0), child);
		CHECK_INT_EQ(status, 0);
	}
	__atomic_store_n(&is_over, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	close_library(handle);
}

/* The address ranges that two libraries get in dumps must not touch, because readers of dumps join
 * adjacent mappings into one. */
static void test_ranges_do_not_touch(void)
{
	uintptr_t end = 0;
	void *handle = dlopen("libz.so.1", RTLD_NOW);
	void *function, *other = open_library(&function);

	identify(dlsym(handle, "zlibVersion"));
	identify(function);
	for (uint16_t i = 1; i <= hp_modules_n_numbered(); i++) {
		const struct hp_module *m = hp_modules_get(i);

		CHECK(m->code_before > end);
		end = m->code_before + (m->code_end - m->code_start);
	}
	CHECK(hp_modules_n_numbered() > 1);
	dlclose(other);
	dlclose(handle);
}

static void test_epochs(void)
{
	uint32_t before = hp_modules_epoch();

	CHECK(before != 0);
	hp_modules_unload_begin();
	CHECK_UINT_EQ(hp_modules_epoch(), 0);
	hp_modules_unload_begin();
	hp_modules_unload_end();
	CHECK_UINT_EQ(hp_modules_epoch(), 0);
	hp_modules_unload_end();
	CHECK(hp_modules_epoch() != 0 && hp_modules_epoch() != before);
}

static void test_numbers_that_do_not_exist(void)
{
	CHECK_PTR_EQ(hp_modules_get(HP_MODULE_PERMANENT), NULL);
	CHECK_PTR_EQ(hp_modules_get(HP_MODULE_UNKNOWN), NULL);
	CHECK_PTR_EQ(hp_modules_get((uint16_t)(hp_modules_n_numbered() + 1)), NULL);
}

static void test_frames(void)
{
	uint64_t frame = hp_frame_make(0x7fffdeadbeef, 0xfffe);

	CHECK_HEX_EQ(hp_frame_pc(frame), 0x7fffdeadbeef);
	CHECK_HEX_EQ(hp_frame_module(frame), 0xfffe);
}

/* --- more libraries than there are numbers ------------------------------------------------------
 */

static char *image; /* two pages, then one that cannot be read */

struct small_image {
	ElfW(Ehdr) header;
	ElfW(Phdr) segments[2];
	ElfW(Nhdr) note;
	char owner[4];
	uint64_t build_id;
};

/* Makes an image of one page, with a segment of code and a note. */
static void make_image(struct small_image *s)
{
	*s = (struct small_image){
		.header = {.e_ident = ELFMAG,
			   .e_phentsize = sizeof(ElfW(Phdr)),
			   .e_phnum = 2,
			   .e_phoff = offsetof(struct small_image, segments)},
		.segments = {{.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_memsz = sizeof(*s)},
			     {.p_type = PT_NOTE,
			      .p_vaddr = offsetof(struct small_image, note),
			      .p_memsz = sizeof(*s) - offsetof(struct small_image, note)}},
		.note = {.n_namesz = 4, .n_descsz = sizeof(s->build_id), .n_type = NT_GNU_BUILD_ID},
		.owner = "GNU",
	};
}

/* Libraries beyond the last number are unknown. A library that has a number keeps it. An address
 * belongs to the library that is mapped there now. */
static void test_more_libraries_than_numbers(void)
{
	struct small_image *s = (struct small_image *)image;
	struct hp_loaded object = {(uintptr_t)image, (uintptr_t)image + 4096, 0, ""};
	uintptr_t ip = (uintptr_t)image + 100;
	uint64_t frame = 0, expected;
	size_t n = hp_modules_n_numbered(), n_unknown = 0, n_wrong = 0;
	uint16_t place = 0;

	memset(image, 0, 4096);
	make_image(s);
	for (s->build_id = 1; s->build_id < HP_MODULE_UNKNOWN + (uint64_t)100; s->build_id++) {
		hp_modules_unload_begin();
		hp_modules_unload_end();
		place = hp_modules_identify(&object, ip, &expected);
		n++;
		n_unknown += place == HP_PLACE_UNKNOWN;
		n_wrong += hp_frame_module(expected) !=
			   (n < HP_MODULE_UNKNOWN ? n : HP_MODULE_UNKNOWN);
		n_wrong += !hp_places_frame(place, ip, &frame) ||
			   (place != HP_PLACE_UNKNOWN && frame != expected);
	}
	CHECK_UINT_EQ(n_wrong, 0);
	CHECK(n_unknown >= n - (HP_MODULE_UNKNOWN - 1));
	CHECK(n_unknown <= n - (HP_MODULE_UNKNOWN - 1) + OTHER_PLACES);
	CHECK_HEX_EQ(frame, hp_frame_make(ip + 1, HP_MODULE_UNKNOWN));
	s->build_id = 1;
	CHECK(hp_modules_identify(&object, ip, &frame) != HP_PLACE_UNKNOWN);
	CHECK_UINT_EQ(hp_frame_pc(frame), 101);
}

static __attribute__((constructor)) void prepare(void)
{
	hp_modules_init(false /* late */);
	image = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(image + 2 * 4096, 4096, PROT_NONE);
}

TEST_MAIN(TEST(test_program_is_first_and_permanent), TEST(test_library_has_a_number),
	  TEST(test_closed_library_stays_known), TEST(test_same_file_at_many_places),
	  TEST(test_place_that_is_stale), TEST(test_two_places_at_a_time),
	  TEST(test_forks_while_others_number), TEST(test_ranges_do_not_touch), TEST(test_epochs),
	  TEST(test_numbers_that_do_not_exist), TEST(test_frames),
	  TEST(test_more_libraries_than_numbers))
