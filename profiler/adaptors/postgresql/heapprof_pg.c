/* SPDX-License-Identifier: MIT */
/* Reports the memory contexts of PostgreSQL 12 to 17 to heapprof, as pools: see heapprof_pool.h.
 *
 * A memory context has a table of functions, one table for each kind of contexts. The postmaster
 * replaces functions in these constant tables, once, while it loads shared_preload_libraries; the
 * processes of the server inherit that. The wrappers keep no state across a call, since errors
 * leave by longjmp. If libheapprof is not loaded, nothing is replaced. */
#include <postgres.h>

#include <fmgr.h>

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <miscadmin.h>
#include <nodes/memnodes.h>
#include <sys/mman.h>
#include <unistd.h>
#include <utils/builtins.h>
#include <utils/memutils.h>

#include <heapprof_pool.h>

PG_MODULE_MAGIC;

enum {
	NAMES_MAX = 12,     /* contexts in a path */
	NAME_SIZE_MAX = 40, /* bytes of a context's name in it */
};

/* --- names --------------------------------------------------------------------------------- */

/* A hash table's context is named after the table in its ident, which is set late. Other idents are
 * not shown: they may be the text of a query. */
static const char *name_of(const MemoryContextData *context)
{
	if (context->ident && strcmp(context->name, "dynahash") == 0)
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
	const MemoryContextData *chain[NAMES_MAX];
	size_t used = 0;
	int n = 0;

	for (const MemoryContextData *c = pool; c && n < NAMES_MAX; c = c->parent)
		chain[n++] = c;
	while (n-- > 0 && used + NAME_SIZE_MAX + 1 <= size) {
		used += add_name(out + used, name_of(chain[n]));
		if (n > 0)
			out[used++] = '/';
	}
	return used;
}

/* --- wrappers ------------------------------------------------------------------------------ */

/* From version 17 on palloc() jumps to the context's function, so it has no frame of its own. */
#if PG_VERSION_NUM >= 170000
#define N_OWN_FRAMES 1 /* the wrapper */
#else
#define N_OWN_FRAMES 2 /* the wrapper, and palloc() or one of its siblings */
#endif

static uintptr_t block_code[12];
static const struct heapprof_pool_class contexts = {
	.struct_size = sizeof(contexts),
	.kind = "postgres",
	.describe = describe,
	.skip = N_OWN_FRAMES,
	.block_code = block_code,
};

/* The wrappers are in a section of their own: blocks of malloc are known by it. */
#define WRAPPER static __attribute__((section("heapprof_pg_wrappers"), noinline))
extern const char wrappers_start[] __asm__("__start_heapprof_pg_wrappers")
	__attribute__((visibility("hidden")));
extern const char wrappers_end[] __asm__("__stop_heapprof_pg_wrappers")
	__attribute__((visibility("hidden")));

#define KEEP_FRAME() __asm__ volatile("")

/* Versions differ in the arguments of these functions. */
#if PG_VERSION_NUM >= 170000
#define ALLOC_PARAMETERS   MemoryContext context, Size size, int flags
#define ALLOC_ARGUMENTS    context, size, flags
#define REALLOC_PARAMETERS void *old, Size size, int flags
#define REALLOC_ARGUMENTS  old, size, flags
#elif PG_VERSION_NUM >= 160000
#define ALLOC_PARAMETERS   MemoryContext context, Size size
#define ALLOC_ARGUMENTS    context, size
#define REALLOC_PARAMETERS void *old, Size size
#define REALLOC_ARGUMENTS  old, size
#else
#define ALLOC_PARAMETERS   MemoryContext context, Size size
#define ALLOC_ARGUMENTS    context, size
#define REALLOC_PARAMETERS MemoryContext context, void *old, Size size
#define REALLOC_ARGUMENTS  context, old, size
#endif
#if PG_VERSION_NUM >= 160000
#define FREE_PARAMETERS    void *object
#define FREE_ARGUMENTS     object
#define CONTEXT_OF(object) GetMemoryChunkContext(object)
#else
#define FREE_PARAMETERS    MemoryContext context, void *object
#define FREE_ARGUMENTS     context, object
#define CONTEXT_OF(object) context
#endif

