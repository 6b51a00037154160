/* SPDX-License-Identifier: MIT */
/* The order of steps is such that the process can do without us after each of them:
 *
 * - The near page is complete before its record says so, and it does before there is a jump. A page
 *   whose record does not say so is not used by anybody, and is unmapped by the next tool.
 * - A thread in the bytes that a jump will overwrite is moved to the copy of these instructions
 *   before that. One that will return there can't be moved: then all go on, and another moment is
 *   tried.
 * - A jump is written in one piece, since it is within one page. */
#include "inject/patches_parts.h"
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <time.h>

enum {
	PAGE_BYTES = 4096,
	FUNCTION_MAX = 64 << 10,
	MOMENTS_MAX = 200,
	NAP_NS = 1000000,
};

static const char no_moment[] = "no moment was found at which one of its threads can make a system "
				"call; try again";

/* --- planning --------------------------------------------------------------------------------- */

static int read_function(struct hp_target *t, const struct hp_patches_entry *f,
			 const struct hp_patch_record_entry *before, uint8_t **out)
{
	uint8_t *bytes = f->size <= FUNCTION_MAX ? malloc(f->size + 1) : NULL;
	uint64_t skip = before ? before->at - before->entry : 0;

	if (!bytes)
		return hp_target_error(t, "%s has %ju bytes, which is too much", f->name,
				       (uintmax_t)f->size);
	if (!hp_target_read(t, f->entry, bytes, f->size)) {
		free(bytes);
		return hp_target_error(t, "%s can't be read in its memory", f->name);
	}
	if (before && skip + before->jump_size <= f->size)
		memcpy(bytes + skip, before->before, before->jump_size);
	*out = bytes;
	return 0;
}

/* A jump in one page is written in one piece, so no tool can be killed in the middle of it. */
static const char *refusal_of(enum hp_entry_refusal refusal, const struct hp_entry_patch *patch)
{
	if (refusal != HP_ENTRY_PLANNED)
		return hp_entry_patch_sentence(refusal);
	if (patch->at % PAGE_BYTES + patch->size > PAGE_BYTES)
		return "begins at the end of a page, so a jump can't be written in one piece";
	return NULL;
}

int hp_patches_plan_one(struct hp_target *t, struct hp_patches *p, size_t i, uint64_t page,
			const struct hp_patch_record_entry *before, const char **out_refusal)
{
	const struct hp_patches_entry *f = &p->functions[i];
	uint64_t slot = page + HP_PATCH_RECORD_SLOTS + i * HP_ENTRY_SLOT_SIZE;
	struct hp_entry_code code = {.address = f->entry, .size = f->size};
	const char *refusal;
	uint8_t *bytes;
	int r = read_function(t, f, before, &bytes);

	if (r)
		return r;
	code.bytes = bytes;
	refusal = refusal_of(hp_entry_patch_plan(&p->patches[i], &code, slot, p->hooks[i]),
			     &p->patches[i]);
	free(bytes);
	if (out_refusal)
		*out_refusal = refusal;
	else if (refusal)
		return hp_target_error(t, "%s %s", f->name, refusal);
	return 0;
}

/* The first bytes of a function are those of the file; nothing else is changed. */
static int compare(struct hp_target *t, const struct hp_patches *p, size_t i)
{
	const struct hp_entry_patch *patch = &p->patches[i];
	const char *name = p->functions[i].name;
	uint8_t bytes[2 * HP_ENTRY_JUMP_MAX];
	size_t size = patch->at - patch->entry + patch->size;

	if (size > sizeof(bytes) || !hp_target_read(t, patch->entry, bytes, size))
		return hp_target_error(t, "%s can't be read in its memory", name);
	switch (hp_text_compare(t, patch->entry, bytes, size)) {
	case HP_TEXT_SAME:
		return 0;
	case HP_TEXT_CHANGED:
		return hp_target_error(t,
				       "%s has other first bytes than its file: another tool has "
				       "patched it; end that first",
				       name);
	case HP_TEXT_UNKNOWN:
		break;
	}
	return hp_target_error(t,
			       "%s can't be compared with its file: the file was replaced, or its "
			       "code is not mapped from it",
			       name);
}

static size_t find_function(const struct hp_patches *p, uint64_t entry)
{
	size_t i = 0;

	while (i < p->n && p->functions[i].entry != entry)
		i++;
	return i;
}

