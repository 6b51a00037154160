/* SPDX-License-Identifier: MIT */
/* First lines of scripts, and ELF files of a few bytes. */
#include "command/inspect_program.h"
#include "folder.h"
#include "test.h"
#include <elf.h>
#include <errno.h>

#define LOADER "/lib64/ld-linux-x86-64.so.2"

static const char *interpreter_of(const char *line)
{
	static char found[PATH_MAX];

	return program_parse_script(line, strlen(line), found) ? found : NULL;
}

static void test_interpreters(void)
{
	CHECK_STR_EQ(interpreter_of("#!/bin/sh\n"), "/bin/sh");
	CHECK_STR_EQ(interpreter_of("#! \t/bin/sh -e\nexit\n"), "/bin/sh");
	CHECK_STR_EQ(interpreter_of("#!/bin/sh"), "/bin/sh");
	CHECK_STR_EQ(interpreter_of("#!sh\n"), "sh");
	CHECK_STR_EQ(interpreter_of("#!/usr/bin/env python3\n"), "python3");
	CHECK_STR_EQ(interpreter_of("#!/usr/bin/env -S A=b python3 -u\n"), "python3");
	CHECK_STR_EQ(interpreter_of("#!/usr/bin/env\n"), "/usr/bin/env");
	CHECK_STR_EQ(interpreter_of("#!/opt/xenv python3\n"), "/opt/xenv");
	CHECK_PTR_EQ(interpreter_of("#!\n/bin/sh"), NULL);
	CHECK_PTR_EQ(interpreter_of("#!"), NULL);
	CHECK_PTR_EQ(interpreter_of("# /bin/sh\n"), NULL);
	CHECK_PTR_EQ(interpreter_of(""), NULL);
}

struct image { /* an ELF file with one segment, its loader's name */
	Elf64_Ehdr header;
	Elf64_Phdr segment;
	char loader[64];
};

static struct image make_image(const char *loader)
{
	struct image image = {
		.header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB},
			   .e_type = ET_DYN,
			   .e_machine = EM_X86_64,
			   .e_phoff = offsetof(struct image, segment),
			   .e_phentsize = sizeof(Elf64_Phdr),
			   .e_phnum = 1},
		.segment = {.p_type = PT_INTERP,
			    .p_offset = offsetof(struct image, loader),
			    .p_filesz = strlen(loader) + 1},
	};

	memcpy(image.loader, loader, strlen(loader) + 1);
	return image;
}

static enum program_kind judge_bytes(const void *bytes, size_t size)
{
	struct program_facts facts = {0};
	FILE *file = tmpfile();

	CHECK(file && fwrite(bytes, 1, size, file) == size && fflush(file) == 0);
	program_inspect_elf(fileno(file), &facts);
	fclose(file);
	return facts.kind;
}

static enum program_kind judge(const struct image *image)
{
	return judge_bytes(image, sizeof(*image));
}

static void test_loaders(void)
{
	static const struct {
		const char *loader;
		enum program_kind kind;
	} rows[] = {
		{LOADER, PROGRAM_CAN_BE_PROFILED},
		{"/nix/store/abc-glibc-2.38/lib/ld-linux-x86-64.so.2", PROGRAM_CAN_BE_PROFILED},
		{"/lib/ld-musl-x86_64.so.1", PROGRAM_MUSL},
		{"/system/bin/linker64", PROGRAM_OTHER_LOADER},
		{"", PROGRAM_DAMAGED},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct image image = make_image(rows[i].loader);

		CHECK_INT_EQ(judge(&image), rows[i].kind);
	}
}

static void test_other_programs(void)
{
	struct image image = make_image(LOADER);

	image.segment.p_type = PT_LOAD;
	CHECK_INT_EQ(judge(&image), PROGRAM_STATIC);
	image = make_image(LOADER);
	image.header.e_phnum = 0;
	CHECK_INT_EQ(judge(&image), PROGRAM_STATIC);
	image = make_image(LOADER);
	image.header.e_ident[EI_CLASS] = ELFCLASS32;
	CHECK_INT_EQ(judge(&image), PROGRAM_32_BIT);
	image = make_image(LOADER);
	image.header.e_machine = EM_AARCH64;
	CHECK_INT_EQ(judge(&image), PROGRAM_OTHER_MACHINE);
}

