/* SPDX-License-Identifier: MIT */
/* A small core, valid and damaged in various ways. */
#include "target/core.h"
#include "test.h"
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	N_SEGMENTS = 3,
	NOTES_AT = 1024,
	MEMORY_AT = 4096,
	CORE_SIZE = 3 * 4096,
};

struct core {
	union {
		struct {
			Elf64_Ehdr header;
			Elf64_Phdr segments[N_SEGMENTS + 1];
		};
		uint8_t bytes[CORE_SIZE];
	};
};

static size_t add_note(uint8_t *to, uint32_t type, const void *desc, size_t size)
{
	Elf64_Nhdr note = {.n_namesz = 5, .n_descsz = (uint32_t)size, .n_type = type};

	memcpy(to, &note, sizeof(note));
	memcpy(to + sizeof(note), "CORE\0\0\0", 8);
	memcpy(to + sizeof(note) + 8, desc, size);
	return sizeof(note) + 8 + ((size + 3) & ~(size_t)3);
}

/* Makes the core of a process with a program of two pages, of which only the second is in the core,
 * and with anonymous memory. */
static void make_core(struct core *c)
{
	struct {
		uint64_t count, page, ranges[3];
		char path[16];
	} files = {1, 4096, {0x400000, 0x402000, 0}, "/bin/pro\ngram"};
	uint8_t psinfo[136] = {0};
	int32_t pid = 4711;
	size_t size;

	memset(c, 0, sizeof(*c));
	memcpy(c->header.e_ident, ELFMAG, SELFMAG);
	c->header.e_ident[EI_CLASS] = ELFCLASS64;
	c->header.e_ident[EI_DATA] = ELFDATA2LSB;
	c->header.e_type = ET_CORE;
	c->header.e_machine = EM_X86_64;
	c->header.e_phoff = sizeof(c->header);
	c->header.e_phentsize = sizeof(Elf64_Phdr);
	c->header.e_phnum = N_SEGMENTS + 1;
	memcpy(psinfo + 24, &pid, sizeof(pid));
	size = add_note(c->bytes + NOTES_AT, NT_PRPSINFO, psinfo, sizeof(psinfo));
	size += add_note(c->bytes + NOTES_AT + size, NT_FILE, &files, 56);
	c->segments[0] = (Elf64_Phdr){.p_type = PT_NOTE, .p_offset = NOTES_AT, .p_filesz = size};
	c->segments[1] = (Elf64_Phdr){
		.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = 0x400000, .p_memsz = 4096};
	c->segments[2] = (Elf64_Phdr){.p_type = PT_LOAD,
				      .p_flags = PF_R,
				      .p_vaddr = 0x401000,
				      .p_memsz = 4096,
				      .p_filesz = 4096,
				      .p_offset = MEMORY_AT};
	c->segments[3] = (Elf64_Phdr){.p_type = PT_LOAD,
				      .p_flags = PF_R | PF_W,
				      .p_vaddr = 0x402000,
				      .p_memsz = 8192,
				      .p_filesz = 4096,
				      .p_offset = MEMORY_AT + 4096};
	memset(c->bytes + MEMORY_AT, 1, 4096);
	memset(c->bytes + MEMORY_AT + 4096, 2, 4096);
}

static struct hp_target *open_core(const struct core *c, size_t size, int *out_r)
{
	int fd = memfd_create("core", MFD_CLOEXEC);
	struct hp_target *t = NULL;

	if (fd < 0 || write(fd, c, size) != (ssize_t)size)
		abort();
	*out_r = hp_target_open_core(fd, &t);
	return t;
}

static void check_refused(const struct core *c, size_t size, const char *why)
{
	int r;
	struct hp_target *t = open_core(c, size, &r);

	CHECK(r != 0);
	CHECK(strstr(t->message, why));
	if (!strstr(t->message, why))
		printf("# %s\n", t->message);
	hp_target_close(t);
}

static void test_a_core(void)
{
	struct core c;
	uint8_t bytes[8];
	int r;

	make_core(&c);
	struct hp_target *t = open_core(&c, sizeof(c), &r);

	CHECK_INT_EQ(r, 0);
	CHECK_INT_EQ(t->pid, 4711);
	CHECK_UINT_EQ(t->n_mappings, 3);
	CHECK_STR_EQ(t->program, "/bin/pro\ngram");
	CHECK(t->n_mappings == 3 && t->mappings[0].is_executable &&
	      t->mappings[1].path_size == strlen("/bin/pro\\012gram") &&
	      t->mappings[2].is_writable);
	CHECK(t->n_mappings == 3 && t->mappings[1].offset == 4096);
	/* from one segment into the next */
	CHECK(hp_target_read(t, 0x401ffc, bytes, 8));
	CHECK(bytes[3] == 1 && bytes[4] == 2);
	hp_target_close(t);
}

