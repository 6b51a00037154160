/* SPDX-License-Identifier: MIT */
#include "base/arena.h"
#include "base/memory.h"
#include "test.h"
#include "unwind/rule_cache.h"
#include <pthread.h>

enum {
	EPOCH = 7,
	N_FIRST = 1 << 14, /* rules that the cache has room for at the beginning */
};

/* Returns a key that looks like a return address. rule_of() derives the rule from the key, so that
 * find() can check it. */
static uint64_t key_of(size_t i)
{
	return 0x555555554000 + i * 23;
}

static struct hp_frame_rule rule_of(uint64_t key)
{
	return (struct hp_frame_rule){
		.cfa_offset = (int32_t)key,
		.bp_offset = -(int32_t)(key >> 3),
		.kind = HP_RULE_SP,
		.place = key >> 5,
	};
}

static void put(uint64_t key, uint32_t valid_in)
{
	struct hp_frame_rule rule = rule_of(key);

	hp_rule_cache_put(key, valid_in, EPOCH, &rule);
}

static bool find(uint64_t key)
{
	struct hp_frame_rule rule, expected = rule_of(key);

	if (!hp_rule_cache_find(key, EPOCH, &rule))
		return false;
	CHECK_INT_EQ(rule.cfa_offset, expected.cfa_offset);
	CHECK_INT_EQ(rule.bp_offset, expected.bp_offset);
	CHECK_INT_EQ(rule.kind, expected.kind);
	CHECK_INT_EQ(rule.place, expected.place);
	return true;
}

static size_t count_found(size_t from, size_t to)
{
	size_t n = 0;

	for (size_t i = from; i < to; i++)
		n += find(key_of(i));
	return n;
}

/* Uses rules as walks do: a missing rule is worked out and put into the cache. Returns how many
 * were missing. */
static size_t use(size_t from, size_t to)
{
	size_t n = 0;

	for (size_t i = from; i < to; i++)
		if (!find(key_of(i))) {
			put(key_of(i), HP_RULE_FOREVER);
			n++;
		}
	return n;
}

/* The process has only one cache: what one test leaves in it is there in the next test. */
static void begin(void)
{
	CHECK(hp_rule_cache_init());
}

static void test_init(void)
{
	begin();
	begin();
	CHECK_INT_LE(hp_memory_mapped(), 24 * N_FIRST);
}

static void test_rules_hold_in_their_epoch(void)
{
	struct hp_frame_rule rule;

	begin();
	CHECK(!find(1));
	put(1, EPOCH);
	put(2, HP_RULE_FOREVER);
	put(3, EPOCH - 1);
	CHECK(find(1));
	CHECK(find(2));
	CHECK(!find(3));
	CHECK(!hp_rule_cache_find(1, EPOCH + 1, &rule));
	CHECK(hp_rule_cache_find(2, EPOCH + 1, &rule));
	CHECK(!hp_rule_cache_find(1, 0 /* a library is being unloaded */, &rule));
}

/* Rules of earlier epochs are replaced first, and the cache does not grow because of them. */
static void test_old_epochs_make_room(void)
{
	begin();
	size_t before = hp_memory_mapped();

	for (uint32_t epoch = 100; epoch < 120; epoch++)
		for (size_t i = 0; i < N_FIRST / 4; i++) {
			uint64_t key = key_of(epoch * N_FIRST + i);
			struct hp_frame_rule rule = rule_of(key);

			hp_rule_cache_put(key, epoch, epoch, &rule);
		}
	CHECK_UINT_EQ(hp_memory_mapped(), before);
}

/* Several threads may work out the same rule. If each thread's rule took a place, there would be
 * 16,384 rules for 16,384 places. More than a sixteenth of the rules would replace others, and the
 * cache would grow. */
static void test_a_rule_is_there_once(void)
{
	begin();
	size_t before = hp_memory_mapped();

	for (size_t i = 0; i < N_FIRST / 4; i++)
		for (int thread = 0; thread < 4; thread++)
			put(key_of(i), EPOCH);
	CHECK_UINT_EQ(hp_memory_mapped(), before);
}

/* Puts rules, from number `i` on, until the cache grows. Returns the number after the last one, or
 * 0 if the cache does not grow. */
static size_t put_until_it_grows(size_t i, uint32_t epoch)
{
	size_t before = hp_memory_mapped(), end = i + 10 * N_FIRST;

	for (; hp_memory_mapped() == before && i < end; i++) {
		struct hp_frame_rule rule = rule_of(key_of(i));

		hp_rule_cache_put(key_of(i), epoch, epoch, &rule);
	}
	return hp_memory_mapped() > before ? i : 0;
}

static void test_takes_its_share_of_the_limit_only(void)
{
	struct hp_frame_rule rule;

	begin();
	hp_memory_set_limit(4 << 20);
	CHECK(!put_until_it_grows(N_FIRST, EPOCH + 1));
	CHECK(hp_rule_cache_find(key_of(11 * N_FIRST - 1), EPOCH + 1, &rule));
	hp_memory_set_limit((size_t)256 << 20);
}

/* When the cache grows it keeps all rules, except some that were replaced before it grew. */
static void test_growth_keeps_rules(void)
{
	size_t n_kept = N_FIRST / 4, i;

	begin();
	use(0, n_kept);
	i = put_until_it_grows(n_kept, EPOCH);
	CHECK(i);
	CHECK_INT_LE(n_kept / 4 * 3, count_found(0, n_kept));
	CHECK(find(key_of(i - 1)));
}

/* A compiler needs 11,000 rules. After some rounds all of them are found. */
static void test_grows_until_a_program_fits(void)
{
	const size_t n = 11000;
	size_t n_missed = n;

	begin();
	for (int i = 0; i < 100; i++)
		n_missed = use(0, n);
	CHECK_INT_LE(n_missed, n / 1000);
}

static void test_growth_has_an_end(void)
{
	begin();
	for (size_t i = 0; i < 3000000; i++)
		put(key_of(i), EPOCH);
	CHECK_INT_LE(hp_memory_mapped(), (8 << 20) + (64 << 10));
	CHECK(find(key_of(2999999)));
}

/* --- threads ------------------------------------------------------------------------------- */

enum {
	N_THREADS = 4
};

static void *use_others(void *argument)
{
	size_t self = (size_t)argument;

	for (size_t round = 0; round < 3; round++)
		for (size_t i = 0; i < 60000; i++) {
			size_t own = 4000000 + i * (2 * self + 1) % 60000;

			use(own, own + 1);
		}
	return NULL;
}

/* While the cache grows, a rule that is found is still the right one; find() checks that. */
static void test_threads(void)
{
	pthread_t threads[N_THREADS];

	begin();
	size_t before = hp_memory_mapped();

	for (size_t i = 0; i < N_THREADS; i++)
		pthread_create(&threads[i], NULL, use_others, (void *)i);
	for (size_t i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	CHECK(hp_memory_mapped() > before);
}

/* The order matters. The cache grows twice at most, so the tests that see it grow come before the
 * test that fills it. */
TEST_MAIN(TEST(test_init), TEST(test_rules_hold_in_their_epoch), TEST(test_old_epochs_make_room),
	  TEST(test_a_rule_is_there_once), TEST(test_takes_its_share_of_the_limit_only),
	  TEST(test_growth_keeps_rules), TEST(test_threads), TEST(test_grows_until_a_program_fits),
	  TEST(test_growth_has_an_end))
