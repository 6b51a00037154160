/* SPDX-License-Identifier: MIT */
/* A program's own operator new and delete, in each form for which OWN_... is defined. At the end
 * the program prints how often each form was called. HEADER bytes precede each block; a form of
 * delete that does not expect a header can't free it. */
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <new>

#ifndef HEADER
#define HEADER 0
#endif

enum {
	MAGIC = 0x1234
};

static struct calls {
	long n_new, n_array, n_nothrow, n_aligned, n_delete, n_delete_array, n_delete_sized;
	long n_delete_aligned;

	~calls()
	{
		std::printf("%ld %ld %ld %ld, %ld %ld %ld %ld\n", n_new, n_array, n_nothrow,
			    n_aligned, n_delete, n_delete_array, n_delete_sized, n_delete_aligned);
	}
} calls;

[[maybe_unused]] static void *get(std::size_t size, long *n)
{
	char *p = static_cast<char *>(std::malloc(size + HEADER));

	++*n;
	if (!p)
		throw std::bad_alloc();
	if (HEADER)
		*reinterpret_cast<long *>(p) = MAGIC;
	return p + HEADER;
}

[[maybe_unused]] static void put(void *p, long *n)
{
	char *block = static_cast<char *>(p) - HEADER;

	++*n;
	if (!p)
		return;
	if (HEADER && *reinterpret_cast<long *>(block) != MAGIC)
		std::abort();
	if (HEADER)
		*reinterpret_cast<long *>(block) = 0;
	std::free(block);
}

#ifdef OWN_NEW
void *operator new(std::size_t size)
{
	return get(size, &calls.n_new);
}
#endif

#ifdef OWN_ARRAY
void *operator new[](std::size_t size)
{
	return get(size, &calls.n_array);
}
#endif

#ifdef OWN_NOTHROW
void *operator new(std::size_t size, const std::nothrow_t &) noexcept
{
	return get(size, &calls.n_nothrow);
}
#endif

#ifdef OWN_ALIGNED
void *operator new(std::size_t size, std::align_val_t alignment)
{
	std::size_t n = static_cast<std::size_t>(alignment);

	calls.n_aligned++;
	return std::aligned_alloc(n, (size + n - 1) / n * n);
}

void operator delete(void *p, std::align_val_t) noexcept
{
	calls.n_delete_aligned++;
	std::free(p);
}
#endif

#ifdef OWN_DELETE
void operator delete(void *p) noexcept
{
	put(p, &calls.n_delete);
}
#endif

#ifdef OWN_DELETE_ARRAY
void operator delete[](void *p) noexcept
{
	put(p, &calls.n_delete_array);
}
#endif

#ifdef OWN_DELETE_SIZED
void operator delete(void *p, std::size_t) noexcept
{
	put(p, &calls.n_delete_sized);
}

void operator delete[](void *p, std::size_t) noexcept
{
	put(p, &calls.n_delete_sized);
}
#endif
