/* SPDX-License-Identifier: MIT */
#include "record/thread.h"
#include "base/arena.h"
#include "base/lock.h"
#include "base/options.h"
#include "base/patience.h"
#include "base/sys.h"
#include <linux/membarrier.h>
#include <pthread.h>
#include <string.h>

/* Thread-specific data with a key below this index is stored in the thread descriptor, so setting
 * it is a store. Setting data with a higher key calls calloc, which must not happen in a hook: then
 * the profiler does without a key. */
#define N_INLINE_KEYS 32

void (*hp_thread_on_exit)(void);

static struct hp_arena arena;
static struct hp_thread *registry; /* a list to which structs are only added */
static uint32_t n_made;
static struct hp_lock registry_lock;
static uint32_t current_session;
static uint64_t retired_bytes; /* asked for in this session by ended threads */
static pthread_key_t exit_key;
static bool has_exit_key;

/* Returns true if `thread` belongs to the thread of `tls`. It may not, in a fork child, if another
 * thread was the first to notice the fork and has given the structs of all others up. */
static bool is_its_own(const struct hp_thread *thread, const struct hp_tls *tls)
{
	return thread && thread == tls->thread &&
	       __atomic_load_n(&thread->tls, __ATOMIC_RELAXED) == tls;
}

static void retire(struct hp_thread *thread, struct hp_tls *tls)
{
	if (thread->session == current_session)
		__atomic_add_fetch(&retired_bytes, hp_tls_allocated(tls), __ATOMIC_RELAXED);
	thread->tls = NULL;
	tls->thread = NULL;
	hp_tls_set(tls, 0, 0);
}

/* The key's destructor; runs in the thread that ends. Destructors that run later may still
 * allocate. */
static void thread_exits(void *value)
{
	struct hp_thread *thread = value;
	struct hp_tls *tls = &hp_tls;

	if (!is_its_own(thread, tls))
		return;
	tls->in_hook++;
	if (hp_thread_on_exit)
		hp_thread_on_exit();
	bool locked = hp_lock_acquire(&registry_lock);

	retire(thread, tls);
	if (locked)
		hp_lock_release(&registry_lock);
	__atomic_store_n(&thread->is_taken, 0, __ATOMIC_RELEASE);
	tls->state = HP_TLS_GONE;
	tls->in_hook--;
}

/* Before glibc 2.34 a program without threads may lack these functions. */
#pragma weak pthread_key_create
#pragma weak pthread_key_delete
#pragma weak pthread_setspecific

void hp_thread_init(void)
{
	if (!pthread_key_create || pthread_key_create(&exit_key, thread_exits) != 0)
		return;
	has_exit_key = exit_key < N_INLINE_KEYS;
	if (!has_exit_key)
		pthread_key_delete(exit_key);
}

static struct hp_thread *make_thread(void)
{
	hp_handle piece = hp_arena_alloc(&arena, sizeof(struct hp_thread));
	hp_handle frames = hp_arena_alloc(&arena, (HP_STACK_DEPTH_MAX + 1) * sizeof(uint64_t));
	hp_handle steps = hp_arena_alloc(&arena, 2 * HP_STEPS_MAX * sizeof(struct hp_step));

	if (!piece || !frames || !steps)
		return NULL;
	struct hp_thread *thread = hp_arena_at(&arena, piece);

	thread->walker.frames = hp_arena_at(&arena, frames);
	thread->walker.steps = hp_arena_at(&arena, steps);
	thread->walker.spare_steps = thread->walker.steps + HP_STEPS_MAX;
	thread->is_taken = 1;
	thread->number = __atomic_fetch_add(&n_made, 1, __ATOMIC_RELAXED);
	thread->next = __atomic_load_n(&registry, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&registry, &thread->next, thread, true,
					    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		;
	return thread;
}

static struct hp_thread *reuse_thread(void)
{
	struct hp_thread *thread = __atomic_load_n(&registry, __ATOMIC_ACQUIRE);

	for (; thread; thread = thread->next)
		if (!__atomic_load_n(&thread->is_taken, __ATOMIC_RELAXED) &&
		    !__atomic_exchange_n(&thread->is_taken, 1, __ATOMIC_ACQUIRE))
			return thread;
	return NULL;
}

static struct hp_thread *take_thread(void)
{
	struct hp_thread *thread = reuse_thread();

	if (!thread)
		thread = make_thread();
	if (thread) {
		thread->session = 0;
		thread->accounted = 0;
		thread->walker.memory = (struct hp_stack_memory){0};
		thread->walker.n_steps = 0;
	}
	return thread;
}

static struct hp_thread *register_thread(struct hp_tls *tls)
{
	struct hp_thread *thread = take_thread();

