/* SPDX-License-Identifier: MIT */
/* Libraries that come and go. libresolv serves as one: nobody here needs it otherwise. */
#include "base/arena.h"
#include "process/elf_image.h"
#include "process/modules.h"
#include "process/places.h"
#include "test.h"
#include <dlfcn.h>
#include <elf.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	N_PLACES = 300,
	N_THREADS = 2,
	OTHER_PLACES = 16 /* more than those that other tests take beyond one a library */
};

static uint16_t identify_place(void *address, uint64_t *out_frame)
{
	struct dl_find_object object;

	CHECK_INT_EQ(_dl_find_object(address, &object), 0);
	return hp_modules_identify(&object, (uintptr_t)address, out_frame);
}

static uint16_t identify(void *address)
{
	uint64_t frame;

	identify_place(address, &frame);
	return hp_frame_module(frame);
}

/* What closes libraries in a program is our dlclose(), which does this. */
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

/* A mapping at the place of a closed library keeps the next one from that place. */
static void *occupy(void *function)
{
	char *page = (char *)((uintptr_t)function & -(uintptr_t)4096);
	void *p = mmap(page, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
		       0);

	CHECK(p == page);
	return p;
}

/* As read by this process so far; 0 if the kernel doesn't tell. */
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
		CHECK_UINT_EQ(n_reads() - a, cost); /* none of the maps */
		CHECK_HEX_EQ(frame, first);
	}
	CHECK_UINT_EQ(hp_modules_n_numbered(), n);
	close_library(handle);
	for (size_t i = 0; i < N_PLACES; i++)
		munmap(occupied[i], 4096);
}

/* A walk that has the rule of an address from before may ask for a place that is another's now. The
 * library has had one place at a time so far: else another of its places might be taken. */
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

/* In a namespace of its own the loader opens a library once more. */
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

static void test_places_that_do_not_exist(void)
{
	uint64_t frame;

	CHECK(hp_places_frame(HP_PLACE_FIXED, 0x1234, &frame));
	CHECK_HEX_EQ(frame, hp_frame_make(0x1235, HP_MODULE_PERMANENT));
	CHECK(hp_places_frame(HP_PLACE_UNKNOWN, 0x1234, &frame));
	CHECK_HEX_EQ(frame, hp_frame_make(0x1235, HP_MODULE_UNKNOWN));
	CHECK(!hp_places_frame(HP_PLACE_UNKNOWN - 1, 0x1234, &frame));
}

/* --- places alone: what threads and forks can do to them ----------------------------------------
 */

static struct hp_arena arena;

static struct hp_range range_of(uintptr_t start, uint16_t number)
{
	return (struct hp_range){start, start + 8192, number};
}

static void test_places_of_an_earlier_epoch_are_taken(void)
{
	uint16_t list = 0;
	struct hp_range a = range_of(0x10000, 7), b = range_of(0x20000, 7),
			c = range_of(0x30000, 7);
	uint16_t first = hp_places_take(&arena, &list, &a, 1);
	uint16_t second = hp_places_take(&arena, &list, &b, 1);

	CHECK(first != second);
	CHECK_UINT_EQ(hp_places_take(&arena, &list, &a, 2), first);
	CHECK_UINT_EQ(hp_places_take(&arena, &list, &c, 2), second); /* a is one of epoch 2 now */
	CHECK(hp_places_has(list, 0x10000, 2) && hp_places_has(list, 0x30000, 0));
	CHECK(!hp_places_has(list, 0x20000, 0) && !hp_places_has(list, 0x10000, 1));
	CHECK(hp_places_take(&arena, &list, &b, 2) != first);
}

struct race {
	uint16_t place;
	int is_over;
	unsigned long n_wrong, n_right;
};

/* Whatever it is read as, it is one of the two as a whole: their numbers say where they lie, and
 * what lies between them is in neither. */
static void *read_frames(void *context)
{
	struct race *r = context;
	uint64_t frame;

	while (!__atomic_load_n(&r->is_over, __ATOMIC_RELAXED))
		for (uintptr_t number = 1; number <= 2; number++) {
			if (hp_places_frame(r->place, (number << 16) + 8192 + 4, &frame))
				__atomic_add_fetch(&r->n_wrong, 1, __ATOMIC_RELAXED);
			if (!hp_places_frame(r->place, (number << 16) + 4, &frame))
				continue;
			bool is_right = frame == hp_frame_make(5, number);

			__atomic_add_fetch(is_right ? &r->n_right : &r->n_wrong, 1,
					   __ATOMIC_RELAXED);
		}
	return NULL;
}

