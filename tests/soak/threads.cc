/* SPDX-License-Identifier: MIT */
/* A load of threads that work on C++ containers and check their contents. It forks now and then. At
 * SIGTERM it stops, prints "right" and exits with status 0. argv[1]: number of threads */
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

static std::atomic<bool> stop;

static void on_term(int)
{
	stop = true;
}

static void require(bool condition, const char *what)
{
	if (condition)
		return;
	printf("wrong: %s\n", what);
	fflush(stdout);
	_Exit(99);
}

struct random_numbers {
	unsigned long state;

	unsigned next(unsigned limit)
	{
		state = state * 6364136223846793005ul + 1442695040888963407ul;
		return (state >> 33) % limit;
	}
};

static std::string text_of(unsigned key)
{
	return std::string(key % 700, 'a' + key % 26) + std::to_string(key);
}

/* Works on up to 5,000 blocks that live long. */
static void work_on_map(std::map<unsigned, std::string> &map, random_numbers &random)
{
	unsigned key = random.next(5000);
	auto found = map.find(key);

	if (found == map.end()) {
		map[key] = text_of(key);
		return;
	}
	require(found->second == text_of(key), "a map's text");
	if (random.next(2))
		map.erase(found);
}

/* Works on a block that grows, as with realloc(), and is freed at once. */
static void work_on_vector(random_numbers &random)
{
	std::vector<unsigned> numbers;
	unsigned n = random.next(3000);

	for (unsigned i = 0; i < n; i++)
		numbers.push_back(i * 7);
	for (unsigned i = 0; i < n; i += 97)
		require(numbers[i] == i * 7, "a vector's number");
}

/* Works on blocks that are freed in the order in which they were allocated. */
static void work_on_queue(std::deque<std::unique_ptr<std::string>> &queue, random_numbers &random)
{
	queue.push_back(std::make_unique<std::string>(text_of(random.next(1000))));
	if (queue.size() < 200)
		return;
	const std::string &oldest = *queue.front();

	require(oldest.find_first_of("0123456789") < oldest.size(), "a queue's text");
	queue.pop_front();
}

static void work(unsigned long seed)
{
	random_numbers random = {seed};
	std::map<unsigned, std::string> map;
	std::deque<std::unique_ptr<std::string>> queue;

	while (!stop) {
		work_on_map(map, random);
		work_on_queue(queue, random);
		if (random.next(50) == 0)
			work_on_vector(random);
		if (random.next(5000) == 0)
			usleep(1000);
	}
}

/* Is the work of a thread that soon ends. */
static void work_for_a_while(unsigned long seed)
{
	random_numbers random = {seed};
	std::map<unsigned, std::string> map;

	for (int i = 0; i < 2000 && !stop; i++)
		work_on_map(map, random);
}

/* Forks a child that works for a while. The child may be killed, so it reports nothing. */
static void work_in_child(unsigned long seed)
{
	pid_t child = fork();

	require(child >= 0, "fork");
	if (child == 0) {
		for (int i = 0; i < 20; i++)
			work_for_a_while(seed + i);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
	int n_threads = argc > 1 ? atoi(argv[1]) : 2;
	std::vector<std::thread> threads;

	signal(SIGTERM, on_term);
	for (int i = 0; i < n_threads; i++)
		threads.emplace_back(work, i + 1);
	for (unsigned long seed = 100; !stop; seed++) {
		std::thread(work_for_a_while, seed).join();
		if (seed % 20 == 0)
			work_in_child(seed);
		usleep(20000);
	}
	for (auto &thread : threads)
		thread.join();
	printf("right\n");
	return 0;
}
