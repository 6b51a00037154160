// SPDX-License-Identifier: MIT
// Like live.c, but for names: gcc gives these functions no linkage names. The records have 1, 2, 3
// and more bytes.
#include <cstdio>
#include <cstring>

static void *sites[4];
static int n_sites;

__attribute__((noinline)) static void leak()
{
	sites[n_sites++] = __builtin_return_address(0);
}

namespace shop
{
namespace
{
struct Cart {
	int n;
	void add()
	{
		leak();
		n++;
	}
};
} // namespace
} // namespace shop

extern "C" void plain()
{
	leak();
	__asm__ volatile("");
}

int main(int argc, char **argv)
{
	shop::Cart cart = {argc};
	auto lambda = [&cart](int n) {
		leak();
		cart.n += n;
	};
	char line[4096];

	cart.add();
	lambda(argc);
	plain();
	std::printf("heap profile: 3: 6 [ 3: 6] @ heapprofile\n");
	for (int i = 0; i < n_sites; i++)
		std::printf("1: %d [ 1: %d] @ %p\n", i + 1, i + 1, sites[i]);
	std::printf("\nMAPPED_LIBRARIES:\n");
	std::FILE *maps = std::fopen("/proc/self/maps", "r");
	while (maps && std::fgets(line, sizeof(line), maps))
		if (std::strstr(line, " r-xp "))
			std::fputs(line, stdout);
	return 0;
}
