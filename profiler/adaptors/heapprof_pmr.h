/* SPDX-License-Identifier: MIT */
/* A std::pmr::memory_resource that reports what another one hands out to heapprof, as the objects
 * of a pool: see heapprof_pool(3).
 *
 *	std::pmr::monotonic_buffer_resource arena;
 *	heapprof::reported_resource request(&arena, "server/request");
 *	std::pmr::vector<int> v(&request);
 *	...
 *	request.forget();   // before arena.release(), which ends all objects
 *
 * With libheapprof absent, an allocation costs a virtual call more. */
#ifndef HEAPPROF_PMR_H
#define HEAPPROF_PMR_H

#include <cstring>
#include <heapprof_pool.h>
#include <memory_resource>

namespace heapprof
{

class reported_resource : public std::pmr::memory_resource
{
      public:
	/* `name` must exist as long as the resource: it is read when an object is sampled. */
	explicit reported_resource(std::pmr::memory_resource *upstream, const char *name)
	    : upstream_(upstream), name_(name)
	{
	}

	reported_resource(const reported_resource &) = delete;
	reported_resource &operator=(const reported_resource &) = delete;

	~reported_resource() override
	{
		forget();
	}

	/* Call it before all objects of the upstream resource end at once. */
	void forget() noexcept
	{
		heapprof_pool_reset(this);
	}

      private:
	static std::size_t describe(const void *pool, char *out, std::size_t size)
	{
		const char *name = static_cast<const reported_resource *>(pool)->name_;
		std::size_t n = std::strlen(name);

		std::memcpy(out, name, n < size ? n : size);
		return n;
	}

	static const heapprof_pool_class *pools() noexcept
	{
		static const heapprof_pool_class pmr = {sizeof(pmr), "pmr", describe,
							1 /* do_allocate() */, nullptr};
		return &pmr;
	}

	__attribute__((noinline)) void *do_allocate(std::size_t size, std::size_t align) override
	{
		void *object = upstream_->allocate(size, align);

		heapprof_pool_alloc(pools(), this, object, size);
		return object;
	}

	void do_deallocate(void *object, std::size_t size, std::size_t align) override
	{
		heapprof_pool_free(object);
		upstream_->deallocate(object, size, align);
	}

	bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override
	{
		return this == &other;
	}

	std::pmr::memory_resource *upstream_;
	const char *name_;
};

} /* namespace heapprof */

#endif
