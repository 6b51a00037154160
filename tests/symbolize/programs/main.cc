// SPDX-License-Identifier: MIT
// The C++ program. It has templates, nested lambdas, local classes, virtual calls and exceptions.
#include "shop.h"

#include <algorithm>
#include <cstdio>
#include <functional>

namespace
{

template <int N, typename F> int times(F f)
{
	if constexpr (N == 0)
		return 0;
	else
		return f(N) + times<N - 1>(f);
}

struct Counter {
	std::function<int(int)> rule;
	int operator()(int n)
	{
		return rule ? rule(n) : n;
	}
};

} // namespace

int main(int argc, char **)
{
	struct Local {
		std::vector<int> values;
		void fill(int n)
		{
			for (int i = 0; i < n; i++)
				values.push_back(n - i);
		}
	};
	shop::Shelf<shop::Item> shelf;
	shop::Shelf<std::string> labels;
	Local local;
	Counter counter{[argc](int n) {
		auto twice = [n] { return std::to_string(n) + std::to_string(n); };
		return static_cast<int>(twice().size()) + argc;
	}};

	local.fill(argc + 5);
	std::sort(local.values.begin(), local.values.end(), [](int a, int b) { return a < b; });
	shop::restock(shelf, argc + 2);
	labels.put(std::string(100, 'x'));
	int total = shelf.sum([](const shop::Item &item) { return item.price; });
	total += labels.sum([](const std::string &label) { return (int)label.size(); });
	total += times<3>(counter);
	std::printf("%d %d\n", total, local.values[0]);
	return 0;
}