/* Plans the patch of a function that has none yet. Sets *out_refusal. */
static int plan_new(struct hp_target *t, struct hp_patches *p, uint64_t gap,
		    const struct hp_patches_entry *entry, const char **out_refusal)
{
	size_t i = p->n;
	int r;

	p->functions[i] = *entry;
	r = hp_patches_plan_one(t, p, i, gap, NULL, out_refusal);
	if (!r && *out_refusal && strstr(*out_refusal, "breakpoint"))
		r = hp_target_error(t, "%s %s", entry->name, *out_refusal);
	if (r || *out_refusal)
		return r;
	r = compare(t, p, i);
	if (!r && !hp_text_place_of(t, p->patches[i].at, &p->places[i]))
		r = hp_target_error(t, "%s is not in code of a file", entry->name);
	p->n += !r;
	return r;
}

static int plan_entry(struct hp_target *t, struct hp_patches *p, uint64_t gap,
		      const struct hp_patches_entry *entry)
{
	size_t i = p->n_entries++, k = find_function(p, entry->entry);

	p->entries[i] = *entry;
	p->patch_of[i] = k;
	return k == p->n ? plan_new(t, p, gap, entry, &p->refusals[i]) : 0;
}

static int plan_all(struct hp_target *t, struct hp_patches *p,
		    const struct hp_patches_entry *entries, size_t n)
{
	uint64_t addresses[HP_PATCHES_MAX] = {0}, gap;
	int r = 0;

	for (size_t i = 0; i < n; i++)
		addresses[i] = entries[i].entry;
	gap = hp_near_page_gap(t, addresses, n);
	if (!gap)
		return hp_near_page_no_gap(t);
	for (size_t i = 0; !r && i < n; i++)
		r = plan_entry(t, p, gap, &entries[i]);
	if (!r && p->n == 0)
		r = hp_target_error(t, "%s %s", entries[0].name, p->refusals[0]);
	return r;
}

int hp_patches_plan(struct hp_target *t, const struct hp_patches_entry *entries, size_t n,
		    struct hp_patches **out)
{
	struct hp_patches *p = calloc(1, sizeof(*p));
	int r;

	*out = NULL;
	if (!p)
		return hp_target_no_memory(t);
	if (n == 0 || n > HP_PATCHES_MAX) {
		free(p);
		return hp_target_error(t, "%zu functions can't be patched at once", n);
	}
	r = plan_all(t, p, entries, n);
	if (r) {
		free(p);
		return r;
	}
	*out = p;
	return 0;
}

/* --- the near page ---------------------------------------------------------------------------- */

int hp_patches_set_state(struct hp_target *t, struct hp_system_call_host *host,
			 struct hp_patches *p, enum hp_patches_state state)
{
	const uint32_t value = state;
	int r = hp_system_call_write(host, p->page + offsetof(struct hp_patch_record, state),
				     &value, sizeof(value));

	if (!r)
		p->state = state;
	return r;
}

static void fill_record(const struct hp_patches *p, struct hp_patch_record *out)
{
	*out = (struct hp_patch_record){.n = (uint32_t)p->n, .page = p->page};
	for (size_t i = 0; i < p->n; i++) {
		const struct hp_entry_patch *patch = &p->patches[i];
		struct hp_patch_record_entry *e = &out->entries[i];

		*e = (struct hp_patch_record_entry){.entry = patch->entry,
						    .size = p->functions[i].size,
						    .at = patch->at,
						    .hook = p->hooks[i],
						    .place = p->places[i],
						    .jump_size = (uint32_t)patch->size};
		memcpy(e->before, patch->before, sizeof(e->before));
		memcpy(e->after, patch->after, sizeof(e->after));
	}
	hp_patch_record_seal(out);
}

/* The page is written in one piece, from its magic on. */
static int write_page(struct hp_target *t, struct hp_system_call_host *host, struct hp_patches *p)
{
	static union {
		struct hp_patch_record record;
		uint8_t bytes[HP_NEAR_PAGE_SIZE];
	} page;
	int r = 0;

	for (size_t i = 0; !r && i < p->n; i++)
		r = hp_patches_plan_one(t, p, i, p->page, NULL, NULL);
	if (r)
		return r;
	memset(&page, 0, sizeof(page));
	fill_record(p, &page.record);
	for (size_t i = 0; i < p->n; i++)
		memcpy(page.bytes + (p->patches[i].slot - p->page), p->patches[i].code,
		       HP_ENTRY_SLOT_SIZE);
	r = hp_system_call_write(host, p->page, page.bytes, sizeof(page.bytes));
	return r ? r : hp_patches_set_state(t, host, p, HP_PATCHES_PLACED);
}

