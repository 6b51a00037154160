// SPDX-License-Identifier: MIT
// What both units of the C++ program share: templates, so that each of them has copies.
#pragma once
#include <memory>
#include <string>
#include <vector>

namespace shop {

struct Item {
	std::string name;
	int price;
};

template <typename T> class Shelf {
      public:
	~Shelf() { clear(); }
	void put(T thing) { things.push_back(std::make_unique<T>(std::move(thing))); }
	void clear() { things.clear(); }
	template <typename F> int sum(F f) const
	{
		int total = 0;
		for (const auto &thing : things)
			total += f(*thing);
		return total;
	}

      private:
	std::vector<std::unique_ptr<T>> things;
};

int restock(Shelf<Item> &shelf, int n);

} // namespace shop
