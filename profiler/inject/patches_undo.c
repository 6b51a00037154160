/* SPDX-License-Identifier: MIT */
/* The original bytes come back first: from then on no thread enters a hook by a call. A thread that
 * is in a slot is moved out of it. Then some may still be in a hook, or will return there. */
#include "inject/frames.h"
#include "inject/patches_parts.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <time.h>

enum {
	PAGE_BYTES = 4096,
	LOOKS_MAX = 40,
	NAP_NS = 5000000,
	RANGES_MAX = 64,
};

static const char no_moment[] = "no moment was found at which one of its threads can make a system "
				"call; try again";

/* --- finding ---------------------------------------------------------------------------------- */

static struct hp_patches *take_record(const struct hp_patch_record *record)
{
	struct hp_patches *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->state = record->state;
	p->page = record->page;
	p->n = p->n_entries = record->n;
	for (size_t i = 0; i < p->n; i++) {
		const struct hp_patch_record_entry *e = &record->entries[i];

		p->functions[i] = p->entries[i] =
			(struct hp_patches_entry){"a patched function", e->entry, e->size};
		p->patch_of[i] = i;
		p->hooks[i] = e->hook;
		p->places[i] = e->place;
	}
	return p;
}

static bool is_slot_right(struct hp_target *t, const struct hp_entry_patch *patch)
{
	uint8_t code[HP_ENTRY_SLOT_SIZE];

	return hp_target_read(t, patch->slot, code, sizeof(code)) &&
	       memcmp(code, patch->code, sizeof(code)) == 0;
}

static int check_patch(struct hp_target *t, struct hp_patches *p, size_t i,
		       const struct hp_patch_record_entry *e)
{
	const struct hp_entry_patch *patch = &p->patches[i];
	struct hp_text_place place;
	int r;

	if (!hp_text_place_of(t, e->at, &place) || memcmp(&place, &e->place, sizeof(place)) != 0)
		return hp_target_error(t, "it has a record of patches in code that is no longer "
					  "mapped; nothing was changed");
	r = hp_patches_plan_one(t, p, i, p->page, e, NULL);
	if (r)
		return r;
	if (patch->at != e->at || patch->size != e->jump_size ||
	    memcmp(patch->before, e->before, patch->size) != 0 ||
	    memcmp(patch->after, e->after, patch->size) != 0 || !is_slot_right(t, patch) ||
	    hp_text_compare(t, e->at, e->before, patch->size) == HP_TEXT_CHANGED)
		return hp_target_error(t, "it has a record of patches that is not that of its "
					  "code; nothing was changed");
	return 0;
}

static int believe(struct hp_target *t, uint64_t page, const struct hp_patch_record *record,
		   struct hp_patches **out)
{
	int r = hp_patch_record_check(t, page, record);
	struct hp_patches *p;

	if (r)
		return r;
	p = take_record(record);
	if (!p)
		return hp_target_no_memory(t);
	for (size_t i = 0; !r && i < p->n; i++)
		r = check_patch(t, p, i, &record->entries[i]);
	if (r) {
		hp_patches_free(p);
		return r;
	}
	*out = p;
	return 0;
}

/* A page without a jump may be one that was never completed: it is left to hp_patches_clean(). */
int hp_patches_find(struct hp_target *t, struct hp_patches **out)
{
	struct hp_patch_record record;
	uint64_t page, from = 0;

	*out = NULL;
	while (hp_patch_record_next(t, &from, &page, &record))
		if (record.state != HP_PATCHES_PLANNED && record.state != HP_PATCHES_PLACED)
			return believe(t, page, &record, out);
	return 0;
}

/* --- undoing ---------------------------------------------------------------------------------- */

/* A jump is written as a whole, so other bytes are somebody else's. */
static int check_bytes(struct hp_target *t, const struct hp_patches *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (hp_patches_bytes_at(t, p, i) == HP_PATCHES_OTHER)
			return hp_target_error(t,
					       "the code at %#jx was changed by another tool since "
					       "it was patched; nothing was changed",
					       (uintmax_t)p->patches[i].at);
	return 0;
}

static int write_back(struct hp_target *t, const struct hp_stop *stop,
		      struct hp_system_call_host *host, struct hp_patches *p)
{
	int r = check_bytes(t, p);

	if (!r)
		r = hp_patches_set_state(t, host, p, HP_PATCHES_UNDOING);
	for (size_t i = 0; !r && i < p->n; i++)
		if (hp_patches_bytes_at(t, p, i) == HP_PATCHES_AFTER)
			r = hp_system_call_write(host, p->patches[i].at, p->patches[i].before,
						 p->patches[i].size);
	if (!r)
		r = hp_patches_move(t, stop, p, hp_entry_patch_pc_back);
	return r ? r : hp_patches_set_state(t, host, p, HP_PATCHES_UNDONE);
}

