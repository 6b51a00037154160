/* SPDX-License-Identifier: MIT */
/* The hooks for operator new and delete. Their names are the C++ ABI's: operator new (_Znw), new[]
 * (_Zna), delete (_Zdl), delete[] (_Zda); m is a size_t, St11align_val_t an alignment,
 * RKSt9nothrow_t std::nothrow.
 *
 * A program may replace any of these forms, and the runtime's other forms then call the
 * replacement. So our forms may do the work only if nobody else has replaced a form. The route is
 * decided once:
 *
 * - If only a C++ runtime or the allocator underneath defines forms, each of our forms calls that
 *   allocator directly. So the caller of our form is always the program, never another form, and
 *   nothing is counted twice. (An allocator's own forms call no other forms.)
 * - Otherwise each of our forms passes the call on, uncounted, to the next definition. The
 *   runtime's forms call other forms by their global names and, in the end, malloc, where the block
 *   is counted.
 *
 * In the second case our names are hidden as well. They are also hidden if there is no runtime at
 * start: a C program may open C++ libraries that bring forms of their own, and those forms are
 * found only if no other definition comes before them. A call that was bound to one of our forms
 * earlier takes the route.
 *
 * The definitions are weak, so that a program linked with the archive can define its own. */
#include "hooks/interpose_cxx.h"
#include "hooks/hooks.h"
#include "hooks/next_alloc.h"
#include "process/objects.h"
#include "process/symbols.h"
#include <dlfcn.h>
#include <errno.h>
#include <string.h>

/* All forms. Each has, as its second name, the form that the standard's default definition of it
 * calls: its own name if the default calls malloc or free. */
#define FORMS(NEW, DELETE)                                                       \
	NEW(_Znwm, _Znwm)                                                        \
	NEW(_Znam, _Znwm)                                                        \
	NEW(_ZnwmRKSt9nothrow_t, _Znwm)                                          \
	NEW(_ZnamRKSt9nothrow_t, _Znam)                                          \
	NEW(_ZnwmSt11align_val_t, _ZnwmSt11align_val_t)                          \
	NEW(_ZnamSt11align_val_t, _ZnwmSt11align_val_t)                          \
	NEW(_ZnwmSt11align_val_tRKSt9nothrow_t, _ZnwmSt11align_val_t)            \
	NEW(_ZnamSt11align_val_tRKSt9nothrow_t, _ZnamSt11align_val_t)            \
	DELETE(_ZdlPv, _ZdlPv, p, NULL)                                          \
	DELETE(_ZdaPv, _ZdlPv, p, NULL)                                          \
	DELETE(_ZdlPvm, _ZdlPv, p, NULL)                                         \
	DELETE(_ZdaPvm, _ZdaPv, p, NULL)                                         \
	DELETE(_ZdlPvRKSt9nothrow_t, _ZdlPv, p, NULL)                            \
	DELETE(_ZdaPvRKSt9nothrow_t, _ZdaPv, p, NULL)                            \
	DELETE(_ZdlPvSt11align_val_t, _ZdlPvSt11align_val_t, p, a)               \
	DELETE(_ZdaPvSt11align_val_t, _ZdlPvSt11align_val_t, p, a)               \
	DELETE(_ZdlPvmSt11align_val_t, _ZdlPvSt11align_val_t, p, b)              \
	DELETE(_ZdaPvmSt11align_val_t, _ZdaPvSt11align_val_t, p, b)              \
	DELETE(_ZdlPvSt11align_val_tRKSt9nothrow_t, _ZdlPvSt11align_val_t, p, a) \
	DELETE(_ZdaPvSt11align_val_tRKSt9nothrow_t, _ZdaPvSt11align_val_t, p, a)

enum form {
#define NEW(symbol, default_call)          FORM##symbol,
#define DELETE(symbol, default_call, p, a) FORM##symbol,
	FORMS(NEW, DELETE)
#undef NEW
#undef DELETE
	N_FORMS
};

/* The type has more parameters than most forms. Arguments that a form does not have are passed on
 * as they happen to be, in registers that the callee ignores. */
typedef void *new_function(size_t size, const void *a, const void *b);
typedef void delete_function(void *p, const void *a, const void *b);

/* The names as the program sees them, which any object may define. They become aliases of our forms
 * at the end of this file. */
#define NEW(symbol, default_call) __attribute__((weak, visibility("default"))) new_function symbol;
#define DELETE(symbol, default_call, p, a) \
	__attribute__((weak, visibility("default"))) delete_function symbol;
FORMS(NEW, DELETE)
#undef NEW
#undef DELETE

#define NEW(symbol, default_call)          static new_function our##symbol;
#define DELETE(symbol, default_call, p, a) static delete_function our##symbol;
FORMS(NEW, DELETE)
#undef NEW
#undef DELETE

/* --- the standard's default, if there is no definition after ours -------------------------- */

#define NEW(symbol, default_call)                                                            \
	static HP_HOOK_CODE void *default##symbol(size_t size, const void *a, const void *b) \
	{                                                                                    \
		return default_call(size, a, b);                                             \
	}