#define DEFINE_WRAPPERS(KIND)                                                  \
	static MemoryContextMethods KIND##_own;                                \
	WRAPPER void *KIND##_alloc(ALLOC_PARAMETERS)                           \
	{                                                                      \
		void *object;                                                  \
                                                                               \
		heapprof_pool_enter(&contexts, context);                       \
		object = KIND##_own.alloc(ALLOC_ARGUMENTS);                    \
		if (object)                                                    \
			heapprof_pool_alloc(&contexts, context, object, size); \
		KEEP_FRAME();                                                  \
		return object;                                                 \
	}                                                                      \
	WRAPPER void KIND##_free(FREE_PARAMETERS)                              \
	{                                                                      \
		heapprof_pool_free(object);                                    \
		KIND##_own.free_p(FREE_ARGUMENTS);                             \
	}                                                                      \
	WRAPPER void *KIND##_realloc(REALLOC_PARAMETERS)                       \
	{                                                                      \
		MemoryContext pool = CONTEXT_OF(old);                          \
		void *object;                                                  \
                                                                               \
		heapprof_pool_enter(&contexts, pool);                          \
		heapprof_pool_free(old);                                       \
		object = KIND##_own.realloc(REALLOC_ARGUMENTS);                \
		if (object)                                                    \
			heapprof_pool_alloc(&contexts, pool, object, size);    \
		KEEP_FRAME();                                                  \
		return object;                                                 \
	}                                                                      \
	WRAPPER void KIND##_reset(MemoryContext context)                       \
	{                                                                      \
		heapprof_pool_reset(context);                                  \
		KIND##_own.reset(context);                                     \
	}                                                                      \
	WRAPPER void KIND##_delete(MemoryContext context)                      \
	{                                                                      \
		heapprof_pool_reset(context);                                  \
		KIND##_own.delete_context(context);                            \
	}                                                                      \
	static void KIND##_install(MemoryContextMethods *methods)              \
	{                                                                      \
		KIND##_own = *methods;                                         \
		if (!set_protection(methods, PROT_READ | PROT_WRITE))          \
			return;                                                \
		methods->alloc = KIND##_alloc;                                 \
		methods->free_p = KIND##_free;                                 \
		methods->realloc = KIND##_realloc;                             \
		methods->reset = KIND##_reset;                                 \
		methods->delete_context = KIND##_delete;                       \
		set_protection(methods, PROT_READ);                            \
	}

/* The tables are in memory that the loader has made read-only. */
static bool set_protection(const MemoryContextMethods *methods, int protection)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t start = (uintptr_t)methods / page * page;
	uintptr_t end = ((uintptr_t)(methods + 1) + page - 1) / page * page;

	if (mprotect((void *)start, end - start, protection) == 0)
		return true;
	elog(LOG, "heapprof_pg: can't change the protection of a context's functions: %m");
	return false;
}

DEFINE_WRAPPERS(aset)
DEFINE_WRAPPERS(generation)
DEFINE_WRAPPERS(slab)
#if PG_VERSION_NUM >= 170000
DEFINE_WRAPPERS(bump)
#endif

/* --- installation -------------------------------------------------------------------------- */

/* Adds the code of a function, whose size is in the server's symbol table. */
static size_t add_code(size_t n, const void *function)
{
	Dl_info info;
	const ElfW(Sym) *symbol = NULL;

	if (!dladdr1(function, &info, (void **)&symbol, RTLD_DL_SYMENT) || !symbol)
		return n;
	block_code[n] = (uintptr_t)function;
	block_code[n + 1] = (uintptr_t)function + symbol->st_size;
	return n + 2;
}

