// SPDX-License-Identifier: MIT
// The second unit of the C++ program.
#include "shop.h"

#include <map>
#include <stdexcept>

namespace shop
{
namespace
{

struct Catalogue {
	Catalogue()
	{
		names[1] = "bread";
	}
	virtual ~Catalogue() = default;
	virtual std::string name_of(int number) const
	{
		auto found = names.find(number);
		if (found == names.end())
			throw std::out_of_range("no item " + std::to_string(number));
		return found->second;
	}
	std::map<int, std::string> names;
};

struct BigCatalogue : Catalogue {
	explicit BigCatalogue(int n)
	{
		for (int i = 0; i < n; i++)
			names.emplace(i, "item " + std::to_string(i));
	}
};

} // namespace

int restock(Shelf<Item> &shelf, int n)
{
	BigCatalogue catalogue(n);
	for (int i = 0; i < n; i++)
		shelf.put({catalogue.name_of(i), i * 10});
	return n;
}

} // namespace shop
