/* SPDX-License-Identifier: MIT */
/* The program that the tests of `heapprof top` watch. It grows step by step, as lines on standard
 * input say, and answers each with a line. */
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace shop
{
void *volatile kept[4096];
size_t n_kept;
std::map<std::string, std::vector<std::string>> orders;

__attribute__((noinline)) void remember_session()
{
	kept[n_kept++] = malloc(4096);
}

__attribute__((noinline)) void fill_cache()
{
	for (int i = 0; i < 64; i++)
		kept[n_kept++] = malloc(65536);
}

__attribute__((noinline)) void serve_request()
{
	for (int i = 0; i < 100; i++) {
		void *volatile body = malloc(1000);

		free(body);
	}
}

template <typename Key, typename Value>
__attribute__((noinline)) void keep_in_the_index_of_all_orders(const Key &key, const Value &)
{
	kept[n_kept++] = malloc(500 + key.size());
}

__attribute__((noinline)) void login()
{
	remember_session();
}

__attribute__((noinline)) void refresh()
{
	remember_session();
}

__attribute__((noinline)) void order()
{
	orders["customer"].reserve(orders["customer"].capacity() + 100);
	keep_in_the_index_of_all_orders(std::string("key"), orders);
}
} // namespace shop

int main()
{
	char line[64];

	setvbuf(stdout, nullptr, _IONBF, 0);
	shop::fill_cache();
	puts("ready");
	while (fgets(line, sizeof(line), stdin)) {
		size_t n = strtoul(line + strcspn(line, " "), nullptr, 10);

		for (size_t i = 0; i < n; i++) {
			if (strncmp(line, "login", 5) == 0)
				shop::login();
			else if (strncmp(line, "refresh", 7) == 0)
				shop::refresh();
			else if (strncmp(line, "order", 5) == 0)
				shop::order();
			else
				shop::serve_request();
		}
		puts("done");
	}
}
