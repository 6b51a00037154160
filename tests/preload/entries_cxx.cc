/* SPDX-License-Identifier: MIT */
#include "entries.h"
#include <cstdint>
#include <new>

#define FUNCTION PLAIN_NAME NOINLINE void

namespace
{
struct small {
	char bytes[24];
};

struct alignas(128) aligned {
	char bytes[128];
};

struct throwing {
	char bytes[40];
	throwing()
	{
		throw 1;
	}
};

int n_handler_calls;

void give_up()
{
	n_handler_calls++;
	std::set_new_handler(nullptr);
}
} // namespace

FUNCTION do_new(int is_first)
{
	EXPECT(3, 3 * 24, 4, 4 * 24);
	for (int i = 0; i < 3; i++)
		sink = new small;
	small *p = new small;
	sink = p;
	delete p;
}

FUNCTION do_new_array(int is_first)
{
	EXPECT(1, 240, 2, 480);
	small *p = new small[10];
	sink = p;
	delete[] p;
	sink = new small[10];
}

FUNCTION do_new_nothrow(int is_first)
{
	EXPECT(2, 24 + 48, 3, 24 + 48 + 24);
	sink = new (std::nothrow) small;
	sink = new (std::nothrow) small[2];
	void *p = operator new(hide(24), std::nothrow);
	sink = p;
	operator delete(p, std::nothrow);
}

FUNCTION do_new_aligned(int is_first)
{
	EXPECT(2, 128 + 256, 6, 128 + 256 + 4 * 100);
	aligned *one = new aligned, *two = new aligned[2];
	std::align_val_t alignment = std::align_val_t(512);

	if (reinterpret_cast<uintptr_t>(one) % 128 != 0)
		abort();
	sink = one;
	sink = two;
	sink = operator new(hide(100), alignment);
	operator delete(sink, alignment);
	sink = operator new[](hide(100), alignment);
	operator delete[](sink, alignment);
	sink = operator new(hide(100), alignment, std::nothrow);
	operator delete(sink, alignment, std::nothrow);
	sink = operator new[](hide(100), alignment, std::nothrow);
	operator delete[](sink, alignment, std::nothrow);
}

FUNCTION do_delete_sized(int is_first)
{
	EXPECT(0, 0, 4, 400);
	std::align_val_t alignment = std::align_val_t(64);

	sink = operator new(hide(100));
	operator delete(sink, std::size_t(100));
	sink = operator new[](hide(100));
	operator delete[](sink, std::size_t(100));
	sink = operator new(hide(100), alignment);
	operator delete(sink, std::size_t(100), alignment);
	sink = operator new[](hide(100), alignment);
	operator delete[](sink, std::size_t(100), alignment);
}

FUNCTION do_throwing_constructor(int is_first)
{
	EXPECT(0, 0, 1, 40);
	try {
		sink = new throwing;
		abort();
	} catch (int) {
	}
}

template <typename function> static bool throws_bad_alloc(function f)
{
	try {
		sink = f();
	} catch (const std::bad_alloc &) {
		return true;
	}
	return false;
}

FUNCTION do_new_failing(int is_first)
{
	EXPECT(0, 0, 0, 0);
	std::size_t size = hide(IMPOSSIBLE);
	std::align_val_t alignment = std::align_val_t(64);

	if (!throws_bad_alloc([=] { return operator new(size); }) ||
	    !throws_bad_alloc([=] { return operator new[](size); }) ||
	    !throws_bad_alloc([=] { return operator new(size, alignment); }) ||
	    !throws_bad_alloc([=] { return operator new[](size, alignment); }))
		abort();
	if (operator new(size, std::nothrow) || operator new[](size, std::nothrow) ||
						operator new(size, alignment, std::nothrow) ||
						operator new[](size, alignment, std::nothrow))
		abort();
}

FUNCTION do_new_handler(int is_first)
{
	EXPECT(0, 0, 0, 0);
	if (!is_first)
		return;
	std::set_new_handler(give_up);
	if (!throws_bad_alloc([] { return operator new(hide(IMPOSSIBLE)); }) ||
	    n_handler_calls != 1)
		abort();
}

FUNCTION do_malloc_in_cxx(int is_first)
{
	EXPECT(1, 10, 1, 10);
	sink = malloc(hide(10));
}

extern "C" void do_everything(int is_first)
{
	do_new(is_first);
	do_new_array(is_first);
	do_new_nothrow(is_first);
	do_new_aligned(is_first);
	do_delete_sized(is_first);
	do_throwing_constructor(is_first);
	/* mimalloc's operator new is built as C and aborts where these expect bad_alloc */
	if (!getenv("ENTRIES_NO_BAD_ALLOC")) {
		do_new_failing(is_first);
		do_new_handler(is_first);
	}
	do_malloc_in_cxx(is_first);
}
