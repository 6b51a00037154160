/* SPDX-License-Identifier: MIT */
#include "test.h"
#include "unwind/image_memory.h"
#include <sys/mman.h>

enum {
	N_PAGES = 4,
	HOLE = 2 /* the number of the page that can't be read */
};

static char *pages; /* the image */

static struct hp_image_memory image(bool is_permanent)
{
	return (struct hp_image_memory){
		.object = {.start = (uintptr_t)pages,
			   .end = (uintptr_t)pages + N_PAGES * HP_IMAGE_PAGE},
		.is_permanent = is_permanent,
	};
}

static void protect(int page, int protection)
{
	CHECK_INT_EQ(mprotect(pages + page * HP_IMAGE_PAGE, HP_IMAGE_PAGE, protection), 0);
}

static void map_image(void)
{
	pages = mmap(NULL, N_PAGES * HP_IMAGE_PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < N_PAGES * HP_IMAGE_PAGE; i++)
		pages[i] = (char)(i % 251);
	protect(HOLE, PROT_NONE);
}

/* Reads a word in both ways, and checks that they agree. Returns false if it can't be read. */
static bool read_at(struct hp_image_memory *m, ptrdiff_t offset)
{
	uintptr_t address = (uintptr_t)pages + offset;
	uint64_t word = 0, same = 0;
	bool is_read = hp_image_memory_read_word(m, address, &word);

	CHECK_INT_EQ(hp_image_memory_read(m, address, &same, sizeof(same)), is_read);
	CHECK_HEX_EQ(word, same);
	if (is_read)
		CHECK_INT_EQ(memcmp(&word, pages + offset, sizeof(word)), 0);
	return is_read;
}

static void check_bounds(struct hp_image_memory m)
{
	const ptrdiff_t page = HP_IMAGE_PAGE, word = sizeof(uint64_t);

	CHECK(read_at(&m, 0));
	CHECK(!read_at(&m, -1));
	CHECK(!read_at(&m, -page));
	CHECK(read_at(&m, page - 1)); /* of two pages */
	CHECK(read_at(&m, HOLE * page - word));
	CHECK(!read_at(&m, HOLE * page - word + 1));
	CHECK(!read_at(&m, HOLE * page));
	CHECK(!read_at(&m, (HOLE + 1) * page - 1));
	CHECK(read_at(&m, N_PAGES * page - word));
	CHECK(!read_at(&m, N_PAGES * page - word + 1));
	CHECK(!read_at(&m, N_PAGES * page));
}

static void test_bounds(void)
{
	map_image();
	check_bounds(image(false));
	check_bounds(image(true));
	check_bounds(image(true)); /* its pages are known by now */
	munmap(pages, N_PAGES * HP_IMAGE_PAGE);
}

/* A library may be closed between two looks at it. */
static void test_pages_that_go(void)
{
	map_image();
	struct hp_image_memory before = image(false), after = image(false);

	CHECK(read_at(&before, 0));
	protect(0, PROT_NONE);
	CHECK(!read_at(&after, 0));
	munmap(pages, N_PAGES * HP_IMAGE_PAGE);
}

static void test_nothing_at_zero(void)
{
	static volatile const uintptr_t addresses[] = {0, 8, UINTPTR_MAX - 3};
	struct hp_image_memory nowhere = {0};
	uint64_t word;

	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
		CHECK(!hp_image_memory_read_word(&nowhere, addresses[i], &word));
}

TEST_MAIN(TEST(test_bounds), TEST(test_pages_that_go), TEST(test_nothing_at_zero))
