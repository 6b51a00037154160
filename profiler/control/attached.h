/* SPDX-License-Identifier: MIT */
/* An attached session is a session in a process that was started without the library. A tool has
 * loaded the library into it, and has overwritten the entries of the allocator's functions with
 * jumps to the library's hooks. A hook calls the function itself by a trampoline. See entry_patch.h
 * in inject/ for these words.
 *
 * Both the library and the tools include this header. A tool finds the functions below, and the
 * hooks, by their names in the loaded library. A hook has the name of the function in whose place
 * it is called.
 *
 * The functions are called on a thread that the tool has made, with all signals blocked, while no
 * other call of them is in progress. They may call the C library. */
#pragma once
#include <stdint.h>

enum {
	HP_ATTACHED_VERSION = 1, /* of struct hp_attached_request */
	HP_ATTACHED_PREFIX_MAX = 4096,
};

/* The functions whose entries are patched, as FUNCTION(enumerator, name). The allocator underneath
 * must have the first four. It may lack any other, and an entry that can't be patched is left as it
 * is.
 *
 * Two names may have one address, as aligned_alloc and memalign do in some C libraries. Then the
 * entry gets the hook of the first of them in this order, and only that one's trampoline is given.
 */
#define HP_ATTACHED_ALLOCATOR(FUNCTION)                                         \
	FUNCTION(MALLOC, malloc)                                                \
	FUNCTION(FREE, free)                                                    \
	FUNCTION(CALLOC, calloc)                                                \
	FUNCTION(REALLOC, realloc)                                              \
	FUNCTION(POSIX_MEMALIGN, posix_memalign)                                \
	FUNCTION(MEMALIGN, memalign)                                            \
	FUNCTION(ALIGNED_ALLOC, aligned_alloc)                                  \
	FUNCTION(VALLOC, valloc)                                                \
	FUNCTION(PVALLOC, pvalloc)                                              \
	FUNCTION(REALLOCARRAY, reallocarray)                                    \
	FUNCTION(CFREE, cfree)                                                  \
	FUNCTION(FREE_SIZED, free_sized)                                        \
	FUNCTION(FREE_ALIGNED_SIZED, free_aligned_sized)                        \
	FUNCTION(MALLOCX, mallocx)                                              \
	FUNCTION(RALLOCX, rallocx)                                              \
	FUNCTION(XALLOCX, xallocx)                                              \
	FUNCTION(DALLOCX, dallocx)                                              \
	FUNCTION(SDALLOCX, sdallocx)                                            \
	FUNCTION(NEW, _Znwm)                                                    \
	FUNCTION(NEW_ARRAY, _Znam)                                              \
	FUNCTION(NEW_NOTHROW, _ZnwmRKSt9nothrow_t)                              \
	FUNCTION(NEW_ARRAY_NOTHROW, _ZnamRKSt9nothrow_t)                        \
	FUNCTION(NEW_ALIGNED, _ZnwmSt11align_val_t)                             \
	FUNCTION(NEW_ARRAY_ALIGNED, _ZnamSt11align_val_t)                       \
	FUNCTION(NEW_ALIGNED_NOTHROW, _ZnwmSt11align_val_tRKSt9nothrow_t)       \
	FUNCTION(NEW_ARRAY_ALIGNED_NOTHROW, _ZnamSt11align_val_tRKSt9nothrow_t) \
	FUNCTION(DELETE, _ZdlPv)                                                \
	FUNCTION(DELETE_ARRAY, _ZdaPv)                                          \
	FUNCTION(DELETE_SIZED, _ZdlPvm)                                         \
	FUNCTION(DELETE_ARRAY_SIZED, _ZdaPvm)                                   \
	FUNCTION(DELETE_NOTHROW, _ZdlPvRKSt9nothrow_t)                          \
	FUNCTION(DELETE_ARRAY_NOTHROW, _ZdaPvRKSt9nothrow_t)                    \
	FUNCTION(DELETE_ALIGNED, _ZdlPvSt11align_val_t)                         \
	FUNCTION(DELETE_ARRAY_ALIGNED, _ZdaPvSt11align_val_t)                   \
	FUNCTION(DELETE_SIZED_ALIGNED, _ZdlPvmSt11align_val_t)                  \
	FUNCTION(DELETE_ARRAY_SIZED_ALIGNED, _ZdaPvmSt11align_val_t)            \
	FUNCTION(DELETE_ALIGNED_NOTHROW, _ZdlPvSt11align_val_tRKSt9nothrow_t)   \
	FUNCTION(DELETE_ARRAY_ALIGNED_NOTHROW, _ZdaPvSt11align_val_tRKSt9nothrow_t)

/* Functions of the C library, patched as well where that is possible: dlclose, so that what is
 * known of a closed library's code is forgotten; and _exit, so that a process that calls it writes
 * its last dump. A session works without either; walks through libraries that were opened later are
 * slower without dlclose. */
#define HP_ATTACHED_C_LIBRARY(FUNCTION) \
	FUNCTION(DLCLOSE, dlclose)      \
	FUNCTION(EXIT, _exit)

#define HP_ATTACHED_ENUMERATOR(enumerator, name) HP_ATTACHED_##enumerator,

enum hp_attached_function {
	HP_ATTACHED_ALLOCATOR(HP_ATTACHED_ENUMERATOR) HP_ATTACHED_N_OF_ALLOCATOR,
	HP_ATTACHED_BEFORE_C_LIBRARY = HP_ATTACHED_N_OF_ALLOCATOR - 1,
	HP_ATTACHED_C_LIBRARY(HP_ATTACHED_ENUMERATOR) HP_ATTACHED_N_FUNCTIONS
};

