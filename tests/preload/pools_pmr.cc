/* SPDX-License-Identifier: MIT */
/* A program with std::pmr containers, whose memory resource reports its objects to heapprof. */
#include "adaptors/heapprof_pmr.h"

#include <string>
#include <vector>

__attribute__((noinline)) static void answer(std::pmr::memory_resource *request)
{
	std::pmr::vector<int> numbers(request);

	numbers.reserve(1000);
	std::pmr::string text(500, 'x', request);
}

__attribute__((noinline)) static void remember(std::pmr::vector<std::pmr::string> *cache)
{
	cache->emplace_back(299, 'x');
}

int main()
{
	std::pmr::monotonic_buffer_resource arena, store;
	heapprof::reported_resource request(&arena, "server/request"), kept(&store, "server/cache");
	std::pmr::vector<std::pmr::string> cache(&kept);

	cache.reserve(100);
	for (int i = 0; i < 100; i++) {
		answer(&request);
		request.forget();
		arena.release();
		remember(&cache);
	}
	_Exit(0);
}
