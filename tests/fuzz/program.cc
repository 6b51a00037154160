/* SPDX-License-Identifier: MIT */
/* The source of the programs that fuzz_symbolize starts from. It is compiled as C and as C++,
 * without a library. The programs are small, but use much of what DWARF can express. */
int counts[16];

struct item {
	int size;
	struct item *next;
};

static inline int add(int a, int b)
{
	counts[a & 15] += b;
	return counts[b & 15];
}

static inline int add_twice(int a, int b)
{
	return add(add(a, b), b);
}

__attribute__((noinline)) static int sum(const struct item *item)
{
	int total = 0;

	for (; item; item = item->next)
		total += add_twice(item->size, total);
	return total;
}

__attribute__((noinline, cold)) void complain(int number)
{
	counts[0] = add(number, 1);
}

#ifdef __cplusplus
namespace shop
{
namespace
{
template <typename T> struct shelf {
	T goods;
	__attribute__((noinline)) int take(T n)
	{
		auto inner = [&](T m) __attribute__((noinline))
		{
			return add((int)m, (int)goods);
		};
		return inner(n) + add_twice((int)n, 2);
	}
};
} // namespace

__attribute__((noinline)) int sell(int n)
{
	shelf<int> whole = {n};
	shelf<long> large = {n};

	return whole.take(n) + large.take(n);
}
} // namespace shop

extern "C"
#endif
	void
	start(void)
{
	struct item last = {3, 0}, first = {4, &last};

#ifdef __cplusplus
	counts[1] = shop::sell(counts[2]);
#endif
	if (sum(&first) > 7)
		complain(7);
}
