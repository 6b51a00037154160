/* SPDX-License-Identifier: MIT */
/* The tests write the DWARF of one unit DIE by DIE, since compilers rarely write the edge cases. */
#include "symbolize/qualified_name.h"

#include <dwarf.h>

#include "elf_file.h"
#include "folder.h"
#include "test.h"

/* DWARF that is being written. Each DIE has an abbreviation of its own. */
static struct {
	uint8_t info[16384], abbrev[4096];
	size_t n_info, n_abbrev;
	unsigned n_dies;
} written;

static void put(uint8_t byte)
{
	written.info[written.n_info++] = byte;
}

static void put_32(uint32_t value)
{
	memcpy(written.info + written.n_info, &value, sizeof(value));
	written.n_info += sizeof(value);
}

/* Appends a number as LEB128 to the abbreviations. */
static void put_abbrev(unsigned value)
{
	for (; value >= 0x80; value >>= 7)
		written.abbrev[written.n_abbrev++] = (uint8_t)(value | 0x80);
	written.abbrev[written.n_abbrev++] = (uint8_t)value;
}

static void put_text_attribute(unsigned attribute, const char *text)
{
	if (!text)
		return;
	put_abbrev(attribute);
	put_abbrev(DW_FORM_string);
	memcpy(written.info + written.n_info, text, strlen(text) + 1);
	written.n_info += strlen(text) + 1;
}

struct die {
	const char *name, *linkage_name;
	unsigned reference;      /* DW_AT_specification or DW_AT_abstract_origin, or 0 */
	Dwarf_Off referenced_at; /* the offset of the DIE that it refers to */
};

/* Begins a DIE that may have children. Returns its offset. */
static Dwarf_Off open_die(unsigned tag, struct die die)
{
	Dwarf_Off offset = written.n_info;
	unsigned code = ++written.n_dies;

	put_abbrev(code);
	put_abbrev(tag);
	put_abbrev(DW_CHILDREN_yes);
	for (; code >= 0x80; code >>= 7)
		put((uint8_t)(code | 0x80));
	put((uint8_t)code);
	put_text_attribute(DW_AT_name, die.name);
	put_text_attribute(DW_AT_linkage_name, die.linkage_name);
	if (die.reference) {
		put_abbrev(die.reference);
		put_abbrev(DW_FORM_ref4);
		put_32((uint32_t)die.referenced_at);
	}
	put_abbrev(0);
	put_abbrev(0);
	return offset;
}

static void close_die(void)
{
	put(0);
}

#define OPEN(tag, ...) open_die(DW_TAG_##tag, (struct die){__VA_ARGS__})

/* Adds a DIE without children. */
static Dwarf_Off add_die(unsigned tag, struct die die)
{
	Dwarf_Off offset = open_die(tag, die);

	close_die();
	return offset;
}

#define ADD(tag, ...) add_die(DW_TAG_##tag, (struct die){__VA_ARGS__})

static void begin_unit(void)
{
	memset(&written, 0, sizeof(written));
	put_32(0); /* the size, see end_unit() */
	put(4);    /* version */
	put(0);
	put_32(0); /* the abbreviations begin at 0 */
	put(8);    /* size of an address */
	OPEN(compile_unit, .name = "unit.cc");
}

/* The DWARF while it is read. */
static struct qualified_name names;
static Dwarf *dwarf;
static int fd;

static void end_unit(void)
{
	const char *path = in_folder("dwarf");
	struct elf_file_section sections[2];
	uint32_t size;

	close_die();
	size = (uint32_t)written.n_info - 4;
	memcpy(written.info, &size, sizeof(size));
	put_abbrev(0);
	sections[0] = (struct elf_file_section){
		.name = ".debug_info", .bytes = written.info, .size = written.n_info};
	sections[1] = (struct elf_file_section){
		.name = ".debug_abbrev", .bytes = written.abbrev, .size = written.n_abbrev};
	elf_file_write(path, sections, 2);
	fd = open(path, O_RDONLY);
	dwarf = dwarf_begin(fd, DWARF_C_READ);
	CHECK(dwarf != NULL);
}

static void end_reading(void)
{
	qualified_name_deinit(&names);
	memset(&names, 0, sizeof(names));
	dwarf_end(dwarf);
	close(fd);
}

/* Returns the qualified name of the function whose DIE is at `offset`, or "(none)". */
static const char *name_at(Dwarf_Off offset)
{
	Dwarf_Die die;
	const char *name = "(not set)";

	CHECK(dwarf_offdie(dwarf, offset, &die) != NULL);
	CHECK_INT_EQ(qualified_name_of(&names, &die, &name), 0);
	return name ? name : "(none)";
}

static void test_scopes(void)
{
	Dwarf_Off in_type, in_namespace, after, in_union;

	begin_unit();
	OPEN(namespace, .name = "ns");
	OPEN(class_type, .name = "Type");
	in_type = ADD(subprogram, .name = "f");
	close_die();
	in_namespace = ADD(subprogram, .name = "g");
	close_die();
	after = ADD(subprogram, .name = "h");
	OPEN(structure_type, .name = "Outer");
	OPEN(union_type, .name = "Inner");
	in_union = ADD(subprogram, .name = "i");
	close_die();
	close_die();
	end_unit();
	CHECK_STR_EQ(name_at(in_union), "Outer::Inner::i");
	CHECK_STR_EQ(name_at(in_type), "ns::Type::f");
	CHECK_STR_EQ(name_at(after), "(none)");
	CHECK_STR_EQ(name_at(in_namespace), "ns::g");
	end_reading();
}