static void test_place_read_while_written(void)
{
	uint16_t list = 0;
	struct hp_range a = range_of(1 << 16, 1), b = range_of(2 << 16, 2);
	struct race race = {.place = hp_places_take(&arena, &list, &a, 1)};
	pthread_t threads[N_THREADS];
	uint32_t epoch = 2;

	for (int i = 0; i < N_THREADS; i++)
		pthread_create(&threads[i], NULL, read_frames, &race);
	for (; epoch < 300000 || __atomic_load_n(&race.n_right, __ATOMIC_RELAXED) == 0; epoch++)
		CHECK_UINT_EQ(hp_places_take(&arena, &list, epoch % 2 ? &a : &b, epoch),
			      race.place);
	__atomic_store_n(&race.is_over, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	CHECK_UINT_EQ(race.n_wrong, 0);
}

/* Ends the child of a test, with 0 if all is as in the parent. */
static void identify_in_child(void *function, uint64_t expected)
{
	uint64_t frame;
	uint16_t place = identify_place(function, &frame);
	bool is_right = frame == expected && hp_places_frame(place, (uintptr_t)function, &frame) &&
			frame == expected;

	_exit(is_right ? 0 : 1);
}

/* While another thread numbers libraries the lock is held at most forks. */
static void *identify_for_long(void *context)
{
	struct race *r = context;
	void *handle = dlopen("libz.so.1", RTLD_NOW), *function = dlsym(handle, "zlibVersion");

	while (!__atomic_load_n(&r->is_over, __ATOMIC_RELAXED)) {
		hp_modules_unload_begin(); /* so that it is a new place each time */
		hp_modules_unload_end();
		identify(function);
	}
	dlclose(handle);
	return NULL;
}

static void test_forks_while_others_number(void)
{
	struct race race = {0};
	void *function, *handle = open_library(&function);
	uint64_t frame;
	pthread_t thread;
	int status = -1;

	identify_place(function, &frame);
	pthread_create(&thread, NULL, identify_for_long, &race);
	for (int i = 0; i < 50; i++) {
		pid_t child = fork();

		if (child == 0) {
			hp_modules_after_fork();
			identify_in_child(function, frame);
		}
		CHECK_INT_EQ(waitpid(child, &status, 0), child);
		CHECK_INT_EQ(status, 0);
	}
	__atomic_store_n(&race.is_over, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	close_library(handle);
}

/* Those of two libraries: readers of dumps would make one of mappings that touch. */
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

/* --- images that lie ---------------------------------------------------------------------------
 */

static char *image; /* two pages, then one that can't be read */

static void copy_image(void)
{
	memset(image, 0, 2 * 4096);
	memcpy(image, (void *)hp_modules_get_permanent(0)->start, 4096);
}

static void test_vdso_is_an_image(void)
{
	struct hp_module m;
	uintptr_t vdso = getauxval(AT_SYSINFO_EHDR);

	CHECK(vdso == 0 || hp_elf_image_read(vdso, &m));
}

static void test_no_image(void)
{
	struct hp_module m;

	CHECK(!hp_elf_image_read(0, &m));
	CHECK(!hp_elf_image_read((uintptr_t)image + 2 * 4096, &m));
	CHECK(!hp_elf_image_read(UINTPTR_MAX - 4095, &m));
	memset(image, 0, 4096);
	CHECK(!hp_elf_image_read((uintptr_t)image, &m));
}

/* Every byte of the header set to every extreme: an answer or none, and no crash. */
static void test_corrupt_images(void)
{
	static const unsigned char values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
	struct hp_module m;

	for (size_t at = 0; at < sizeof(ElfW(Ehdr)) + 15 * sizeof(ElfW(Phdr)); at++)
		for (size_t i = 0; i < sizeof(values); i++) {
			copy_image();
			image[at] = (char)values[i];
			if (hp_elf_image_read((uintptr_t)image, &m))
				CHECK(m.build_id_size <= HP_BUILD_ID_MAX);
		}
}

static void test_headers_at_the_end_of_memory(void)
{
	struct hp_module m;
	ElfW(Ehdr) *header = (void *)(image + 4096);

	copy_image();
	memcpy(header, image, sizeof(*header));
	header->e_phoff = 4096 - sizeof(ElfW(Phdr)) + 8;
	header->e_phnum = 1;
	CHECK(!hp_elf_image_read((uintptr_t)header, &m));
}

/* --- more libraries than there are numbers ------------------------------------------------------
 */

struct small_image {
	ElfW(Ehdr) header;
	ElfW(Phdr) segments[2];
	ElfW(Nhdr) note;
	char owner[4];
	uint64_t build_id;
};

/* A page of code and a note. */
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

/* The last ones are unknown; what has a number keeps it, and what lies there now is what is found.
 */
static void test_more_libraries_than_numbers(void)
{
	struct small_image *s = (struct small_image *)image;
	struct dl_find_object object = {.dlfo_map_start = image, .dlfo_map_end = image + 4096};
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
	hp_modules_init();
	image = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(image + 2 * 4096, 4096, PROT_NONE);
}

TEST_MAIN(TEST(test_program_is_first_and_permanent), TEST(test_library_has_a_number),
	  TEST(test_closed_library_stays_known), TEST(test_same_file_at_many_places),
	  TEST(test_place_that_is_stale), TEST(test_two_places_at_a_time),
	  TEST(test_places_that_do_not_exist), TEST(test_places_of_an_earlier_epoch_are_taken),
	  TEST(test_place_read_while_written), TEST(test_forks_while_others_number),
	  TEST(test_ranges_do_not_touch), TEST(test_epochs), TEST(test_numbers_that_do_not_exist),
	  TEST(test_frames), TEST(test_vdso_is_an_image), TEST(test_no_image),
	  TEST(test_corrupt_images), TEST(test_headers_at_the_end_of_memory),
	  TEST(test_more_libraries_than_numbers))
