// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

struct Order {
	unsigned long number;
	std::string customer, article;
};

// order = number "," customer "," article; nothing if it is not one
std::unique_ptr<Order> parse_order(const std::string &line);

// All orders, each number once.
class Orders {
public:
	bool add(const std::string &line);

private:
	std::unordered_set<unsigned long> numbers;
	std::unordered_map<std::string, std::vector<std::unique_ptr<Order>>> by_customer;
};