static bool is_unused(const struct hp_patch_record *record)
{
	return record->state == HP_PATCHES_PLANNED || record->state == HP_PATCHES_PLACED;
}

bool hp_patches_have_left(struct hp_target *t)
{
	struct hp_patch_record record;
	uint64_t page, from = 0;

	while (hp_patch_record_next(t, &from, &page, &record))
		if (is_unused(&record))
			return true;
	for (size_t i = 0; i < t->n_mappings; i++)
		if (hp_near_page_is_empty(t, &t->mappings[i]))
			return true;
	return false;
}

int hp_patches_clean(struct hp_target *t, struct hp_system_call_host *host)
{
	struct hp_patch_record record;
	uint64_t page, from = 0;
	int r = 0;

	while (!r && hp_patch_record_next(t, &from, &page, &record))
		if (is_unused(&record))
			r = hp_near_page_unmap(t, host, page);
	for (size_t i = 0; !r && i < t->n_mappings; i++)
		if (hp_near_page_is_empty(t, &t->mappings[i]))
			r = hp_near_page_unmap(t, host, t->mappings[i].start);
	return r;
}

static int place(struct hp_target *t, struct hp_system_call_host *host, struct hp_patches *p)
{
	uint64_t addresses[HP_PATCHES_MAX];
	int r = hp_patches_clean(t, host);

	for (size_t i = 0; i < p->n; i++)
		addresses[i] = p->functions[i].entry;
	if (!r)
		r = hp_near_page_map(t, host, addresses, p->n, &p->page);
	if (r)
		return r;
	r = write_page(t, host, p);
	if (r && !hp_near_page_unmap(t, host, p->page))
		p->page = 0;
	return r;
}

int hp_patches_place(struct hp_target *t, struct hp_patches *p)
{
	struct hp_stop *stop = NULL;
	struct hp_system_call_host *host;
	int r = hp_host_begin(t, &stop, NULL, NULL, no_moment, &host);

	if (!r) {
		r = place(t, host, p);
		hp_host_end(stop, &host);
	}
	hp_stop_end(stop);
	return r;
}

/* --- the jumps -------------------------------------------------------------------------------- */

enum hp_patches_bytes hp_patches_bytes_at(struct hp_target *t, const struct hp_patches *p, size_t i)
{
	const struct hp_entry_patch *patch = &p->patches[i];
	uint8_t bytes[HP_ENTRY_JUMP_MAX];
	struct hp_text_place place;

	if (!hp_text_place_of(t, patch->at, &place) ||
	    memcmp(&place, &p->places[i], sizeof(place)) != 0)
		return HP_PATCHES_UNMAPPED;
	if (!hp_target_read(t, patch->at, bytes, patch->size))
		return HP_PATCHES_UNMAPPED;
	if (memcmp(bytes, patch->before, patch->size) == 0)
		return HP_PATCHES_BEFORE;
	return memcmp(bytes, patch->after, patch->size) == 0 ? HP_PATCHES_AFTER : HP_PATCHES_OTHER;
}

int hp_patches_move(struct hp_target *t, const struct hp_stop *stop, const struct hp_patches *p,
		    uint64_t (*move)(const struct hp_entry_patch *, uint64_t pc))
{
	struct hp_stop_thread thread;

	for (size_t k = 0; hp_stop_thread_at(stop, k, &thread); k++) {
		struct user_regs_struct registers;
		uint64_t pc;

		if (ptrace(PTRACE_GETREGS, thread.id, NULL, &registers))
			return hp_target_error(t, "can't read registers: ptrace: %s",
					       strerror(errno));
		pc = registers.rip;
		for (size_t i = 0; i < p->n && pc == registers.rip; i++)
			pc = move(&p->patches[i], pc);
		if (pc == registers.rip)
			continue;
		registers.rip = pc;
		if (ptrace(PTRACE_SETREGS, thread.id, NULL, &registers))
			return hp_target_error(t, "can't set registers: ptrace: %s",
					       strerror(errno));
	}
	return 0;
}

