/* SPDX-License-Identifier: MIT */
/* Memory contexts of PostgreSQL as pools, in a server that was started without this library. It is
 * one file for versions 12 to 17, so it knows no type of the server: what differs between them is
 * in struct hp_attached_contexts, or has one form here:
 *
 *   before 16:   alloc(context, size)         free(context, object)  realloc(context, object, size)
 *   16:          alloc(context, size)         free(object)           realloc(object, size)
 *   from 17 on:  alloc(context, size, flags)  free(object)           realloc(object, size, flags)
 *
 * An argument too many does no harm, because the first six are in registers. The wrappers keep no
 * state across a call, since the server's errors leave them by longjmp(). A wrapper may be called
 * at any time after the tables have the server's own functions again: a thread may have read its
 * address before. */
#define HEAPPROF_POOL_FIND_LATER
#include "base/memory.h"
#include "control/attached.h"
#include "control/own_work.h"
#include "hooks/pools.h"
#include <stdbool.h>
#include <string.h>

#define PUBLIC __attribute__((visibility("default")))

enum {
	N_KINDS = HP_ATTACHED_N_CONTEXT_KINDS,
	N_FUNCTIONS = HP_ATTACHED_N_CONTEXT_FUNCTIONS,
	ALLOC = HP_ATTACHED_CONTEXT_ALLOC,
	FREE = HP_ATTACHED_CONTEXT_FREE,
	REALLOC = HP_ATTACHED_CONTEXT_REALLOC,
	RESET = HP_ATTACHED_CONTEXT_RESET,
	DELETE = HP_ATTACHED_CONTEXT_DELETE,

	NAMES_MAX = 12,     /* contexts in a path */
	NAME_SIZE_MAX = 40, /* bytes of a context's name in it */
	BLOCK_SIZE = 8192,  /* of contexts that are made for their tables */
	CHUNK_SIZE = 64,
	PROBE_SIZE = 1 << 20,
};

/* Any function of a table; those that return nothing return anything. */
typedef void *function_result;
typedef function_result function(uintptr_t a, uintptr_t b, uintptr_t c);

/* A function that makes a context. */
typedef void *maker(void *parent, const char *name, size_t first, size_t second, size_t third);

static struct hp_attached_contexts server;
static function *own[N_KINDS][N_FUNCTIONS];

/* --- names --------------------------------------------------------------------------------- */

struct context { /* the fields of a context, from its pointer to the functions on */
	function **functions;
	const void *parent, *first_child, *previous, *next;
	const char *name, *ident;
};

static const struct context *fields_of(const void *context)
{
	return (const void *)((const char *)context + server.functions_at);
}

/* A hash table's context is named after the table in its ident. Other idents are not shown: they
 * may be the text of a query. */
static const char *name_of(const struct context *context)
{
	if (context->name && context->ident && strcmp(context->name, "dynahash") == 0)
		return context->ident;
	return context->name ? context->name : "";
}

static size_t add_name(char *out, const char *name)
{
	size_t n = strnlen(name, NAME_SIZE_MAX);

	for (size_t i = 0; i < n; i++)
		out[i] = name[i] == '/' || (unsigned char)name[i] < ' ' ? '_' : name[i];
	return n;
}

/* Writes the names of the context and of those that contain it, the outermost first. Of a very deep
 * one the outermost are left out. */
static size_t describe(const void *pool, char *out, size_t size)
{
	const struct context *chain[NAMES_MAX];
	size_t used = 0;
	int n = 0;

	for (const void *c = pool; c && n < NAMES_MAX; c = chain[n - 1]->parent)
		chain[n++] = fields_of(c);
	while (n-- > 0 && used + NAME_SIZE_MAX + 1 <= size) {
		used += add_name(out + used, name_of(chain[n]));
		if (n > 0)
			out[used++] = '/';
	}
	return used;
}

/* --- wrappers ------------------------------------------------------------------------------ */

static uintptr_t block_code[2 * (1 + N_KINDS) + 1];
static struct heapprof_pool_class contexts = {
	.struct_size = sizeof(contexts),
	.kind = "postgres",
	.describe = describe,
	.block_code = block_code,
};

