// SPDX-License-Identifier: MIT
// Lists of results, and a pool of objects that are made once and serve one request after another.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

template <typename Row> class ResultList {
public:
	// Room for the results of another request.
	Row *resize(std::size_t n)
	{
		if (rows.size() < n)
			rows.resize(n); // the defect: what one large request took, stays
		count = n;
		return rows.data();
	}

	std::size_t size() const { return count; }

private:
	std::vector<Row> rows;
	std::size_t count = 0;
};

// Hands out the object that has rested longest.
template <typename T> class Pool {
public:
	explicit Pool(std::size_t n)
	{
		while (n-- > 0)
			objects.push_back(std::make_unique<T>());
	}

	std::unique_ptr<T> take()
	{
		auto object = std::move(objects.front());

		objects.pop_front();
		return object;
	}

	void give_back(std::unique_ptr<T> object) { objects.push_back(std::move(object)); }

private:
	std::deque<std::unique_ptr<T>> objects;
};