/* Returns true if a thread will return into a jump, or is between two instructions' first bytes. */
static bool is_thread_in_the_way(struct hp_target *t, const struct hp_patches *p, int thread,
				 const struct hp_code_range *ranges)
{
	struct user_regs_struct registers;
	uint64_t pc;

	if (ptrace(PTRACE_GETREGS, thread, NULL, &registers))
		return true;
	pc = registers.rip;
	for (size_t i = 0; i < p->n; i++)
		if (hp_entry_patch_is_inside(&p->patches[i], pc) &&
		    hp_entry_patch_pc_in(&p->patches[i], pc) == pc)
			return true;
	return hp_stack_words_are_in(t, thread, ranges, p->n);
}

static bool is_way_free(struct hp_target *t, const struct hp_stop *stop, const struct hp_patches *p)
{
	struct hp_code_range ranges[HP_PATCHES_MAX];
	struct hp_stop_thread thread;

	for (size_t i = 0; i < p->n; i++)
		ranges[i] = (struct hp_code_range){p->patches[i].at + 1,
						   p->patches[i].at + p->patches[i].size};
	for (size_t k = 0; hp_stop_thread_at(stop, k, &thread); k++)
		if (is_thread_in_the_way(t, p, thread.id, ranges))
			return false;
	return true;
}

static int check_bytes(struct hp_target *t, const struct hp_patches *p,
		       enum hp_patches_bytes expected)
{
	for (size_t i = 0; i < p->n; i++)
		if (hp_patches_bytes_at(t, p, i) != expected)
			return hp_target_error(t, "%s was changed by somebody else meanwhile",
					       p->functions[i].name);
	return 0;
}

/* All threads are stopped, and none will return into a jump. */
static int write_jumps(struct hp_target *t, const struct hp_stop *stop,
		       struct hp_system_call_host *host, struct hp_patches *p)
{
	int r = check_bytes(t, p, HP_PATCHES_BEFORE);

	if (!r)
		r = hp_patches_set_state(t, host, p, HP_PATCHES_WRITING);
	if (!r)
		r = hp_patches_move(t, stop, p, hp_entry_patch_pc_in);
	for (size_t i = 0; !r && i < p->n; i++)
		r = hp_system_call_write(host, p->patches[i].at, p->patches[i].after,
					 p->patches[i].size);
	if (!r)
		r = check_bytes(t, p, HP_PATCHES_AFTER);
	return r ? r : hp_patches_set_state(t, host, p, HP_PATCHES_WRITTEN);
}

int hp_patches_write(struct hp_target *t, struct hp_patches *p)
{
	const struct timespec nap = {.tv_nsec = NAP_NS};
	struct hp_stop *stop = NULL;
	struct hp_system_call_host *host;
	bool is_free = false;
	int r = 0;

	for (int i = 0; !r && !is_free && i < MOMENTS_MAX; i++) {
		if (i > 0)
			nanosleep(&nap, NULL);
		r = hp_host_begin(t, &stop, NULL, NULL, no_moment, &host);
		if (r)
			break;
		is_free = is_way_free(t, stop, p);
		if (is_free)
			r = write_jumps(t, stop, host, p);
		hp_host_end(stop, &host);
	}
	hp_stop_end(stop);
	if (!r && !is_free)
		r = hp_target_error(t, "a thread of it stays within the first instructions of a "
				       "function that is to be patched; try again");
	return r;
}

/* --- what callers ask for --------------------------------------------------------------------- */

void hp_patches_set_hook(struct hp_patches *p, size_t i, uint64_t hook)
{
	if (!p->refusals[i] && p->hooks[p->patch_of[i]] == 0)
		p->hooks[p->patch_of[i]] = hook;
}

uint64_t hp_patches_trampoline(const struct hp_patches *p, size_t i)
{
	return p->page && !p->refusals[i] ? hp_entry_patch_trampoline(&p->patches[p->patch_of[i]])
					  : 0;
}

const char *hp_patches_refusal(const struct hp_patches *p, size_t i)
{
	return p->refusals[i];
}

const char *hp_patches_conflict(const struct hp_patches *p, size_t i)
{
	return p->refusals[i] ? NULL : hp_entry_patch_conflict(&p->patches[p->patch_of[i]]);
}

enum hp_patches_state hp_patches_state(const struct hp_patches *p)
{
	return p->state;
}

size_t hp_patches_count(const struct hp_patches *p)
{
	return p->n;
}

uint64_t hp_patches_entry_at(const struct hp_patches *p, size_t i)
{
	return p->functions[i].entry;
}

uint64_t hp_patches_hook_at(const struct hp_patches *p, size_t i)
{
	return p->hooks[i];
}

void hp_patches_free(struct hp_patches *p)
{
	free(p);
}