/* The wrappers are in a section of their own: blocks of malloc are known by it. */
#define WRAPPER static __attribute__((section("heapprof_contexts"), noinline)) function_result
extern const char wrappers_start[] __asm__("__start_heapprof_contexts")
	__attribute__((visibility("hidden")));
extern const char wrappers_end[] __asm__("__stop_heapprof_contexts")
	__attribute__((visibility("hidden")));

/* Keeps the frame of the wrapper, which the class skips. */
#define KEEP_FRAME() __asm__ volatile("")

HEAPPROF_POOL_INLINE void *wrap_alloc(int kind, uintptr_t a, uintptr_t b, uintptr_t c)
{
	void *context = (void *)a, *object;

	heapprof_pool_enter(&contexts, context);
	object = own[kind][ALLOC](a, b, c);
	if (object)
		heapprof_pool_alloc(&contexts, context, object, b);
	KEEP_FRAME();
	return object;
}

HEAPPROF_POOL_INLINE void *wrap_free(int kind, uintptr_t a, uintptr_t b, uintptr_t c)
{
	heapprof_pool_free((void *)(server.context_of ? a : b));
	return own[kind][FREE](a, b, c);
}

HEAPPROF_POOL_INLINE void *wrap_realloc(int kind, uintptr_t a, uintptr_t b, uintptr_t c)
{
	function *context_of = (function *)server.context_of;
	void *context = context_of ? context_of(a, 0, 0) : (void *)a;
	void *object;

	heapprof_pool_enter(&contexts, context);
	heapprof_pool_free((void *)(context_of ? a : b));
	object = own[kind][REALLOC](a, b, c);
	if (object)
		heapprof_pool_alloc(&contexts, context, object, context_of ? b : c);
	KEEP_FRAME();
	return object;
}

HEAPPROF_POOL_INLINE void *wrap_end(int kind, int which, uintptr_t a, uintptr_t b, uintptr_t c)
{
	heapprof_pool_reset((const void *)a);
	return own[kind][which](a, b, c);
}

#define DEFINE_WRAPPERS(name, kind)                                   \
	WRAPPER name##_alloc(uintptr_t a, uintptr_t b, uintptr_t c)   \
	{                                                             \
		return wrap_alloc(kind, a, b, c);                     \
	}                                                             \
	WRAPPER name##_free(uintptr_t a, uintptr_t b, uintptr_t c)    \
	{                                                             \
		return wrap_free(kind, a, b, c);                      \
	}                                                             \
	WRAPPER name##_realloc(uintptr_t a, uintptr_t b, uintptr_t c) \
	{                                                             \
		return wrap_realloc(kind, a, b, c);                   \
	}                                                             \
	WRAPPER name##_reset(uintptr_t a, uintptr_t b, uintptr_t c)   \
	{                                                             \
		return wrap_end(kind, RESET, a, b, c);                \
	}                                                             \
	WRAPPER name##_delete(uintptr_t a, uintptr_t b, uintptr_t c)  \
	{                                                             \
		return wrap_end(kind, DELETE, a, b, c);               \
	}

DEFINE_WRAPPERS(alloc_set, HP_ATTACHED_ALLOC_SET)
DEFINE_WRAPPERS(generation, HP_ATTACHED_GENERATION)
DEFINE_WRAPPERS(slab, HP_ATTACHED_SLAB)
DEFINE_WRAPPERS(bump, HP_ATTACHED_BUMP)

#define WRAPPERS_OF(name)                                                               \
	{                                                                               \
		name##_alloc, name##_free, name##_realloc, name##_reset, name##_delete, \
	}

static function *const wrappers[N_KINDS][N_FUNCTIONS] = {
	[HP_ATTACHED_ALLOC_SET] = WRAPPERS_OF(alloc_set),
	[HP_ATTACHED_GENERATION] = WRAPPERS_OF(generation),
	[HP_ATTACHED_SLAB] = WRAPPERS_OF(slab),
	[HP_ATTACHED_BUMP] = WRAPPERS_OF(bump),
};