#define DELETE(symbol, default_call, p_, a_)                                            \
	static HP_HOOK_CODE void default##symbol(void *p, const void *a, const void *b) \
	{                                                                               \
		default_call(p_, a_, NULL);                                             \
	}
FORMS(NEW, DELETE)
#undef NEW
#undef DELETE

/* --- the route ----------------------------------------------------------------------------- */

enum route {
	OURS = 0,
	UNDECIDED,
	ASIDE
};

static uint8_t route = UNDECIDED;
static void *next[N_FORMS];   /* the definitions after ours; NULL: there is none */
static void *target[N_FORMS]; /* where our form passes the call on to, if ours step aside; NULL:
				 nowhere */

static const struct {
	struct hp_export export;
	const void *global;       /* the first definition in the global scope */
	const void *default_form; /* NULL: the default calls malloc or free */
} forms[N_FORMS] = {
/* NOLINTBEGIN(bugprone-macro-parentheses): names of symbols */
#define FORM(symbol, default_call)             \
	{{#symbol, (const void *)our##symbol}, \
	 (const void *)symbol,                 \
	 FORM##symbol == FORM##default_call ? NULL : (const void *)default##symbol},
#define NEW(symbol, default_call)          FORM(symbol, default_call)
#define DELETE(symbol, default_call, p, a) FORM(symbol, default_call)
	FORMS(NEW, DELETE)
#undef NEW
#undef DELETE
#undef FORM
	/* NOLINTEND(bugprone-macro-parentheses) */
};

static bool is_runtimes(const void *function)
{
	static const char *const runtimes[] = {"libstdc++.so", "libc++.so", "libc++abi.so"};
	const char *path = hp_object_path(function);
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	for (size_t i = 0; i < sizeof(runtimes) / sizeof(runtimes[0]); i++)
		if (strncmp(name, runtimes[i], strlen(runtimes[i])) == 0)
			return true;
	return false;
}

/* Returns true if another definition comes before ours. Addresses are compared and not objects: in
 * a program that is linked with our archive, our definitions are in the same object as its own. */
static bool is_replaced_before(enum form form)
{
	const void *first = forms[form].global;

	return first && first != forms[form].export.function && !hp_object_is_stub(first);
}

static bool is_allocators(const void *function)
{
	return hp_object_has_both(function, (const void *)hp_next.malloc);
}

/* Returns true if the definition after ours replaces the runtime's. A definition in another copy of
 * this library does not count: that copy decides by the same rules. */
static bool is_replaced_after(enum form form)
{
	return next[form] && !is_allocators(next[form]) && !is_runtimes(next[form]) &&
	       !hp_object_has_heapprof(next[form]);
}

static bool is_replaced(void)
{
	for (enum form form = 0; form < N_FORMS; form++)
		if (is_replaced_before(form) || is_replaced_after(form))
			return true;
	return false;
}

static bool has_all_next(void)
{
	for (enum form form = 0; form < N_FORMS; form++)
		if (!next[form])
			return false;
	return true;
}

static bool has_runtime(void)
{
	for (enum form form = 0; form < N_FORMS; form++)
		if (next[form])
			return true;
	return false;
}

/* Returns where our form passes the call on to if ours step aside. A call of the allocator's own
 * form would not be recorded, so our form does the work in its place. */
static void *find_target(enum form form)
{
	if (!next[form])
		return (void *)forms[form].default_form;
	return is_allocators(next[form]) ? NULL : next[form];
}

/* Hides our names, except a name to which an object refers and that has no definition after ours:
 * it is looked up when it is first called, and must be found. This can happen in a program that was
 * linked with us and with the C++ library's archive. */
static void hide_names(void)
{
	struct hp_export all[N_FORMS], hidden[N_FORMS];
	uint32_t needed;
	size_t n = 0;

	for (enum form form = 0; form < N_FORMS; form++)
		all[form] = forms[form].export;
	needed = has_all_next() ? 0 : hp_object_find_references(all, N_FORMS);
	for (enum form form = 0; form < N_FORMS; form++)
		if (next[form] || !(needed & UINT32_C(1) << form))
			hidden[n++] = all[form];
	hp_object_hide(hidden, n);
}

/* Two threads may run this at the same time; both come to the same result. */
static void decide_route(void)
{
	static bool is_hidden;
	bool is_aside;

	for (enum form form = 0; form < N_FORMS; form++)
		next[form] = hp_symbol_next(forms[form].export.name);
	for (enum form form = 0; form < N_FORMS; form++)
		target[form] = find_target(form);
	is_aside = is_replaced();
	if ((is_aside || !has_runtime()) &&
	    !__atomic_exchange_n(&is_hidden, true, __ATOMIC_ACQ_REL))
		hide_names();
	__atomic_store_n(&route, is_aside ? ASIDE : OURS, __ATOMIC_RELEASE);
}

/* The constructor of a library may call this before our constructor does; a resolver that the
 * loader runs hardly does. */
void hp_interpose_cxx_decide(void)
{
	int saved_errno = errno;

	if (__atomic_load_n(&route, __ATOMIC_ACQUIRE) != UNDECIDED ||
	    !hp_symbols_is_c_library_ready())
		return;
	hp_tls.in_hook++; /* the loader allocates for itself */
	hp_next_alloc_init();
	decide_route();
	hp_tls.in_hook--;
	errno = saved_errno;
}

/* Returns where our form passes the call on to, or NULL if our form does the work. */
static void *target_of(enum form form)
{
	hp_interpose_cxx_decide();
	return __atomic_load_n(&route, __ATOMIC_ACQUIRE) == ASIDE ? target[form] : NULL;
}

static inline bool is_ours(void)
{
	return route == OURS;
}

/* --- new ----------------------------------------------------------------------------------- */

static inline bool is_aligned(enum form form)
{
	switch (form) {
	case FORM_ZnwmSt11align_val_t:
	case FORM_ZnamSt11align_val_t:
	case FORM_ZnwmSt11align_val_tRKSt9nothrow_t:
	case FORM_ZnamSt11align_val_tRKSt9nothrow_t:
		return true;
	default:
		return false;
	}
}

static inline void *allocate_form(enum form form, size_t size, const void *a)
{
	return is_aligned(form) ? hp_next.memalign((size_t)a, size) : hp_next.malloc(size);
}

/* Returns the definition after ours, which calls the new_handler and throws bad_alloc. In a C
 * program that loads C++ later, no object after ours has one, so it is looked up in libstdc++. */
static void *find_next_new(enum form form)
{
	void *library = next[form] ? NULL : dlopen("libstdc++.so.6", RTLD_LAZY | RTLD_NOLOAD);

	return library ? dlsym(library, forms[form].export.name) : next[form];
}

/* Calls the definition of this form that comes after ours, when memory has run out. Call it after
 * hook_end(): that definition calls our malloc, which would not record the block with in_hook set;
 * and it may throw through this function, so nothing would clear in_hook afterwards. */
SLOW void *new_failed(size_t size, const void *a, const void *b, enum form form)
{
	new_function *function = (new_function *)find_next_new(form);

	return function ? function(size, a, b) : NULL;
}

/* Same as new_failed(), but for the fast path, which has counted the bytes. */
SLOW void *counted_new_failed(size_t size, const void *a, const void *b, enum form form)
{
	hp_recorder_uncount(size);
	return new_failed(size, a, b, form);
}

SLOW void *new_slow(size_t size, const void *a, const void *b, enum form form)
{
	struct hp_site site = HP_SITE_OF_CALLER();
	bool is_seen = hook_begin();
	void *p = allocate_form(form, size, a);

	if (is_seen)
		hook_end_allocation(p, size, &site);
	return likely(p) ? p : new_failed(size, a, b, form);
}

SLOW void *diverted_new(size_t size, const void *a, const void *b, enum form form)
{
	new_function *function = (new_function *)target_of(form);

	return function ? function(size, a, b) : new_slow(size, a, b, form);
}

#define NEW_BODY(form, size, a, b)                     \
	void *p;                                       \
                                                       \
	if (!likely(is_ours()))                        \
		return diverted_new(size, a, b, form); \
	if (!likely(!hp_recorder_count(size)))         \
		return new_slow(size, a, b, form);     \
	p = allocate_form(form, size, a);              \
	if (likely(p))                                 \
		return p;                              \
	return counted_new_failed(size, a, b, form);

/* Nearly all calls are of the two usual forms. Without the other arguments, they keep one register
 * across the call instead of three. */
#define NEW(symbol, default_call)                                                        \
	static HP_HOOK_CODE void *our##symbol(size_t size, const void *a, const void *b) \
	{                                                                                \
		if (FORM##symbol == FORM_Znwm || FORM##symbol == FORM_Znam) {            \
			NEW_BODY(FORM##symbol, size, NULL, NULL)                         \
		}                                                                        \
		NEW_BODY(FORM##symbol, size, a, b)                                       \
	}

/* --- delete -------------------------------------------------------------------------------- */

SLOW void diverted_delete(void *p, const void *a, const void *b, enum form form)
{
	delete_function *function = (delete_function *)target_of(form);

	if (function)
		function(p, a, b);
	else
		hp_hook_free(p);
}

#define DELETE(symbol, default_call, p_, a_)                                        \
	static HP_HOOK_CODE void our##symbol(void *p, const void *a, const void *b) \
	{                                                                           \
		if (!likely(is_ours()))                                             \
			diverted_delete(p, a, b, FORM##symbol);                     \
		else if (likely(!hp_recorder_may_know(p)))                          \
			hp_next.free(p);                                            \
		else                                                                \
			hp_hook_free(p);                                            \
	}

FORMS(NEW, DELETE)
#undef NEW
#undef DELETE

/* NOLINTBEGIN(bugprone-macro-parentheses): names of symbols */
#define ALIAS(symbol)                      __attribute__((weak, alias("our" #symbol), visibility("default"))) symbol;
#define NEW(symbol, default_call)          new_function ALIAS(symbol)
#define DELETE(symbol, default_call, p, a) delete_function ALIAS(symbol)
/* NOLINTEND(bugprone-macro-parentheses) */
FORMS(NEW, DELETE)
