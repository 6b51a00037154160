/* SPDX-License-Identifier: MIT */
#include "tables/pool_names.h"
#include "base/lock.h"
#include "base/memory.h"
#include <string.h>

enum {
	N_PIECES = HP_POOL_NAMES_MAX / HP_POOL_NAMES_A_PIECE,
	N_BUCKETS = 2 * HP_POOL_NAMES_MAX,
	OTHERS = HP_POOL_NAMES_MAX - 1,
};

/* Kinds and names are read without the lock: each is complete before their number rises. */
static struct hp_lock lock;
static struct hp_pool_kind kinds[HP_POOL_KINDS_MAX];
static uint32_t n_kinds;
static struct hp_pool_name *pieces[N_PIECES];
static uint32_t n_names;
static uint16_t buckets[N_BUCKETS]; /* by hash: the number of a name, plus 1; 0: empty */

/* --- kinds --------------------------------------------------------------------------------- */

static uint32_t load_n_kinds(void)
{
	return __atomic_load_n(&n_kinds, __ATOMIC_ACQUIRE);
}

bool hp_pool_names_has_kinds(void)
{
	return load_n_kinds() > 0;
}

static bool is_of_a_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-' || c == '.';
}

static void clean_word(char *word, size_t size)
{
	size_t n = 0;

	for (; n < size - 1 && word[n]; n++)
		if (!is_of_a_word(word[n]))
			word[n] = '_';
	if (n == 0)
		word[n++] = '_';
	memset(word + n, 0, size - n);
}

static struct hp_pool_kind *find_kind(const void *class)
{
	for (uint32_t i = load_n_kinds(); i > 0; i--)
		if (kinds[i - 1].class == class)
			return &kinds[i - 1];
	return NULL;
}

/* A class that is known, under the same word, is replaced: its library has been closed and opened
 * again at the same address. Names refer to the word, so another word is another kind. */
static bool add_kind(const struct hp_pool_kind *kind)
{
	struct hp_pool_kind *known = find_kind(kind->class), new = *kind;

	clean_word(new.word, sizeof(new.word));
	if (known && strcmp(known->word, new.word) == 0) {
		*known = new;
		return true;
	}
	if (n_kinds == HP_POOL_KINDS_MAX)
		return false;
	kinds[n_kinds] = new;
	__atomic_store_n(&n_kinds, n_kinds + 1, __ATOMIC_RELEASE);
	return true;
}

bool hp_pool_names_add_kind(const struct hp_pool_kind *kind)
{
	if (!hp_lock_acquire(&lock))
		return false;
	bool is_added = add_kind(kind);

	hp_lock_release(&lock);
	return is_added;
}

const struct hp_pool_kind *hp_pool_names_kind_of(const void *class)
{
	return find_kind(class);
}

static bool has_code_at(const struct hp_pool_kind *kind, uintptr_t pc, uint32_t *out_range)
{
	for (uint32_t i = 0; i < kind->n_ranges; i++)
		if (pc > kind->ranges[i].start && pc <= kind->ranges[i].end) {
			*out_range = i;
			return true;
		}
	return false;
}

const struct hp_pool_kind *hp_pool_names_kind_at(uintptr_t pc, uint32_t *out_range)
{
	for (uint32_t i = 0, n = load_n_kinds(); i < n; i++)
		if (has_code_at(&kinds[i], pc, out_range))
			return &kinds[i];
	return NULL;
}

/* --- names --------------------------------------------------------------------------------- */

static struct hp_pool_name *name_at(uint32_t number)
{
	return &pieces[number / HP_POOL_NAMES_A_PIECE][number % HP_POOL_NAMES_A_PIECE];
}

static uint32_t hash_of(uint8_t kind, const char *path, size_t size)
{
	uint32_t h = 2166136261u ^ kind;

	for (size_t i = 0; i < size; i++)
		h = (h ^ (uint8_t)path[i]) * 16777619u;
	return h ^ h >> 15;
}

/* Returns the bucket of the name, or the empty bucket where it would go. Half of the buckets are
 * always empty. */
static uint16_t *find_bucket(uint32_t hash, uint8_t kind, const char *path, size_t size)
{
	uint32_t i = hash % N_BUCKETS;

	for (; buckets[i]; i = (i + 1) % N_BUCKETS) {
		const struct hp_pool_name *name = name_at(buckets[i] - 1u);

		if (name->hash == hash && name->kind == kind && name->size == size &&
		    memcmp(name->path, path, size) == 0)
			break;
	}
	return &buckets[i];
}

static bool has_room(uint32_t number)
{
	struct hp_pool_name **piece = &pieces[number / HP_POOL_NAMES_A_PIECE];

	if (!*piece)
		__atomic_store_n(piece, hp_memory_map(HP_POOL_NAMES_A_PIECE * sizeof(**piece)),
				 __ATOMIC_RELEASE);
	return *piece;
}

static uint32_t add_name(uint16_t *bucket, uint32_t hash, uint8_t kind, const char *path,
			 size_t size)
{
	if (n_names >= OTHERS || !has_room(n_names))
		return OTHERS;
	struct hp_pool_name *name = name_at(n_names);

	name->hash = hash;
	name->kind = kind;
	name->size = (uint16_t)size;
	memcpy(name->path, path, size);
	*bucket = (uint16_t)(n_names + 1);
	__atomic_store_n(&n_names, n_names + 1, __ATOMIC_RELEASE);
	return n_names - 1;
}

uint32_t hp_pool_names_number(const struct hp_pool_kind *kind, const void *pool)
{
	uint8_t number = (uint8_t)(kind - kinds);
	char path[HP_POOL_PATH_MAX] = {0}; /* the program may claim to have written more */
	size_t size = pool && kind->describe ? kind->describe(pool, path, sizeof(path)) : 0;

	if (size > sizeof(path))
		size = sizeof(path);
	uint32_t hash = hash_of(number, path, size);

	if (!hp_lock_acquire(&lock))
		return OTHERS;
	uint16_t *bucket = find_bucket(hash, number, path, size);
	uint32_t name = *bucket ? *bucket - 1u : add_name(bucket, hash, number, path, size);

	hp_lock_release(&lock);
	return name;
}

const struct hp_pool_name *hp_pool_names_get(uint32_t number, const char **out_word)
{
	if (number >= __atomic_load_n(&n_names, __ATOMIC_ACQUIRE))
		return NULL;
	*out_word = kinds[name_at(number)->kind].word;
	return name_at(number);
}

void hp_pool_names_after_fork(void)
{
	hp_lock_release(&lock);
}

const struct hp_view_row hp_pool_names_view[] = {
	HP_VIEW_VARIABLE("pool_names.n", n_names),
	HP_VIEW_ARRAY("pool_names.pieces", pieces),
	HP_VIEW_CONSTANT("pool_names.a_piece", HP_POOL_NAMES_A_PIECE),
	HP_VIEW_ARRAY("pool_names.kinds", kinds),
	HP_VIEW_FIELD("pool_kind.word", struct hp_pool_kind, word),
	HP_VIEW_STRUCT("pool_name", struct hp_pool_name),
	HP_VIEW_FIELD("pool_name.kind", struct hp_pool_name, kind),
	HP_VIEW_FIELD("pool_name.size", struct hp_pool_name, size),
	HP_VIEW_FIELD("pool_name.path", struct hp_pool_name, path),
};