/* --- tables -------------------------------------------------------------------------------- */

PUBLIC struct hp_attached_words heapprof_attached_words;

/* Returns the table of a kind, from a context that is made for it, without a parent, and deleted.
 * Nothing else of the server sees it; its memory is from malloc. The sizes are good for each
 * version's maker, which takes three, two or one of them. Returns NULL if there is no such kind. */
static function **find_table(int kind)
{
	maker *make = (maker *)server.makers[kind].start;
	size_t second = kind == HP_ATTACHED_SLAB ? CHUNK_SIZE : BLOCK_SIZE;
	function **table;
	void *context;

	if (!make)
		return NULL;
	context = make(NULL, "heapprof", BLOCK_SIZE, second, BLOCK_SIZE);
	table = fields_of(context)->functions;
	table[DELETE]((uintptr_t)context, 0, 0);
	return table;
}

static bool is_wrapper(uintptr_t f)
{
	return f >= (uintptr_t)wrappers_start && f < (uintptr_t)wrappers_end;
}

static bool add_table(struct hp_attached_words *words, int kind, function **table)
{
	for (int i = 0; table && i < N_FUNCTIONS; i++) {
		if (!table[i] || is_wrapper((uintptr_t)table[i]))
			return false;
		own[kind][i] = table[i];
		words->words[words->n++] = (struct hp_attached_word){
			.at = (uintptr_t)&table[i],
			.own = (uintptr_t)table[i],
			.ours = (uintptr_t)wrappers[kind][i],
		};
	}
	return true;
}

/* Without memory, a maker of contexts would throw an error, on a thread of ours. */
static bool has_memory(void)
{
	void *p = hp_memory_map_beyond_limit(PROBE_SIZE);

	if (p)
		hp_memory_unmap(p, PROBE_SIZE);
	return p;
}

static int find_tables(struct hp_attached_words *words)
{
	bool is_known;

	if (!has_memory())
		return HP_ATTACHED_E_MEMORY;
	is_known = add_table(words, HP_ATTACHED_ALLOC_SET,
			     fields_of((const void *)server.top)->functions);
	for (int kind = HP_ATTACHED_GENERATION; is_known && kind < N_KINDS; kind++)
		is_known = add_table(words, kind, find_table(kind));
	return is_known ? HP_ATTACHED_OK : HP_ATTACHED_E_CONTEXTS;
}

/* The functions that make contexts call malloc for their first block. */
static void set_class(void)
{
	size_t n = 2;

	block_code[0] = (uintptr_t)wrappers_start;
	block_code[1] = (uintptr_t)wrappers_end;
	for (int i = 0; i < N_KINDS; i++)
		if (server.makers[i].start) {
			block_code[n++] = server.makers[i].start;
			block_code[n++] = server.makers[i].start + server.makers[i].size;
		}
	/* From version 17 on palloc() jumps to the wrapper, so it has no frame of its own. */
	contexts.skip = server.makers[HP_ATTACHED_BUMP].start ? 1 : 2;
	heapprof_pools_found = heapprof_pools();
}

static int prepare(const struct hp_attached_contexts *found)
{
	struct hp_attached_words words = {
		.version = HP_ATTACHED_VERSION,
		.start = (uintptr_t)wrappers_start,
		.end = (uintptr_t)wrappers_end,
	};
	int result;

	if (found->version != HP_ATTACHED_VERSION || found->size != sizeof(*found))
		return HP_ATTACHED_E_REQUEST;
	server = *found;
	result = find_tables(&words);
	if (result != HP_ATTACHED_OK)
		return result;
	set_class();
	heapprof_attached_words = words;
	return HP_ATTACHED_OK;
}

PUBLIC int heapprof_attached_contexts(const struct hp_attached_contexts *found)
{
	int saved_errno = hp_own_work_begin();
	int result = prepare(found);

	hp_own_work_end(saved_errno);
	if (result == HP_ATTACHED_OK)
		heapprof_pool_add_class(&contexts);
	return result;
}