static void test_scopes_without_a_name(void)
{
	Dwarf_Off in_namespace, of_lambda, of_type;

	begin_unit();
	OPEN(namespace);
	in_namespace = ADD(subprogram, .name = "f");
	OPEN(class_type);
	of_lambda = ADD(subprogram, .name = "operator()<int>");
	of_type = ADD(subprogram, .name = "operator");
	close_die();
	close_die();
	end_unit();
	CHECK_STR_EQ(name_at(in_namespace), "(anonymous namespace)::f");
	CHECK_STR_EQ(name_at(of_lambda), "(anonymous namespace)::{lambda}::operator()<int>");
	CHECK_STR_EQ(name_at(of_type), "(anonymous namespace)::(anonymous)::operator");
	end_reading();
}

/* The mangled name of a function includes what is around it. */
static void test_in_a_function(void)
{
	Dwarf_Off lambda, in_main, in_mangled;

	begin_unit();
	OPEN(namespace, .name = "not_again");
	OPEN(subprogram, .name = "f", .linkage_name = "_ZN2ns1fEi");
	OPEN(lexical_block);
	OPEN(class_type);
	lambda = ADD(subprogram, .name = "operator()");
	close_die();
	close_die();
	close_die();
	OPEN(subprogram, .name = "g", .linkage_name = "plain");
	in_mangled = ADD(subprogram, .name = "inner");
	close_die();
	close_die();
	OPEN(subprogram, .name = "main");
	in_main = ADD(subprogram, .name = "nested");
	close_die();
	end_unit();
	CHECK_STR_EQ(name_at(lambda), "ns::f::{lambda}::operator()");
	CHECK_STR_EQ(name_at(in_main), "main::nested");
	CHECK_STR_EQ(name_at(in_mangled), "plain::inner");
	end_reading();
}

/* A definition or an inlined copy is outside of the scopes; its declaration is inside. */
static void test_declaration_has_the_scopes(void)
{
	Dwarf_Off declaration, definition, copy;

	begin_unit();
	OPEN(namespace, .name = "ns");
	declaration = ADD(subprogram, .name = "f");
	close_die();
	definition =
		ADD(subprogram, .reference = DW_AT_specification, .referenced_at = declaration);
	OPEN(subprogram, .name = "caller");
	copy = ADD(inlined_subroutine, .reference = DW_AT_abstract_origin,
		   .referenced_at = definition);
	close_die();
	end_unit();
	CHECK_STR_EQ(name_at(definition), "ns::f");
	CHECK_STR_EQ(name_at(copy), "ns::f");
	end_reading();
}

static void test_function_without_a_name(void)
{
	Dwarf_Off function;

	begin_unit();
	OPEN(namespace, .name = "ns");
	function = ADD(subprogram);
	close_die();
	end_unit();
	CHECK_STR_EQ(name_at(function), "(none)");
	end_reading();
}

/* A name of 1023 bytes is made, a longer one is not. */
static void test_long_names(void)
{
	static char fits[1023 - 3 + 1], too_long[1023 - 3 + 2]; /* without "::f" */
	Dwarf_Off in_fits, in_too_long;

	memset(fits, 'x', sizeof(fits) - 1);
	memset(too_long, 'x', sizeof(too_long) - 1);
	begin_unit();
	OPEN(namespace, .name = fits);
	in_fits = ADD(subprogram, .name = "f");
	close_die();
	OPEN(namespace, .name = too_long);
	in_too_long = ADD(subprogram, .name = "f");
	close_die();
	end_unit();
	CHECK_UINT_EQ(strlen(name_at(in_fits)), 1023);
	CHECK_STR_EQ(name_at(in_too_long), "(none)");
	end_reading();
}

/* Writes a unit of `n` namespaces, each in the one before it and with a function "f". */
static void write_nested_namespaces(Dwarf_Off *functions, size_t n)
{
	begin_unit();
	for (size_t i = 0; i < n; i++) {
		OPEN(namespace, .name = "n");
		functions[i] = ADD(subprogram, .name = "f");
	}
	for (size_t i = 0; i < n; i++)
		close_die();
	end_unit();
}

/* A name has at most 64 parts. */
static void test_deep_scopes(void)
{
	static Dwarf_Off functions[70];
	const size_t n = sizeof(functions) / sizeof(functions[0]);

	write_nested_namespaces(functions, n);
	CHECK_UINT_EQ(strlen(name_at(functions[62])), 63 * strlen("n::") + 1);
	for (size_t i = 63; i < n; i++)
		CHECK_STR_EQ(name_at(functions[i]), "(none)");
	end_reading();
}

/* A name is made once, and stays valid while others are made. */
static void test_names_stay_valid(void)
{
	static Dwarf_Off functions[50];
	const size_t n = sizeof(functions) / sizeof(functions[0]);
	const char *first;

	write_nested_namespaces(functions, n);
	first = name_at(functions[0]);
	for (size_t i = 1; i < n; i++)
		CHECK(strncmp(name_at(functions[i]), "n::n::", 6) == 0);
	CHECK_STR_EQ(first, "n::f");
	CHECK_PTR_EQ(name_at(functions[0]), first);
	end_reading();
}

TEST_MAIN(TEST(test_scopes), TEST(test_scopes_without_a_name), TEST(test_in_a_function),
	  TEST(test_declaration_has_the_scopes), TEST(test_function_without_a_name),
	  TEST(test_long_names), TEST(test_deep_scopes), TEST(test_names_stay_valid))
