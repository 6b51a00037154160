/* SPDX-License-Identifier: MIT */
/* Uses operator new and delete in all their forms, directly and through the C++ library. It is
 * built as a program and as a library that operators_host.c opens. */
#include <algorithm>
#include <cstdio>
#include <memory>
#include <new>
#include <string>
#include <vector>

#define NOINLINE __attribute__((noinline))

enum {
	N_HELD = 4
};

static void *volatile sink;
static void *volatile held[2 * N_HELD];

static std::size_t hide(volatile std::size_t n)
{
	return n;
}

struct base {
	virtual ~base();
	char bytes[40];
};

struct derived : base {
	~derived() override;
	std::string name = std::string(100, 'x');
};

base::~base() = default;
derived::~derived() = default;

struct alignas(128) aligned {
	char bytes[128];
};

static NOINLINE void use_each_form()
{
	std::align_val_t alignment = std::align_val_t(64);
	std::size_t n = hide(100);

	operator delete(operator new(n));
	operator delete(operator new(n), n);
	operator delete[](operator new[](n));
	operator delete[](operator new[](n), n);
	operator delete(operator new(n, std::nothrow));
	operator delete(operator new(n, std::nothrow), std::nothrow);
	operator delete[](operator new[](n, std::nothrow), std::nothrow);
	operator delete(operator new(n, alignment), alignment);
	operator delete(operator new(n, alignment), n, alignment);
	operator delete[](operator new[](n, alignment), alignment);
	operator delete[](operator new[](n, alignment), n, alignment);
	operator delete(operator new(n, alignment, std::nothrow), alignment, std::nothrow);
	operator delete[](operator new[](n, alignment, std::nothrow), alignment, std::nothrow);
	operator delete(nullptr);
}

static NOINLINE void delete_it(base *object)
{
	delete object; /* the class's destructor calls operator delete, perhaps by a jump */
}

static NOINLINE void use_classes()
{
	for (int i = 0; i < 10; i++) {
		derived *object = new derived;

		sink = object;
		delete_it(object);
		delete new aligned;
		delete[] new aligned[2];
		delete[] new std::string[3];
		std::unique_ptr<derived>(new derived);
	}
}

static NOINLINE void use_library()
{
	std::vector<std::string> names;
	std::vector<int> numbers(1000);

	for (int i = 0; i < 500; i++)
		names.push_back(std::string(i % 100, 'a'));
	for (int i = 0; i < 1000; i++)
		numbers[i] = i * 7919 % 1000;
	std::stable_sort(numbers.begin(), numbers.end());
	if (!std::is_sorted(numbers.begin(), numbers.end()))
		std::puts("not sorted");
}

extern "C" NOINLINE void hold()
{
	for (int i = 0; i < N_HELD; i++) {
		held[i] = new (std::nothrow) int(i);
		held[N_HELD + i] = new char[100];
	}
}

extern "C" __attribute__((visibility("default"))) void use_all()
{
	use_each_form();
	use_classes();
	use_library();
	hold();
	std::puts("used");
}

#ifndef PLUGIN
int main()
{
	use_all();
}
#endif
