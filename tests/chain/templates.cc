/* SPDX-License-Identifier: MIT */
/* A server whose functions have names as long as those of programs that use libraries of templates:
 * a JSON value with its policies, handlers that are bound to executors, and a cache of caches. It
 * answers requests that it makes itself, and remembers some of them. */
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#define NOINLINE __attribute__((noinline))

namespace json
{
template <typename T> struct serializer {
	static std::string to_text(const T &value)
	{
		return "value of " + std::to_string(value);
	}
};

template <template <typename...> class Object, template <typename...> class Array, typename String,
	  typename Integer, typename Float, template <typename> class Allocator,
	  template <typename> class Serializer>
class basic_value
{
      public:
	NOINLINE basic_value &emplace(String key, Integer number)
	{
		auto &made = members[std::move(key)];

		made.reset(new basic_value);
		made->text = Serializer<Integer>::to_text(number) + String(200, ' ');
		made->items.emplace_back(number);
		return *made;
	}

      private:
	String text;
	Array<Float, Allocator<Float>> items;
	Object<String, std::unique_ptr<basic_value>> members;
};

using value =
	basic_value<std::map, std::vector, std::string, long, double, std::allocator, serializer>;
} // namespace json

namespace net
{
template <typename Executor, typename Handler> struct bound_handler {
	Executor executor;
	Handler handler;

	template <typename... Arguments> NOINLINE void operator()(Arguments &&...arguments)
	{
		executor.post([=, this] { handler(arguments...); });
	}
};

struct inline_executor {
	template <typename Work> NOINLINE void post(Work &&work)
	{
		std::function<void()>(std::forward<Work>(work)).operator()();
	}
};

template <typename Protocol, typename Executor = inline_executor> struct basic_connection {
	template <typename Handler> NOINLINE void async_read(Handler &&handler, long request)
	{
		bound_handler<Executor, std::decay_t<Handler>>{{}, handler}(request, Protocol());
	}
};
} // namespace net

namespace shop
{
struct http {
};

template <typename Key, typename Value, typename Less = std::less<Key>> class cache
{
      public:
	template <typename K, typename... Arguments>
	NOINLINE Value &find_or_make(K &&key, Arguments &&...arguments)
	{
		auto found = values.find(key);

		if (found == values.end())
			found = values.emplace(std::forward<K>(key),
					       Value(std::forward<Arguments>(arguments)...))
					.first;
		return found->second;
	}

      private:
	std::map<Key, Value, Less> values;
};

using sessions =
	cache<std::string, cache<std::pair<long, std::string>, std::shared_ptr<json::value>>>;
sessions &all = *new sessions; /* stays at the end */

NOINLINE void serve(long number)
{
	net::basic_connection<http>().async_read(
		[](long request, http) {
			auto &session = all.find_or_make("user " + std::to_string(request % 50));
			auto &kept = session.find_or_make(
				std::pair(request % 100, std::string("orders")),
				std::make_shared<json::value>());

			kept->emplace("order " + std::to_string(request), request);
		},
		number);
}
} // namespace shop

int main()
{
	for (long i = 0; i < 3000; i++)
		shop::serve(i);
}