static void test_files_that_are_no_programs(void)
{
	struct image image = make_image(LOADER);
	Elf64_Dyn dynamic[] = {{.d_tag = DT_SONAME}, {.d_tag = DT_FLAGS_1}};

	image.header.e_type = ET_CORE;
	CHECK_INT_EQ(judge(&image), PROGRAM_CORE);
	image.header.e_type = ET_REL;
	CHECK_INT_EQ(judge(&image), PROGRAM_OBJECT);
	image.header.e_type = 77;
	CHECK_INT_EQ(judge(&image), PROGRAM_DAMAGED);
	image.header.e_type = ET_DYN;
	image.segment.p_type = PT_DYNAMIC;
	image.segment.p_filesz = sizeof(dynamic);
	memcpy(image.loader, dynamic, sizeof(dynamic));
	CHECK_INT_EQ(judge(&image), PROGRAM_LIBRARY);
	dynamic[1].d_un.d_val = DF_1_PIE;
	memcpy(image.loader, dynamic, sizeof(dynamic));
	CHECK_INT_EQ(judge(&image), PROGRAM_STATIC);
	image.segment.p_offset = UINT64_MAX;
	CHECK_INT_EQ(judge(&image), PROGRAM_LIBRARY);
}

/* execvp(3) lets sh run an empty file. */
static void test_an_empty_program(void)
{
	struct program_facts facts;

	write_file(in_folder("empty"), "");
	chmod(in_folder("empty"), 0755);
	program_inspect(in_folder("empty"), &facts);
	CHECK(facts.is_script);
	CHECK_STR_EQ(facts.path, "/bin/sh");
	CHECK_INT_EQ(facts.kind, PROGRAM_CAN_BE_PROFILED);
}

static void test_damaged_programs(void)
{
	struct image image = make_image(LOADER);

	for (size_t size = 0; size < offsetof(struct image, loader) + strlen(LOADER) + 1; size++)
		CHECK_INT_EQ(judge_bytes(&image, size), PROGRAM_DAMAGED);
	image.segment.p_filesz = UINT64_MAX;
	CHECK_INT_EQ(judge(&image), PROGRAM_DAMAGED);
	image = make_image(LOADER);
	image.segment.p_offset = UINT64_MAX;
	CHECK_INT_EQ(judge(&image), PROGRAM_DAMAGED);
	image = make_image(LOADER);
	image.segment.p_filesz--; /* the NUL */
	CHECK_INT_EQ(judge(&image), PROGRAM_DAMAGED);
	image = make_image(LOADER);
	image.header.e_phnum = UINT16_MAX;
	CHECK_INT_EQ(judge(&image), PROGRAM_DAMAGED);
	image = make_image(LOADER);
	image.header.e_phentsize = 1;
	CHECK_INT_EQ(judge(&image), PROGRAM_DAMAGED);
}

static void test_search(void)
{
	char path[PATH_MAX], folders[2 * PATH_MAX];

	mkdir(in_folder("a"), 0755);
	mkdir(in_folder("b"), 0755);
	mkdir(in_folder("a/x"), 0755);
	write_file(in_folder("a/y"), "");
	write_file(in_folder("b/x"), "");
	write_file(in_folder("b/y"), "");
	snprintf(folders, sizeof(folders), "%s:%s", in_folder("a"), in_folder("b"));
	setenv("PATH", folders, true);
	CHECK_INT_EQ(program_find("y", path), -EACCES);
	CHECK_STR_EQ(path, in_folder("a/y"));
	chmod(in_folder("b/x"), 0755);
	chmod(in_folder("b/y"), 0755);
	CHECK_INT_EQ(program_find("x", path), 0); /* a folder is not a program */
	CHECK_STR_EQ(path, in_folder("b/x"));
	CHECK_INT_EQ(program_find("y", path), 0);
	CHECK_STR_EQ(path, in_folder("b/y"));
	CHECK_INT_EQ(program_find("z", path), -ENOENT);
	CHECK_INT_EQ(program_find("", path), -ENOENT);
	CHECK_INT_EQ(program_find("./z", path), 0); /* a path is not searched for */
	CHECK_STR_EQ(path, "./z");
	setenv("PATH", "", true);
	CHECK_INT_EQ(chdir(in_folder("b")), 0);
	CHECK_INT_EQ(program_find("x", path), 0);
	CHECK_STR_EQ(path, "x");
}

TEST_MAIN(TEST(test_interpreters), TEST(test_loaders), TEST(test_other_programs),
	  TEST(test_damaged_programs), TEST(test_files_that_are_no_programs),
	  TEST(test_an_empty_program), TEST(test_search))
