// SPDX-License-Identifier: MIT
// Loses or keeps blocks in the ways that leak checkers are tested with: each way is a kind. Without an
// argument, a child process does each kind, one after the other, and its ID is printed with the kind's
// name. With one, this process does that kind.
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <dlfcn.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

namespace {

// A block whose size names it in a report, with a pointer in its first word.
struct Block {
	void *first;
	char rest[32];
};
static_assert(sizeof(Block) == 40);

void *volatile global;
void *volatile others[8];
thread_local void *volatile in_thread;
std::map<int, std::unique_ptr<std::string>> container;

__attribute__((noinline)) Block *make(void *first = nullptr)
{
	auto *block = static_cast<Block *>(malloc(sizeof(Block)));

	if (!block)
		abort();
	memset(block, 0, sizeof(*block));
	block->first = first;
	return block;
}

// Overwrites what earlier calls have left on the stack below, and in registers.
__attribute__((noinline)) void clean()
{
	volatile char room[8192];

	for (auto &byte : room)
		byte = 0;
}

// Uses a block in a way that the compiler can't see through, and forgets it.
__attribute__((noinline)) void drop(void *block)
{
	__asm__ volatile("" : : "r"(block) : "memory");
}

// --- what is kept ---------------------------------------------------------------------------

void keep_global() { global = make(); }
void keep_middle() { global = make()->rest; }
void keep_chain() { global = make(make(make())); }
void keep_in_thread() { in_thread = make(); }
void keep_large() { global = memset(malloc(1 << 20), 0, 1 << 20); }
void keep_constructed() { global = new std::string[3]; }

void keep_container()
{
	for (int i = 0; i < 10; i++)
		container[i] = std::make_unique<std::string>(100, 'x');
}

void keep_on_stack()
{
	void *volatile local = make();

	clean();
	exit(local == nullptr);
}

void keep_specific()
{
	pthread_key_t key = 0;

	for (int i = 0; i < 40; i++) // the last are beyond the keys that a thread has room for itself
		pthread_key_create(&key, nullptr);
	pthread_setspecific(key, make());
}

pthread_barrier_t barrier;

void *hold_on_stack(void *)
{
	void *volatile local = make();

	pthread_barrier_wait(&barrier);
	for (;;)
		pause();
	return local;
}

void *hold_in_register(void *)
{
	void *block = make();

	clean();
	pthread_barrier_wait(&barrier);
	__asm__ volatile("mov %0, %%r12\n"
			 "xor %0, %0\n"
			 "1: pause\n"
			 "jmp 1b"
			 : "+r"(block)
			 :
			 : "r12", "memory");
	return nullptr;
}

void start_thread(void *(*function)(void *))
{
	pthread_t thread;

	pthread_barrier_init(&barrier, nullptr, 2);
	pthread_create(&thread, nullptr, function, nullptr);
	pthread_barrier_wait(&barrier);
}

void keep_on_other_stack() { start_thread(hold_on_stack); }
void keep_in_register() { start_thread(hold_in_register); }

ucontext_t outer, inner;

void run_coroutine()
{
	void *volatile local = make();

	swapcontext(&inner, &outer);
	drop(local);
}

void keep_on_coroutine()
{
	size_t size = 65536;

	getcontext(&inner);
	global = inner.uc_stack.ss_sp = calloc(1, size);
	inner.uc_stack.ss_size = size;
	inner.uc_link = &outer;
	makecontext(&inner, run_coroutine, 0);
	swapcontext(&outer, &inner);
}

void keep_in_mapping()
{
	auto *memory = static_cast<void **>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE,
						 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	memory[7] = make();
}

void keep_in_plugin()
{
	void *plugin = dlopen(getenv("LEAK_PLUGIN"), RTLD_NOW);
	auto **kept = static_cast<void **>(dlsym(plugin, "plugin_global"));
	auto thread_local_one = reinterpret_cast<void **(*)()>(dlsym(plugin, "plugin_in_thread"));

	*kept = make();
	*thread_local_one() = make();
}

// --- what is lost ---------------------------------------------------------------------------

void lose_one() { make(); }
void lose_list() { make(make(make())); }
void lose_self() { Block *block = make(); block->first = block; }
void lose_large() { drop(malloc(1 << 20)); }
void lose_array() { drop(new std::string[3]); }
void lose_aligned() { drop(aligned_alloc(64, 128)); }
void lose_string() { drop(strdup("a string of thirty-two character")); }

void lose_at_signal()
{
	drop(make());
	clean();
	raise(SIGTERM);
}

void lose_and_wait()
{
	drop(make());
	clean();
	getchar();
}

void lose_overwritten()
{
	global = make();
	global = make();
}

void lose_ring()
{
	Block *first = make(), *second = make(first);

	first->first = second;
}

void lose_tree()
{
	auto **root = static_cast<void **>(calloc(3, sizeof(void *)));

	root[0] = make(make());
	root[1] = make();
	drop(root);
}

void lose_shared()
{
	Block *child = make();

	make(child);
	make(child);
}

void lose_past_end() { global = make() + 1; }

void lose_unaligned()
{
	Block *block = make();
	static char place[sizeof(void *) + 1];

	memcpy(place + 1, &block, sizeof(block));
}

void lose_masked() { global = reinterpret_cast<void *>(~reinterpret_cast<uintptr_t>(make())); }

void lose_moved()
{
	void *small = malloc(24);

	others[0] = malloc(24); // the small one can't grow in place
	drop(memset(realloc(small, 5000), 0, 5000));
}

void lose_in_freed()
{
	auto **holder = static_cast<void **>(malloc(64));

	holder[4] = make();
	free(holder);
}

void *lose_and_end(void *)
{
	drop(make());
	return nullptr;
}

void lose_in_ended_thread()
{
	pthread_t thread;

	pthread_create(&thread, nullptr, lose_and_end, nullptr);
	pthread_join(thread, nullptr);
}

struct kind {
	const char *name;
	void (*run)();
} kinds[] = {
#define KIND(name) {#name, name}
	KIND(keep_global), KIND(keep_middle), KIND(keep_chain), KIND(keep_in_thread),
	KIND(keep_large), KIND(keep_constructed), KIND(keep_container), KIND(keep_on_stack),
	KIND(keep_specific), KIND(keep_on_other_stack), KIND(keep_in_register),
	KIND(keep_on_coroutine), KIND(keep_in_mapping), KIND(keep_in_plugin), KIND(lose_one),
	KIND(lose_list), KIND(lose_self), KIND(lose_large), KIND(lose_array), KIND(lose_aligned),
	KIND(lose_string), KIND(lose_overwritten), KIND(lose_ring), KIND(lose_tree),
	KIND(lose_shared), KIND(lose_past_end), KIND(lose_unaligned), KIND(lose_masked),
	KIND(lose_moved), KIND(lose_in_freed), KIND(lose_in_ended_thread), KIND(lose_at_signal),
	KIND(lose_and_wait),
};

__attribute__((noinline)) int run(const struct kind *kind)
{
	kind->run();
	clean();
	return 0;
}

} // namespace

int main(int argc, char **argv)
{
	for (const auto &kind : kinds) {
		pid_t child = argc > 1 ? 0 : fork();

		if (child == 0 && (argc < 2 || strcmp(argv[1], kind.name) == 0))
			return run(&kind);
		if (child > 0) {
			printf("%d %s\n", child, kind.name);
			fflush(stdout);
			waitpid(child, nullptr, 0);
		}
	}
	return 0;
}