	if (!thread)
		return NULL;
	__atomic_store_n(&thread->tls, tls, __ATOMIC_RELEASE);
	tls->thread = thread;
	tls->state = HP_TLS_KNOWN;
	if (has_exit_key)
		pthread_setspecific(exit_key, thread);
	return thread;
}

/* Without the key, nothing would tell the profiler that a thread's `tls` is no longer valid. Only
 * the first thread's storage stays until the process ends. */
static bool is_first_thread(void)
{
	return hp_sys_gettid() == hp_sys_getpid();
}

struct hp_thread *hp_thread_enter(void)
{
	struct hp_tls *tls = &hp_tls;
	struct hp_thread *thread = tls->thread;

	if (!is_its_own(thread, tls)) {
		bool may_register =
			tls->state != HP_TLS_GONE && (has_exit_key || is_first_thread());

		thread = may_register ? register_thread(tls) : take_thread();
		if (!thread)
			return NULL;
	}
	/* This must be sequentially consistent: a fork's prepare handler announces a pause and then
	 * reads `is_busy`; a thread sets `is_busy` and then looks for a pause. */
	__atomic_store_n(&thread->is_busy, 1, __ATOMIC_SEQ_CST);
	return thread;
}

void hp_thread_leave(struct hp_thread *thread)
{
	struct hp_tls *tls = &hp_tls;

	__atomic_store_n(&thread->is_busy, 0, __ATOMIC_RELEASE);
	if (tls->thread == thread)
		return;
	/* the struct was borrowed */
	if (thread->session == current_session)
		__atomic_add_fetch(&retired_bytes, hp_tls_allocated(tls), __ATOMIC_RELAXED);
	hp_tls_set(tls, 0, 0);
	__atomic_store_n(&thread->is_taken, 0, __ATOMIC_RELEASE);
}

/* Returns the first struct of the registry. A thread that begins a pause or a session announces it
 * and then reads this list. A thread that enters shows in the list that it has, and then looks for
 * announcements. Because of this fence, and the one in set_checkpoint(), at least one of the two
 * sees what the other did. */
static struct hp_thread *first_thread(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&registry, __ATOMIC_ACQUIRE);
}

/* Returns how many bytes the thread of `tls` has asked for. That thread goes on counting: bytes
 * that it counts during the call may be included or not. */
static uint64_t read_allocated(const struct hp_tls *tls)
{
	uint64_t allocated = 0;

	for (int i = 0; i < 1000; i++) {
		uint32_t version = __atomic_load_n(&tls->version, __ATOMIC_ACQUIRE);
		uint64_t checkpoint = __atomic_load_n(&tls->checkpoint, __ATOMIC_RELAXED);
		uint64_t left = __atomic_load_n(&tls->left, __ATOMIC_RELAXED);

		/* If `left` is above the checkpoint, a hook has subtracted more than was left, and
		 * is about to take its slow path. */
		allocated = checkpoint - (left <= checkpoint ? left : 0);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (version % 2 == 0 && __atomic_load_n(&tls->version, __ATOMIC_RELAXED) == version)
			break;
	}
	return allocated;
}

uint64_t hp_thread_allocated_total(void)
{
	bool locked = hp_lock_acquire(&registry_lock);
	uint64_t total = __atomic_load_n(&retired_bytes, __ATOMIC_RELAXED);

	for (struct hp_thread *t = first_thread(); locked && t; t = t->next) {
		struct hp_tls *tls = __atomic_load_n(&t->tls, __ATOMIC_ACQUIRE);

		if (tls && __atomic_load_n(&t->session, __ATOMIC_RELAXED) == current_session)
			total += read_allocated(tls);
	}
	if (locked)
		hp_lock_release(&registry_lock);
	return total;
}

uint64_t hp_thread_samples_total(void)
{
	uint64_t total = 0;

	for (struct hp_thread *t = first_thread(); t; t = t->next)
		total += __atomic_load_n(&t->n_samples, __ATOMIC_RELAXED);
	return total;
}

uint64_t hp_thread_stacks_cut_total(void)
{
	uint64_t total = 0;

	for (struct hp_thread *t = first_thread(); t; t = t->next)
		total += __atomic_load_n(&t->n_stacks_cut, __ATOMIC_RELAXED);
	return total;
}

struct hp_trigger_news hp_thread_news_total(void)
{
	bool locked = hp_lock_acquire(&registry_lock);
	struct hp_trigger_news total = {0};

