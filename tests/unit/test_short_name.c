/* SPDX-License-Identifier: MIT */
#include "base/short_name.h"

#include "base/cleanup.h"
#include "test.h"

#define HUGE_NAME ((size_t)1 << 20)

static void check(const char *name, const char *expected)
{
	_cleanup_(freep) void *found = short_name(name);
	_cleanup_(freep) void *again = found ? short_name(found) : NULL;

	CHECK_STR_EQ(found ? (char *)found : name, expected);
	CHECK_PTR_EQ(again, NULL);
}

static void check_same(const char *name)
{
	_cleanup_(freep) void *found = short_name(name);

	CHECK_STR_EQ(found ? (char *)found : "", "");
}

static void check_bare(const char *name, const char *expected)
{
	_cleanup_(freep) void *found = short_name_with(name, 0, "~");

	CHECK_STR_EQ(found ? (char *)found : name, expected);
}

static void test_template_arguments(void)
{
	check("std::map<std::string, std::vector<int>>::operator[]", "std::map<...>::operator[]");
	check("a<b<c, d>, e<f, g, h, i>>::k<l<m>, n<o>, p<q>, r>::s", "a<...>::k<...>::s");
	check_same("std::vector<int>::push_back");
	check_same("exactly<1234567890123456>::f");
	check("one_more<12345678901234567>::f", "one_more<...>::f");
	check("f<(1>2), 345678901234567>::g", "f<...>::g");
	check("f<(1>>2), 34567890123456>::g", "f<...>::g");
	check("f<&(N::operator<), 34567890123>::g", "f<...>::g");
	check("f<&(N::operator->), 3456789012>::g", "f<...>::g");
}

static void test_parameters(void)
{
	check("f(int, char const*, long)", "f(...)");
	check("f(int, char const*, long)::g(int) const", "f(...)::g(int) const");
	check("std::vector<int> f<int>(std::vector<int>&)", "std::vector<int> f<int>(...)");
	check("A::operator()(int, char const*, long) const", "A::operator()(...) const");
	check("A::operator=(std::vector<int> const&)", "A::operator=(...)");
	check("A::operator+=(std::vector<int> const&)", "A::operator+=(...)");
	check("operator new(unsigned long, std::nothrow_t const&)", "operator new(...)");
	check_same("f()");
	check_same("operator new[]");
}

static void test_operators(void)
{
	check("N::operator< <std::string, std::string>", "N::operator< <...>");
	check("N::operator<< <std::string, std::string>", "N::operator<< <...>");
	check("N::operator<=> <std::string, std::string>", "N::operator<=> <...>");
	check("N::operator==<std::string, std::string>", "N::operator==<...>");
	check("P<std::string, std::string>::operator->", "P<...>::operator->");
	check("P<std::string, std::string>::operator->*", "P<...>::operator->*");
	check("P<std::string, std::string>::operator>>", "P<...>::operator>>");
	check("P<std::string, std::string>::operator()", "P<...>::operator()");
	check("P::operator std::vector<std::string, long>", "P::operator std::vector<...>");
	check("my_operator<std::string, std::string>", "my_operator<...>");
	check_same("a_function_of_ours::operator<");
}

static void test_unnamed(void)
{
	check_same("(anonymous namespace)::f");
	check_same("main::{lambda()#1}::operator()");
	check("main::{lambda(std::vector<int>, long)#1}::operator()",
	      "main::{lambda(...)#1}::operator()");
	check("main::'lambda'(std::vector<int>, long)::operator()",
	      "main::'lambda'(...)::operator()");
	check_same("f<A>::(anonymous class)::operator()");
	check_same("(no stack)");
	check_same("[unknown library name]");
}

static void test_rust(void)
{
	check_same("<alloc::vec::Vec<T> as core::clone::Clone>::clone");
	check("<alloc::vec::Vec<alloc::string::String> as core::clone::Clone>::clone",
	      "<alloc::vec::Vec<...> as core::clone::Clone>::clone");
	check_same("core::ptr::<impl core::ops::Drop for T>::drop");
	check("a::<b::C<d::E<f>> as g::H<i>>::j", "a::<b::C<d::E<f>> as g::H<i>>::j");
	check("f::map::<alloc::string::String, usize>::g", "f::map::<...>::g");
	check("a::b::<fn(u8) -> u8, fn(u16) -> u16>::c", "a::b::<...>::c");
	check("<dyn core::ops::FnMut<(u8,)> as a::B>::c::{closure#0}",
	      "<dyn core::ops::FnMut<(u8,)> as a::B>::c::{closure#0}");
	check_same("mycrate::main::{{closure}}");
}

static void test_go(void)
{
	check_same("main.(*AServerWithALongName).Serve");
	check("main.Map[go.shape.int,go.shape.string]", "main.Map[...]");
	check("main.(*List[go.shape.struct { A int }]).Push", "main.(*List[...]).Push");
	check_same("main.Map[...].func1");
	check_same("runtime.mallocgc");
}

/* Other tools cut long names. */
static void test_unbalanced(void)
{
	check("std::map<std::string, std::vector<int", "std::map<...");
	check("f(int, char const*, lo", "f(...");
	check_same("a<b");
	check_same("<<<");
	check_same("<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<");
	check_same(">>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>");
	check_same(")))))))))))))))))]]]]]]]]]]]}}}}");
	check_same("operator");
	check_same("operator<");
	check("f<a)b(c>]d[e, 901234567>::g", "f<...");
	check("f(a<b, 9012345678901234)::g", "f(...)::g");
	check_same("");
}

static void test_bare_names_keep_no_arguments(void)
{
	check_bare("a<b>::c(d)", "a<~>::c(~)");
	check_bare("a()", "a()");
	check_bare("a<>::operator()(b)", "a<>::operator()(~)");
	check_bare("(anonymous namespace)::a", "(anonymous namespace)::a");
}

static void fill(char *text, const char *piece)
{
	size_t n = strlen(piece);

	for (size_t i = 0; i < HUGE_NAME; i++)
		text[i] = piece[i % n];
	text[HUGE_NAME] = '\0';
}

/* These take no time that grows faster than the name. */
static void test_huge_names(void)
{
	static const char *const pieces[] = {
		"a<", "::<",  "<",         "(",    "a(",     "a>",       "a<b>", "<(",
		"a[", "{<[(", "operator<", " as ", "<a as ", "operator", "=",    "->"};
	_cleanup_(freep) void *text = malloc(HUGE_NAME + 1);

	CHECK(text);
	for (size_t i = 0; text && i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		fill(text, pieces[i]);
		free(short_name(text));
	}
	memset(text + 1, '<', HUGE_NAME / 2); /* nothing closes these */
	memset(text + HUGE_NAME / 2, ']', HUGE_NAME / 2);
	memset(text, '(', 1);
	check_same(text);
	fill(text, "x");
	memcpy(text, "f<", 2);
	check(text, "f<...");
}

TEST_MAIN(TEST(test_template_arguments), TEST(test_parameters), TEST(test_operators),
	  TEST(test_unnamed), TEST(test_rust), TEST(test_go), TEST(test_unbalanced),
	  TEST(test_bare_names_keep_no_arguments), TEST(test_huge_names))