/* An initializer for an array of the names, in the order of the enumerators. */
#define HP_ATTACHED_NAME(enumerator, name) #name,
#define HP_ATTACHED_NAMES                                                                       \
	{                                                                                       \
		HP_ATTACHED_ALLOCATOR(HP_ATTACHED_NAME) HP_ATTACHED_C_LIBRARY(HP_ATTACHED_NAME) \
	}

struct hp_attached_request {
	uint32_t version, size; /* HP_ATTACHED_VERSION, sizeof(struct hp_attached_request) */
	uint64_t interval;      /* the sample interval in bytes; 1: record all; 0: automatic */
	uint64_t next[HP_ATTACHED_N_FUNCTIONS]; /* trampolines; 0: the entry will not be patched */
	uint64_t flags;                         /* 0 */
	char prefix[HP_ATTACHED_PREFIX_MAX];    /* of dumps, absolute; empty: the process writes no
						   dump, and is read from outside only */
};

/* Results, as RESULT(enumerator, sentence); the sentence follows the name of the process. */
#define HP_ATTACHED_RESULTS(RESULT)                                                               \
	RESULT(OK, "")                                                                            \
	RESULT(E_REQUEST, "has a library of another version of heapprof")                         \
	RESULT(E_RUNNING, "is being recorded already")                                            \
	RESULT(E_NOT_RUNNING, "is not being recorded")                                            \
	RESULT(E_NO_MALLOC, "has an allocator that can't be called by trampolines")               \
	RESULT(E_MEMORY, "has no memory left for a profile")                                      \
	RESULT(E_BUSY, "has a thread or a dump that has not left the last session")               \
	RESULT(E_PREFIX, "can't write dumps with this prefix")                                    \
	RESULT(E_FINER, "has recorded fewer samples than this interval needs; detach and attach " \
			"again with this interval, which begins anew")                            \
	RESULT(E_FIXED, "records with a fixed interval; detach and attach again with another "    \
			"one, which begins anew")                                                 \
	RESULT(E_CONTEXTS, "has memory contexts of a form that this heapprof does not know")

#define HP_ATTACHED_RESULT(enumerator, sentence) HP_ATTACHED_##enumerator,

enum hp_attached_result {
	HP_ATTACHED_RESULTS(HP_ATTACHED_RESULT) HP_ATTACHED_N_RESULTS
};

/* Starts a session. Call it before the entries are patched: their hooks work afterwards. Returns
 * enum hp_attached_result. */
int heapprof_attached_start(const struct hp_attached_request *request);

/* Ends recording. Call it when the entries are as they were and no thread is in a hook any more.
 * The records can be read from outside until the next start. Dumps end. */
void heapprof_attached_stop(void);

/* Sets the sample interval of the running session to a power of two, from which an automatic
 * interval goes on growing. The records stay. Returns HP_ATTACHED_E_FINER if the present
 * interval is larger: samples that were not taken can't be shown. 0 changes nothing. Returns enum
 * hp_attached_result. */
int heapprof_attached_set(uint64_t interval);

/* --- memory contexts of PostgreSQL ------------------------------------------------------------ */

/* A memory context of PostgreSQL is a pool (heapprof_pool.h). It has a pointer to a table of the
 * functions of its kind. The library has functions that report objects and then call the server's
 * own. A tool writes their addresses into the tables while the process is stopped, and the server's
 * own addresses back before it undoes the patches. */

enum hp_attached_context_kind {
	HP_ATTACHED_ALLOC_SET,
	HP_ATTACHED_GENERATION,
	HP_ATTACHED_SLAB,
	HP_ATTACHED_BUMP, /* from version 17 on */
	HP_ATTACHED_N_CONTEXT_KINDS
};

/* The first functions of a table, in their order in all versions. */
enum hp_attached_context_function {
	HP_ATTACHED_CONTEXT_ALLOC,
	HP_ATTACHED_CONTEXT_FREE,
	HP_ATTACHED_CONTEXT_REALLOC,
	HP_ATTACHED_CONTEXT_RESET,
	HP_ATTACHED_CONTEXT_DELETE,
	HP_ATTACHED_N_CONTEXT_FUNCTIONS
};

/* What the tool has found in the server. */
struct hp_attached_contexts {
	uint32_t version, size; /* HP_ATTACHED_VERSION, sizeof(struct hp_attached_contexts) */
	uint64_t top;           /* the context TopMemoryContext */
	uint64_t functions_at;  /* where in a context the pointer to its table is */
	uint64_t context_of;    /* GetMemoryChunkContext(), by which functions find the context of
				   an object from version 16 on; 0: they get it as an argument */
	struct {
		uint64_t start, size;          /* 0: the server has no such kind */
	} makers[HP_ATTACHED_N_CONTEXT_KINDS]; /* the functions that make contexts */
};

/* A word of a table, with the addresses that belong there. */
struct hp_attached_word {
	uint64_t at, own, ours;
};

enum {
	HP_ATTACHED_WORDS_MAX = HP_ATTACHED_N_CONTEXT_KINDS * HP_ATTACHED_N_CONTEXT_FUNCTIONS,
};

struct hp_attached_words {
	uint32_t version, n; /* HP_ATTACHED_VERSION; 0: heapprof_attached_contexts() has set none */
	uint64_t start, end; /* of our functions; a thread may be there also after a detach */
	struct hp_attached_word words[HP_ATTACHED_WORDS_MAX];
};

extern struct hp_attached_words heapprof_attached_words;

/* Prepares for the memory contexts, and sets heapprof_attached_words. Writes into no table. Returns
 * enum hp_attached_result. */
int heapprof_attached_contexts(const struct hp_attached_contexts *found);
