/* SPDX-License-Identifier: MIT */
/* The two readers of unwind tables, compared on the code of this program and of its libraries. */
#include "base/sys.h"
#include "process/loaded.h"
#include "test.h"
#include "unwind/unwind_table.h"
#include <dlfcn.h>
#include <link.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The other reader, under other names. */
void plain_table_rule(struct hp_image_memory *image, uintptr_t ip, struct hp_frame_rule *rule);
bool plain_table_init(void);
void plain_table_after_fork(bool is_clean);
#define hp_unwind_table_rule       plain_table_rule
#define hp_unwind_table_init       plain_table_init
#define hp_unwind_table_after_fork plain_table_after_fork
#include "unwind/unwind_table_plain.c" /* NOLINT(bugprone-suspicious-include) */
#undef hp_unwind_table_rule
#undef hp_unwind_table_init
#undef hp_unwind_table_after_fork

enum {
	STEP = 61, /* between the addresses that are compared: all distances from the start of an
		      instruction are among them */
	SHOWN_MAX = 5,
};

static size_t n_compared, n_differences, n_of_kind[HP_RULE_SIGNAL + 1];

static void compare_at(struct hp_image_memory *image, uintptr_t ip)
{
	struct hp_frame_rule expected = {0}, rule = {0};

	hp_unwind_table_rule(image, ip, &expected);
	plain_table_rule(image, ip, &rule);
	n_compared++;
	n_of_kind[expected.kind]++;
	if (rule.kind == expected.kind && rule.cfa_offset == expected.cfa_offset &&
	    rule.bp_offset == expected.bp_offset)
		return;
	if (n_differences++ < SHOWN_MAX)
		printf("# %s+%#lx: kind %d, %d, %d instead of kind %d, %d, %d\n",
		       image->object.name, (unsigned long)(ip - image->object.start), rule.kind,
		       rule.cfa_offset, rule.bp_offset, expected.kind, expected.cfa_offset,
		       expected.bp_offset);
}

static int compare_code(struct dl_phdr_info *info, size_t size, void *context)
{
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + header->p_vaddr;
		struct hp_image_memory image = {.is_permanent = true};

		if (header->p_type != PT_LOAD || !(header->p_flags & PF_X) ||
		    !hp_loaded_find(start, &image.object))
			continue;
		for (uintptr_t ip = start; ip < start + header->p_memsz; ip += STEP)
			compare_at(&image, ip);
	}
	return 0;
}

static void test_both_readers_agree(void)
{
	CHECK(hp_unwind_table_init());
	static const char *const more[] = {"libstdc++.so.6", "libgcc_s.so.1", "libm.so.6"};

	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		dlopen(more[i], RTLD_NOW);
	dl_iterate_phdr(compare_code, NULL);
	printf("# %zu addresses; rules of kind", n_compared);
	for (size_t i = 0; i <= HP_RULE_SIGNAL; i++)
		printf(" %zu: %zu", i, n_of_kind[i]);
	printf("\n");
	CHECK_UINT_EQ(n_differences, 0);
	CHECK(n_compared > 20000);
	CHECK(n_of_kind[HP_RULE_SP] > 10000);
	CHECK(n_of_kind[HP_RULE_BP] > 100);
	CHECK(n_of_kind[HP_RULE_END] > 0);
}

/* The code to which a signal handler returns is two instructions long. */
static void test_return_from_a_signal(void)
{
	struct sigaction_kernel {
		void *handler;
		unsigned long flags;
		void *restorer;
		unsigned long mask;
	} action = {0};
	struct hp_image_memory image = {.is_permanent = true};
	struct hp_frame_rule rule = {0};

	CHECK(signal(SIGUSR1, SIG_IGN) != SIG_ERR);
	CHECK_INT_EQ(syscall(SYS_rt_sigaction, SIGUSR1, NULL, &action, sizeof(action.mask)), 0);
	CHECK(hp_loaded_find((uintptr_t)action.restorer, &image.object));
	plain_table_rule(&image, (uintptr_t)action.restorer, &rule);
	CHECK_INT_EQ(rule.kind, HP_RULE_SIGNAL);
}

/* An image has bytes between its variables, too, which AddressSanitizer forbids to read. */
__attribute__((no_sanitize("address"))) static void copy_page(volatile void *to,
							      const volatile void *from)
{
	for (size_t i = 0; i < 4096; i++)
		((volatile uint8_t *)to)[i] = ((const volatile uint8_t *)from)[i];
}

/* A table whose entries are cut or wrong gives no rule, or some rule; it is never read beyond the
 * image. */
static void test_damaged_tables(void)
{
	struct hp_image_memory image = {.is_permanent = false};
	uint8_t *copy;
	uint32_t random = 1;
	size_t size;

	CHECK(hp_loaded_find((uintptr_t)plain_table_init, &image.object));
	size = image.object.end - image.object.start;
	copy = mmap(NULL, size + 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(copy + size, 8192);
	for (uintptr_t page = 0; page < size; page += 4096)
		if (hp_sys_is_readable((void *)(image.object.start + page)))
			copy_page(copy + page, (const void *)(image.object.start + page));
	uintptr_t ip = (uintptr_t)copy + ((uintptr_t)test_damaged_tables - image.object.start);
	uintptr_t table = (uintptr_t)copy + (image.object.eh_frame_hdr - image.object.start);

	image.object.eh_frame_hdr = table;
	image.object.start = (uintptr_t)copy;
	image.object.end = (uintptr_t)copy + size;
	for (int i = 0; i < 20000; i++) {
		struct hp_frame_rule rule = {0};
		struct hp_unwind_row row;
		uintptr_t at;

		if (!hp_unwind_rows_find(&image, ip, &at))
			break;
		memcpy(&row, (void *)at, sizeof(row));
		random = random * 1664525 + 1013904223;
		uint8_t *byte = (uint8_t *)(table + (intptr_t)row.entry) + random % 64;
		uint8_t before = *byte;

		*byte = (uint8_t)(random >> 24);
		plain_table_rule(&image, ip, &rule);
		CHECK(rule.kind <= HP_RULE_SIGNAL);
		if (i % 4)
			*byte = before;
	}
	munmap(copy, size);
}

TEST_MAIN(TEST(test_both_readers_agree), TEST(test_return_from_a_signal), TEST(test_damaged_tables))
