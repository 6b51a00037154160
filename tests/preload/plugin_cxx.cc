/* SPDX-License-Identifier: MIT */
/* A C++ library that a C program opens. It throws exceptions through its own frames, and asks for
 * more memory than there is. */
#include <cstddef>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <string>

static void *volatile sink;

static __attribute__((noinline)) void throw_from(int depth)
{
	std::string name(100 + depth, 'x');

	if (depth == 0)
		throw std::runtime_error(name);
	throw_from(depth - 1);
	sink = &name;
}

static bool gets_bad_alloc()
{
	volatile std::size_t size = (std::size_t)-1 / 2 - 4096;

	try {
		sink = operator new(size);
	} catch (const std::bad_alloc &) {
		return operator new(size, std::nothrow) == nullptr;
	}
	return false;
}

extern "C" __attribute__((visibility("default"))) int plugin_throw(int n)
{
	int n_caught = 0;

	for (int i = 0; i < n; i++)
		try {
			throw_from(i % 20);
		} catch (const std::exception &e) {
			n_caught++;
		}
	return n_caught == n && gets_bad_alloc();
}