static void test_memory_that_is_not_there(void)
{
	struct core c;
	uint8_t byte;
	int r;

	make_core(&c);
	struct hp_target *t = open_core(&c, sizeof(c), &r);

	CHECK(!hp_target_read(t, 0x403000, &byte, 1));
	t->ops->explain(t, t->failed_at);
	CHECK(strstr(t->message, "lacks the memory at 0x403000") &&
	      strstr(t->message, "coredump_filter"));
	t->message[0] = '\0';
	CHECK(!hp_target_read(t, 0x700000, &byte, 1));
	t->ops->explain(t, t->failed_at);
	CHECK(strstr(t->message, "nothing was mapped"));
	CHECK(!hp_target_read(t, UINT64_MAX, &byte, 1));
	hp_target_close(t);
}

static void test_wrong_headers(void)
{
	struct core c;

	make_core(&c);
	c.header.e_machine = EM_AARCH64;
	check_refused(&c, sizeof(c), "another machine");
	make_core(&c);
	c.header.e_type = ET_EXEC;
	check_refused(&c, sizeof(c), "not a core");
	make_core(&c);
	c.header.e_phentsize = 32;
	check_refused(&c, sizeof(c), "program headers of 32 bytes");
	make_core(&c);
	c.header.e_phnum = 0;
	check_refused(&c, sizeof(c), "0 program headers");
	make_core(&c);
	c.segments[3].p_vaddr = 0x401800;
	check_refused(&c, sizeof(c), "overlap");
	make_core(&c);
	c.segments[3].p_vaddr = UINT64_MAX - 100;
	check_refused(&c, sizeof(c), "a segment of");
	make_core(&c);
	c.segments[3].p_filesz = 8193;
	check_refused(&c, sizeof(c), "a segment of");
	make_core(&c);
	c.segments[0].p_filesz = UINT64_C(1) << 40;
	check_refused(&c, sizeof(c), "notes of");
}

/* A truncated core is refused with a message, or opened with a note for the dump (t->note) that it
 * was cut. It is refused if its ELF notes are not whole. */
static void test_cut_at_each_length(void)
{
	struct core c;

	make_core(&c);
	for (size_t size = 1; size < sizeof(c); size += size < 2000 ? 1 : 97) {
		int r;
		struct hp_target *t = open_core(&c, size, &r);

		CHECK(r ? t->message[0] != '\0' : strstr(t->note, "was cut") != NULL);
		CHECK(r || size >= NOTES_AT + c.segments[0].p_filesz);
		hp_target_close(t);
	}
}

static void test_any_byte_may_be_wrong(void)
{
	static const uint8_t masks[] = {0x01, 0x80, 0xff};
	struct core c;
	uint8_t bytes[64];

	for (size_t i = 0; i < 1400; i++)
		for (int m = 0; m < 3; m++) {
			int r;

			make_core(&c);
			c.bytes[i] ^= masks[m];
			struct hp_target *t = open_core(&c, sizeof(c), &r);

			CHECK(r == 0 || t->message[0]);
			for (uint64_t at = 0x3ff000; !r && at < 0x405000; at += 1000)
				hp_target_read(t, at, bytes, sizeof(bytes));
			hp_target_close(t);
		}
}

static void test_maps(void)
{
	static const char text[] = "1000-2000 r-xp 00000000 00:00 0   /a b\n"
				   "no line\n"
				   "3000-2000 r-xp 00000000 00:00 0\n"
				   "1800-2800 r-xp 00000000 00:00 0\n"
				   "11111111111111111-2 r-xp 0 00:00 0\n"
				   "5000-6000 rw-s 00001000 00:00 0\n"
				   "7000-8000 rw-p 0";
	struct hp_target t = {0};

	CHECK_INT_EQ(hp_target_parse_maps(&t, strdup(text), sizeof(text) - 1), 0);
	CHECK_UINT_EQ(t.n_mappings, 2);
	CHECK(hp_target_mapping_at(&t, 0x1fff) == &t.mappings[0]);
	CHECK(!hp_target_mapping_at(&t, 0x2000) && !hp_target_mapping_at(&t, 0xfff));
	CHECK(t.n_mappings == 2 && t.mappings[0].path_size == 4 && !t.mappings[1].path);
	CHECK(t.n_mappings == 2 && !t.mappings[1].is_private && t.mappings[1].offset == 0x1000);
	free(t.maps);
	free(t.mappings);
}

TEST_MAIN(TEST(test_a_core), TEST(test_memory_that_is_not_there), TEST(test_wrong_headers),
	  TEST(test_cut_at_each_length), TEST(test_any_byte_may_be_wrong), TEST(test_maps))