/* Returns whether the thread may return into one of the ranges. Words that ended calls have left on
 * its stack count only where its frames are not known. */
static bool may_return(struct hp_target *t, int thread, const struct hp_code_range *ranges,
		       size_t n)
{
	struct hp_frame frames[HP_FRAMES_MAX];
	size_t n_frames;

	if (!hp_stack_words_are_in(t, thread, ranges, n))
		return false;
	if (!hp_frames_read(t, thread, frames, &n_frames))
		return true;
	for (size_t i = 0; i < n_frames; i++)
		if (hp_code_range_has(ranges, n, frames[i].pc))
			return true;
	return false;
}

static bool is_quiet(struct hp_target *t, const struct hp_stop *stop,
		     const struct hp_code_range *ranges, size_t n)
{
	struct hp_stop_thread thread;

	for (size_t k = 0; hp_stop_thread_at(stop, k, &thread); k++) {
		struct user_regs_struct registers;

		if (ptrace(PTRACE_GETREGS, thread.id, NULL, &registers) ||
		    hp_code_range_has(ranges, n, registers.rip) ||
		    may_return(t, thread.id, ranges, n))
			return false;
	}
	return true;
}

/* Sets *out_is_quiet. */
static int undo(struct hp_target *t, struct hp_stop **stop, struct hp_patches *p,
		const struct hp_code_range *ranges, size_t n, bool *out_is_quiet)
{
	struct hp_system_call_host *host;
	int r = hp_host_begin(t, stop, NULL, NULL, no_moment, &host);

	if (r)
		return r;
	r = write_back(t, *stop, host, p);
	*out_is_quiet = !r && is_quiet(t, *stop, ranges, n);
	hp_host_end(*stop, &host);
	return r;
}

int hp_patches_undo(struct hp_target *t, struct hp_patches *p, const struct hp_code_range *ranges,
		    size_t n)
{
	const struct timespec nap = {.tv_nsec = NAP_NS};
	struct hp_code_range all[RANGES_MAX + 1];
	struct hp_stop *stop = NULL;
	bool is_quiet = false;
	int r = 0;

	if (n > RANGES_MAX)
		return hp_target_error(t, "the hooks are in too many ranges");
	memcpy(all, ranges, n * sizeof(*ranges));
	all[n] = (struct hp_code_range){p->page, p->page + HP_NEAR_PAGE_SIZE};
	for (int i = 0; !r && !is_quiet && i < LOOKS_MAX; i++) {
		if (i > 0)
			nanosleep(&nap, NULL);
		r = undo(t, &stop, p, all, n + 1, &is_quiet);
	}
	hp_stop_end(stop);
	return r || is_quiet ? r : HP_PATCHES_BUSY;
}

/* --- leaving no trace ------------------------------------------------------------------------- */

static bool is_first_in_page(const struct hp_patches *p, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (p->patches[k].at / PAGE_BYTES == p->patches[i].at / PAGE_BYTES)
			return false;
	return true;
}

static int drop_copies(struct hp_target *t, struct hp_system_call_host *host,
		       const struct hp_patches *p)
{
	int r = 0;

	for (size_t i = 0; !r && i < p->n; i++) {
		const struct hp_stub_call call = {
			.number = SYS_madvise,
			.arguments = {p->patches[i].at & ~(uint64_t)(PAGE_BYTES - 1), PAGE_BYTES,
				      MADV_DONTNEED}};
		int64_t result;

		if (is_first_in_page(p, i) && hp_patches_bytes_at(t, p, i) == HP_PATCHES_BEFORE &&
		    hp_text_is_needless_copy(t, call.arguments[0]))
			r = hp_system_call(host, &call, &result);
	}
	return r;
}

int hp_patches_remove(struct hp_target *t, struct hp_patches *p)
{
	struct hp_stop *stop = NULL;
	struct hp_system_call_host *host;
	int r;

	if (p->state != HP_PATCHES_UNDONE && p->state != HP_PATCHES_PLACED)
		return hp_target_error(t, "its patches were not undone");
	r = hp_host_begin(t, &stop, NULL, NULL, no_moment, &host);
	if (!r) {
		r = drop_copies(t, host, p);
		if (!r)
			r = hp_near_page_unmap(t, host, p->page);
		hp_host_end(stop, &host);
	}
	hp_stop_end(stop);
	return r;
}
