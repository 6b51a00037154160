#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the source of a C++ program with many call sites in deeply inlined template code.

usage: make_templates.py FOLDER [UNITS [INSTANCES]]
"""

import os
import sys

UNIT = """#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace unit{unit} {{
template <int N> struct item {{
	std::string name;
	std::vector<int> values;
	std::map<int, std::string> names;
}};

template <int N> inline void fill(item<N> &i, int k)
{{
	i.values.push_back(k + N);
	i.names[k] = std::to_string(k + N);
	i.name += i.names[k];
}}

template <int N> __attribute__((noinline)) int work(int k)
{{
	std::vector<std::unique_ptr<item<N>>> all;
	for (int j = 0; j < k; j++) {{
		auto one = std::make_unique<item<N>>();
		fill(*one, j);
		all.push_back(std::move(one));
	}}
	std::sort(all.begin(), all.end(),
		  [](const auto &a, const auto &b) {{ return a->name < b->name; }});
	int sum = 0;
	for (auto &one : all)
		sum += one->values.size() + one->names.size();
	return sum;
}}

int run(int k)
{{
	int sum = 0;
{calls}
	return sum;
}}
}} // namespace unit{unit}
"""

MAIN = """{declarations}

int main(int argc, char **)
{{
	int sum = 0;
{calls}
	return sum & 1;
}}
"""


def main():
    folder = sys.argv[1]
    n_units = int(sys.argv[2]) if len(sys.argv) > 2 else 12
    n_instances = int(sys.argv[3]) if len(sys.argv) > 3 else 24
    os.makedirs(folder, exist_ok=True)
    for unit in range(n_units):
        calls = "\n".join(f"\tsum += work<{i}>(k);" for i in range(n_instances))
        with open(os.path.join(folder, f"unit{unit}.cc"), "w") as file:
            file.write(UNIT.format(unit=unit, calls=calls))
    declarations = "\n".join(f"namespace unit{i} {{ int run(int); }}" for i in range(n_units))
    calls = "\n".join(f"\tsum += unit{i}::run(argc);" for i in range(n_units))
    with open(os.path.join(folder, "main.cc"), "w") as file:
        file.write(MAIN.format(declarations=declarations, calls=calls))


if __name__ == "__main__":
    main()
