// SPDX-License-Identifier: MIT
// Reads 22,000 orders. Every eleventh repeats the one before it.
#include "orders.h"

#include <cstdio>

static Orders &orders = *new Orders; // never destroyed, as in the service

int main()
{
	unsigned n = 0;

	for (unsigned i = 0; i < 22000; i++) {
		auto number = i % 11 == 10 ? i - 1 : i;
		auto line = std::to_string(number) + ",customer of the shop no. " +
			    std::to_string(number % 500) + ",article with a long name no. " +
			    std::to_string(number % 1000);

		n += orders.add(line);
	}
	std::printf("%u orders\n", n);
}