/* The functions that make contexts call malloc for their first block. */
static void find_block_code(void)
{
	static const void *const makers[] = {
		(const void *)AllocSetContextCreateInternal,
		(const void *)GenerationContextCreate,
		(const void *)SlabContextCreate,
#if PG_VERSION_NUM >= 170000
		(const void *)BumpContextCreate,
#endif
	};
	size_t n = 2;

	block_code[0] = (uintptr_t)wrappers_start;
	block_code[1] = (uintptr_t)wrappers_end;
	for (size_t i = 0; i < lengthof(makers); i++)
		n = add_code(n, makers[i]);
	heapprof_pool_add_class(&contexts);
}

/* A context of a kind leads to the kind's functions. */
static MemoryContextMethods *methods_of(MemoryContext context)
{
	return (MemoryContextMethods *)context->methods;
}

static MemoryContext make_generation(void)
{
#if PG_VERSION_NUM >= 150000
	return GenerationContextCreate(TopMemoryContext, "heapprof_pg", ALLOCSET_SMALL_SIZES);
#else
	return GenerationContextCreate(TopMemoryContext, "heapprof_pg", ALLOCSET_SMALL_MAXSIZE);
#endif
}

static void install(void)
{
	MemoryContext generation = make_generation();
	MemoryContext slab =
		SlabContextCreate(TopMemoryContext, "heapprof_pg", SLAB_DEFAULT_BLOCK_SIZE, 64);
	MemoryContextMethods *of_generation = methods_of(generation), *of_slab = methods_of(slab);
#if PG_VERSION_NUM >= 170000
	MemoryContext bump =
		BumpContextCreate(TopMemoryContext, "heapprof_pg", ALLOCSET_SMALL_SIZES);
	MemoryContextMethods *of_bump = methods_of(bump);

	MemoryContextDelete(bump);
	bump_install(of_bump);
#endif
	MemoryContextDelete(generation);
	MemoryContextDelete(slab);
	aset_install(methods_of(TopMemoryContext));
	generation_install(of_generation);
	slab_install(of_slab);
}

void _PG_init(void);

void _PG_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return; /* for heapprof_dump() alone */
	heapprof_pools_find();
	if (!heapprof_pool_is_seen()) {
		elog(LOG, "heapprof_pg: libheapprof is not loaded; nothing is recorded");
		return;
	}
	find_block_code();
	install();
}

/* --- functions ----------------------------------------------------------------------------- */

static void *find_function(const char *name)
{
	void *function = dlsym(RTLD_DEFAULT, name);

	if (!superuser())
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("heapprof's functions are for superusers")));
	if (!function)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("libheapprof is not loaded"),
				errhint("Start the server with LD_PRELOAD=libheapprof.so.")));
	return function;
}

static void check_is_running(void)
{
	int (*is_running)(void);

	*(void **)&is_running = find_function("IsHeapProfilerRunning");
	if (!is_running())
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("heapprof does not record this process"),
				errhint("Start the server with HEAPPROFILE=PREFIX.")));
}

PG_FUNCTION_INFO_V1(heapprof_dump);
PG_FUNCTION_INFO_V1(heapprof_reset);

/* Writes a dump of this session's process. */
Datum heapprof_dump(PG_FUNCTION_ARGS)
{
	void (*dump)(const char *reason);
	char *reason = text_to_cstring(PG_GETARG_TEXT_PP(0));

	check_is_running();
	*(void **)&dump = find_function("HeapProfilerDump");
	dump(reason);
	pfree(reason);
	PG_RETURN_VOID();
}

/* Forgets what was recorded in this session's process, and records from now on. */
Datum heapprof_reset(PG_FUNCTION_ARGS)
{
	void (*start)(const char *prefix);
	void (*stop)(void);
	const char *prefix = getenv("HEAPPROFILE");

	check_is_running();
	*(void **)&start = find_function("HeapProfilerStart");
	*(void **)&stop = find_function("HeapProfilerStop");
	if (!prefix)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("HEAPPROFILE is not set")));
	stop();
	start(prefix);
	PG_RETURN_VOID();
}