	for (struct hp_thread *t = first_thread(); locked && t; t = t->next) {
		if (__atomic_load_n(&t->session, __ATOMIC_RELAXED) != current_session ||
		    !__atomic_load_n(&t->tls, __ATOMIC_RELAXED))
			continue;
		total.sampled += __atomic_load_n(&t->news.sampled, __ATOMIC_RELAXED);
		total.freed += __atomic_load_n(&t->news.freed, __ATOMIC_RELAXED);
	}
	if (locked)
		hp_lock_release(&registry_lock);
	return total;
}

/* Recalls each thread that has not joined the present session. Returns true if there was a thread
 * that had not been recalled yet. */
static bool recall_strangers(void)
{
	bool is_any = false;

	for (struct hp_thread *t = first_thread(); t; t = t->next) {
		struct hp_tls *tls = __atomic_load_n(&t->tls, __ATOMIC_ACQUIRE);

		if (!tls || __atomic_load_n(&t->session, __ATOMIC_RELAXED) == current_session ||
		    (__atomic_load_n(&tls->left, __ATOMIC_RELAXED) == 0 &&
		     __atomic_load_n(&tls->objects_left, __ATOMIC_RELAXED) == 0))
			continue;
		__atomic_store_n(&tls->left, 0, __ATOMIC_SEQ_CST);
		__atomic_store_n(&tls->objects_left, 0, __ATOMIC_SEQ_CST);
		is_any = true;
	}
	return is_any;
}

void hp_thread_begin_session(uint32_t session)
{
	bool locked = hp_lock_acquire(&registry_lock);

	retired_bytes = 0;
	__atomic_store_n(&current_session, session, __ATOMIC_SEQ_CST);
	if (locked)
		hp_lock_release(&registry_lock);
}

/* A hook in another thread may have read its countdown and not yet written it back, and would undo
 * the recall. So a barrier lets all processors finish such writes, and then the threads are checked
 * again. */
void hp_thread_recall(void)
{
	const int n_looks = 10;
	bool locked = hp_lock_acquire(&registry_lock);

	for (int i = 0; locked && i < n_looks && recall_strangers(); i++)
		hp_sys3(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	if (locked)
		hp_lock_release(&registry_lock);
}

static bool is_another_busy(void)
{
	for (struct hp_thread *t = first_thread(); t; t = t->next)
		if (!is_its_own(t, &hp_tls) && __atomic_load_n(&t->is_busy, __ATOMIC_SEQ_CST))
			return true;
	return false;
}

bool hp_thread_wait_idle(int patience_ms)
{
	const long nap_max_ns = 1000 * 1000;
	int64_t patience = HP_PATIENCE_OF_MS(patience_ms);
	uint32_t never = 0;

	for (long ns = 50 * 1000; is_another_busy(); ns = ns < nap_max_ns ? ns * 2 : ns) {
		if (patience <= 0)
			return false;
		hp_patience_sleep(&patience, &never, 0, ns);
	}
	return true;
}

void hp_thread_after_fork(uint32_t session)
{
	hp_lock_release(&registry_lock);
	hp_lock_release(&arena.lock);
	for (struct hp_thread *t = registry; t; t = t->next) {
		if (is_its_own(t, &hp_tls))
			continue;
		t->tls = NULL;
		t->is_busy = 0;
		t->is_taken = 0;
	}
	retired_bytes = 0;
	current_session = session;
	if (hp_tls.thread)
		hp_tls.thread->session = 0;
	hp_tls.objects_left = 0;
	hp_tls_set(&hp_tls, 0, 0);
}

const struct hp_view_row hp_thread_view[] = {
	HP_VIEW_VARIABLE("threads.first", registry),
	HP_VIEW_VARIABLE("threads.session", current_session),
	HP_VIEW_VARIABLE("threads.retired_bytes", retired_bytes),
	HP_VIEW_STRUCT("thread", struct hp_thread),
	HP_VIEW_FIELD("thread.next", struct hp_thread, next),
	HP_VIEW_FIELD("thread.tls", struct hp_thread, tls),
	HP_VIEW_FIELD("thread.session", struct hp_thread, session),
	HP_VIEW_FIELD("thread.n_samples", struct hp_thread, n_samples),
	HP_VIEW_FIELD("thread.n_stacks_cut", struct hp_thread, n_stacks_cut),
	HP_VIEW_STRUCT("tls", struct hp_tls),
	HP_VIEW_FIELD("tls.left", struct hp_tls, left),
	HP_VIEW_FIELD("tls.checkpoint", struct hp_tls, checkpoint),
	HP_VIEW_FIELD("tls.version", struct hp_tls, version),
};
