/* SPDX-License-Identifier: MIT */
/* The hooks for operator new and delete of an allocator that has its own, in an attached session. A
 * hook calls the very form in whose place it is called, so an allocator that checks which form of
 * delete frees a block, or that uses the size, gets what the program has said; also for blocks from
 * before the session and for those that are freed after it.
 *
 * A form that throws is not called while hp_tls.in_hook is set, because nothing would clear it
 * afterwards: the form with std::nothrow takes its place, and if that fails the form itself is
 * called, which fails in its own way. */
#include "hooks/hooks.h"
#include "hooks/next_alloc.h"
#include "hooks/trampolines.h"

/* The type has more parameters than most forms. Arguments that a form does not have are passed on
 * as they happen to be, in registers that the callee ignores. */
typedef void *new_function(size_t size, const void *a, const void *b);
typedef void delete_function(void *p, const void *a, const void *b);

/* --- new ----------------------------------------------------------------------------------- */

struct form {
	enum hp_attached_function function; /* of the form itself */
	enum hp_attached_function quiet;    /* the form that does not throw */
	bool is_aligned;
};

static inline bool is_quiet(struct form form)
{
	return form.function == form.quiet;
}

static inline void *call_form(struct form form, size_t size, const void *a, const void *b)
{
	return ((new_function *)hp_trampolines[form.function])(size, a, b);
}

/* Allocates, and returns NULL if that fails. std::nothrow is an empty object: its address is passed
 * and never used. */
static inline void *allocate_quietly(struct form form, size_t size, const void *a, const void *b)
{
	static const char nothrow;
	new_function *function = (new_function *)hp_trampolines[form.quiet];

	if (is_quiet(form))
		return function(size, a, b);
	if (function && form.is_aligned)
		return function(size, a, &nothrow);
	if (function)
		return function(size, &nothrow, NULL);
	return form.is_aligned ? hp_next.memalign((size_t)a, size) : hp_next.malloc(size);
}

SLOW void *new_slow(size_t size, const void *a, const void *b, struct form form)
{
	struct hp_site site = HP_SITE_OF_CALLER();
	void *p;

	if (!hook_begin())
		return call_form(form, size, a, b);
	p = allocate_quietly(form, size, a, b);
	hook_end_allocation(p, size, &site);
	return likely(p) || is_quiet(form) ? p : call_form(form, size, a, b);
}

static inline __attribute__((always_inline)) void *new_hook(size_t size, const void *a,
							    const void *b, struct form form)
{
	void *p;

	if (hook_is_inner())
		return call_form(form, size, a, b);
	if (!likely(!hp_recorder_count(size)))
		return new_slow(size, a, b, form);
	hook_hold();
	p = allocate_quietly(form, size, a, b);
	hook_release();
	if (likely(p))
		return p;
	hp_recorder_uncount(size);
	return is_quiet(form) ? p : call_form(form, size, a, b);
}

#define NEW(symbol, function, quiet, is_aligned)                                                 \
	HOOK new_function symbol;                                                                \
	HOOK void *symbol(size_t size, const void *a, const void *b)                             \
	{                                                                                        \
		return new_hook(                                                                 \
			size, a, b,                                                              \
			(struct form){HP_ATTACHED_##function, HP_ATTACHED_##quiet, is_aligned}); \
	}

NEW(_Znwm, NEW, NEW_NOTHROW, false)
NEW(_Znam, NEW_ARRAY, NEW_ARRAY_NOTHROW, false)
NEW(_ZnwmRKSt9nothrow_t, NEW_NOTHROW, NEW_NOTHROW, false)
NEW(_ZnamRKSt9nothrow_t, NEW_ARRAY_NOTHROW, NEW_ARRAY_NOTHROW, false)
NEW(_ZnwmSt11align_val_t, NEW_ALIGNED, NEW_ALIGNED_NOTHROW, true)
NEW(_ZnamSt11align_val_t, NEW_ARRAY_ALIGNED, NEW_ARRAY_ALIGNED_NOTHROW, true)
NEW(_ZnwmSt11align_val_tRKSt9nothrow_t, NEW_ALIGNED_NOTHROW, NEW_ALIGNED_NOTHROW, true)
NEW(_ZnamSt11align_val_tRKSt9nothrow_t, NEW_ARRAY_ALIGNED_NOTHROW, NEW_ARRAY_ALIGNED_NOTHROW, true)

/* --- delete -------------------------------------------------------------------------------- */

SLOW void delete_slow(void *p, const void *a, const void *b, enum hp_attached_function function)
{
	delete_function *next = (delete_function *)hp_trampolines[function];

	if (!hook_begin()) {
		next(p, a, b);
		return;
	}
	hp_recorder_freeing(p);
	next(p, a, b);
	hook_end();
}

#define DELETE(symbol, function)                                                              \
	HOOK delete_function symbol;                                                          \
	HOOK void symbol(void *p, const void *a, const void *b)                               \
	{                                                                                     \
		if (likely(!hp_recorder_may_know(p)))                                         \
			((delete_function *)hp_trampolines[HP_ATTACHED_##function])(p, a, b); \
		else                                                                          \
			delete_slow(p, a, b, HP_ATTACHED_##function);                         \
	}

DELETE(_ZdlPv, DELETE)
DELETE(_ZdaPv, DELETE_ARRAY)
DELETE(_ZdlPvm, DELETE_SIZED)
DELETE(_ZdaPvm, DELETE_ARRAY_SIZED)
DELETE(_ZdlPvRKSt9nothrow_t, DELETE_NOTHROW)
DELETE(_ZdaPvRKSt9nothrow_t, DELETE_ARRAY_NOTHROW)
DELETE(_ZdlPvSt11align_val_t, DELETE_ALIGNED)
DELETE(_ZdaPvSt11align_val_t, DELETE_ARRAY_ALIGNED)
DELETE(_ZdlPvmSt11align_val_t, DELETE_SIZED_ALIGNED)
DELETE(_ZdaPvmSt11align_val_t, DELETE_ARRAY_SIZED_ALIGNED)
DELETE(_ZdlPvSt11align_val_tRKSt9nothrow_t, DELETE_ALIGNED_NOTHROW)
DELETE(_ZdaPvSt11align_val_tRKSt9nothrow_t, DELETE_ARRAY_ALIGNED_NOTHROW)
