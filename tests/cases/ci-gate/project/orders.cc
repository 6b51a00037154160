// SPDX-License-Identifier: MIT
#include "orders.h"

std::unique_ptr<Order> parse_order(const std::string &line)
{
	auto first = line.find(','), second = line.find(',', first + 1);

	if (second == std::string::npos)
		return nullptr;
	auto order = std::make_unique<Order>();
	order->number = std::stoul(line);
	order->customer = line.substr(first + 1, second - first - 1);
	order->article = line.substr(second + 1);
	return order;
}

bool Orders::add(const std::string &line)
{
	auto order = parse_order(line);

	if (!order || !numbers.insert(order->number).second)
		return false;
	auto &orders = by_customer[order->customer];
	orders.push_back(std::move(order));
	return true;
}
