/* SPDX-License-Identifier: MIT */
#include "base/sys.h"
#include "folder.h"
#include "process/maps.h"
#include <sys/auxv.h>

struct seen {
	uintptr_t last_end, wanted;
	size_t n, n_executable, limit;
	bool is_found;
	char path[4096];
};

static bool look(const struct hp_maps_entry *e, void *context)
{
	struct seen *s = context;

	CHECK(e->start < e->end);
	CHECK(e->start >= s->last_end);
	CHECK(memchr(e->line, '\n', e->line_size) == NULL);
	s->last_end = e->end;
	s->n++;
	s->n_executable += e->is_executable;
	if (s->wanted >= e->start && s->wanted < e->end) {
		s->is_found = true;
		memcpy(s->path, e->path ? e->path : "", e->path_size);
	}
	return s->n != s->limit;
}

static void test_visits_all_in_order(void)
{
	struct seen s = {.wanted = (uintptr_t)test_visits_all_in_order};
	char program[4096] = "";

	CHECK(hp_maps_visit(look, &s));
	CHECK(s.n > 5);
	CHECK(s.n_executable >= 2 && s.n_executable < s.n);
	CHECK(s.is_found);
	CHECK(readlink("/proc/self/exe", program, sizeof(program) - 1) > 0);
	CHECK_STR_EQ(s.path, program);
}

static void test_stops_when_told_to(void)
{
	struct seen s = {.limit = 3};

	CHECK(hp_maps_visit(look, &s));
	CHECK_UINT_EQ(s.n, 3);
}

/* The file has more lines than one read returns, and some lines are long. */
static void test_many_and_long_lines(void)
{
	enum {
		N = 300
	};
	char path[3000];
	struct seen s = {0};
	size_t n = (size_t)snprintf(path, sizeof(path), "%s", folder);
	void *maps[N];

	for (int i = 0; i < 10; i++) {
		n += (size_t)snprintf(path + n, sizeof(path) - n, "/%0200d", i);
		CHECK_INT_EQ(mkdir(path, 0700), 0);
	}
	snprintf(path + n, sizeof(path) - n, "/a b\nc");
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	CHECK_INT_EQ(ftruncate(fd, 4096 * 2 * N), 0);
	for (int i = 0; i < N; i++) /* apart, so that the kernel can't merge them */
		maps[i] = mmap(NULL, 4096, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_SHARED,
			       fd, 4096 * 2 * i);
	s.wanted = (uintptr_t)maps[N / 2];
	CHECK(hp_maps_visit(look, &s));
	CHECK(s.n > N);
	CHECK(s.is_found);
	CHECK(strstr(s.path, "/a b\\012c") != NULL);
	for (int i = 0; i < N; i++)
		munmap(maps[i], 4096);
	close(fd);
}

static void test_file_of_an_address(void)
{
	char path[4096], program[4096] = "";
	uint64_t id = 0, other = 0;

	CHECK(readlink("/proc/self/exe", program, sizeof(program) - 1) > 0);
	CHECK(hp_maps_find_file((uintptr_t)test_file_of_an_address, path, sizeof(path), &id));
	CHECK_STR_EQ(path, program);
	CHECK(hp_maps_find_file(getauxval(AT_RANDOM) /* on the stack */, path, sizeof(path),
				&other));
	CHECK(id != 0 && other != id);
	CHECK(hp_maps_find_file((uintptr_t)look, path, sizeof(path), &other));
	CHECK_HEX_EQ(other, id);
	CHECK(!hp_maps_find_file((uintptr_t)test_file_of_an_address, path, 3, &id));
	CHECK(!hp_maps_find_file(1, path, sizeof(path), &id));
}

TEST_MAIN(TEST(test_visits_all_in_order), TEST(test_stops_when_told_to),
	  TEST(test_many_and_long_lines), TEST(test_file_of_an_address))
