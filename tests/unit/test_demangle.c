/* SPDX-License-Identifier: MIT */
#include "symbolize/demangle.h"

#include "base/cleanup.h"
#include "test.h"

/* Checks the demangled name. `expected` is NULL if the symbol must stay as it is. */
static void check(const char *symbol, enum demangle_style style, const char *expected)
{
	_cleanup_(freep) void *name = demangle(symbol, style);

	if (expected)
		CHECK_STR_EQ((char *)name, expected);
	else
		CHECK_PTR_EQ(name, NULL);
}

static void test_cxx(void)
{
	check("_ZN1a1S3addEPKc", DEMANGLE_SHORT, "a::S::add");
	check("_ZN1a1S3addEPKc", DEMANGLE_FULL, "a::S::add(char const*)");
	check("_ZN1a1S3addEPKc", DEMANGLE_NONE, NULL);
	check("_Z3fooIiEvT_", DEMANGLE_SHORT, "foo<int>");
	check("_Z3fooIiEvT_", DEMANGLE_FULL, "void foo<int>(int)");
	check("_ZZ4mainENKUlvE_clEv", DEMANGLE_SHORT, "main::{lambda()#1}::operator()");
	check("_ZN3FooC4Ev", DEMANGLE_SHORT, "Foo::Foo");
	check("_Znwm", DEMANGLE_SHORT, "operator new");
}

static void test_rust(void)
{
	check("_ZN4core3ptr13drop_in_place17h0123456789abcdefE", DEMANGLE_SHORT,
	      "core::ptr::drop_in_place");
	check("_ZN63_$LT$alloc..vec..Vec$LT$T$GT$$u20$as$u20$core..clone..Clone$GT$5clone17h"
	      "0123456789abcdefE",
	      DEMANGLE_SHORT, "<alloc::vec::Vec<T> as core::clone::Clone>::clone");
	check("_RNvCs1234_7mycrate3foo", DEMANGLE_SHORT, "mycrate::foo");
	check("_RINvNtC3std3mem8align_ofjE", DEMANGLE_SHORT, "std::mem::align_of::<usize>");
}

static void test_plain(void)
{
	check("main", DEMANGLE_SHORT, NULL);
	check("main", DEMANGLE_FULL, NULL);
	check("", DEMANGLE_SHORT, NULL);
	check("_start", DEMANGLE_SHORT, NULL);
	check("_Z", DEMANGLE_SHORT, NULL);
	check("_ZN", DEMANGLE_SHORT, NULL);
	check("runtime.mallocgc", DEMANGLE_SHORT, NULL);
	check("main.(*Server).Serve", DEMANGLE_SHORT, NULL);
}

static void test_pieces_of_functions(void)
{
	check("foo.part.0.cold", DEMANGLE_SHORT, "foo");
	check("foo.constprop.12", DEMANGLE_SHORT, "foo");
	check("foo.partial", DEMANGLE_SHORT, NULL);
	check("foo.cold", DEMANGLE_FULL, NULL);
	check(".cold", DEMANGLE_SHORT, NULL);
	check("_ZN1aL3barEi.isra.0", DEMANGLE_SHORT, "a::bar");
}

/* Demangles _Z1f followed by `n` copies of `text`. */
static void check_repeated(const char *text, size_t n)
{
	size_t size = strlen(text);
	char *symbol = malloc(4 + n * size + 2);

	strcpy(symbol, "_Z1f");
	for (size_t i = 0; i < n; i++)
		memcpy(symbol + 4 + i * size, text, size);
	strcpy(symbol + 4 + n * size, "i");
	free(demangle(symbol, DEMANGLE_FULL));
	free(symbol);
}

/* Demangling these names must not use up the stack. */
static void test_deep_names(void)
{
	static const char *const texts[] = {"P", "N",  "1AI", "F",  "M",
					    "X", "LZ", "I",   "T_", "DpT_"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (size_t n = 100; n < 5000; n += 700)
			check_repeated(texts[i], n);
}

/* The name begins with B<A<int>, A<int>>. Each step is a pair of the previous one, and so doubles
 * the text. */
static void test_exponential_name(void)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char symbol[2048] = "_Z1f1AIiE2BaIS0_S0_E";
	char *end = symbol + strlen(symbol);

	for (int i = 1; i < 18; i++)
		end += sprintf(end, "2B%cIS%c_S%c_E", 'a' + i, digits[2 * i], digits[2 * i]);
	check(symbol, DEMANGLE_FULL, NULL);
}

/* The name is longer than libiberty handles by itself. */
static void test_long_name(void)
{
	char symbol[4096] = "_ZN";
	_cleanup_(freep) void *name = NULL;

	for (int i = 0; i < 100; i++)
		strcat(symbol, "20a_name_as_long_as_it");
	strcat(symbol, "Ev");
	name = demangle(symbol, DEMANGLE_SHORT);
	CHECK(name != NULL);
	CHECK_UINT_EQ(name ? strlen(name) : 0, 100 * 22 - 2);
}

TEST_MAIN(TEST(test_cxx), TEST(test_rust), TEST(test_plain), TEST(test_pieces_of_functions),
	  TEST(test_deep_names), TEST(test_exponential_name), TEST(test_long_name))
