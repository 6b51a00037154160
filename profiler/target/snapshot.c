/* SPDX-License-Identifier: MIT */
/* Reads the parts of a snapshot until they fit together, and prints them. */
#include "target/snapshot_parts.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
	ATTEMPTS_MAX = 12,
	THREADS_MAX = 1 << 20,
};

/* --- threads --------------------------------------------------------------------------------- */

/* See read_allocated() in thread.c. Returns 0 if the thread has ended: its bytes are then among the
 * retired ones. */
static uint64_t allocated_by(struct snapshot *s, uint64_t tls, char *bytes)
{
	uint64_t allocated = 0;
	uint32_t before = 0;

	for (int i = 0; i < READS_MAX; i++) {
		uint32_t version;
		const struct hp_target_piece pieces[] = {
			{tls + s->at.version, &before, sizeof(before)},
			{tls, bytes, s->tables.tls.size},
			{tls + s->at.version, &version, sizeof(version)},
		};

		if (!hp_target_read_pieces(s->t, pieces, 3))
			return 0;
		uint64_t left = read_number(bytes, s->at.left, 8);
		uint64_t checkpoint = read_number(bytes, s->at.checkpoint, 8);

		allocated = checkpoint - (left <= checkpoint ? left : 0);
		if (s->t->is_frozen || (before % 2 == 0 && before == version))
			break;
		if (i == READS_MAX - 1 && hp_snapshot_nap(s))
			i = 0;
	}
	return allocated;
}

static void add_thread(struct snapshot *s, const char *thread, char *tls_bytes)
{
	uint64_t tls = read_number(thread, s->at.tls, 8);

	s->n_samples += read_number(thread, s->at.n_samples, 8);
	s->n_stacks_cut += read_number(thread, s->at.n_stacks_cut, 8);
	if (tls && read_number(thread, s->at.session, 4) == s->heads.threads_session)
		s->allocated_bytes += allocated_by(s, tls, tls_bytes);
}

/* `thread` and `tls` are buffers for one thread and for its words in thread-local storage. */
static int add_threads(struct snapshot *s, char *thread, char *tls)
{
	uint64_t at = s->heads.first_thread;

	for (size_t n = 0; at; n++) {
		if (n == THREADS_MAX)
			return hp_target_error(s->t, "heapprof's list of threads has no end");
		if (!hp_target_read(s->t, at, thread, s->tables.thread.size))
			return hp_target_explain(s->t);
		add_thread(s, thread, tls);
		at = read_number(thread, s->at.next, 8);
	}
	return 0;
}

static int read_threads(struct snapshot *s)
{
	char *thread = malloc(s->tables.thread.size), *tls = malloc(s->tables.tls.size);
	int r = HP_TARGET_E;

	s->n_samples = s->n_stacks_cut = 0;
	s->allocated_bytes = s->heads.retired_bytes;
	if (thread && tls)
		r = add_threads(s, thread, tls);
	else
		hp_target_no_memory(s->t);
	free(thread);
	free(tls);
	s->n_samples -= s->heads.n_samples_before;
	s->n_stacks_cut -= s->heads.n_stacks_cut_before;
	if (s->heads.is_only_mappings)
		s->allocated_bytes = s->heads.triggers_allocated;
	if (s->is_inherited)
		s->n_samples = s->n_stacks_cut = s->allocated_bytes = s->heads.n_dropped = 0;
	return r;
}

/* --- printing -------------------------------------------------------------------------------- */

struct source {
	struct hp_dump_source source;
	const struct snapshot *s;
};

static const struct snapshot *snapshot_of(const struct hp_dump_source *source)
{
	return ((const struct source *)source)->s;
}

static bool visit_maps(const struct hp_dump_source *source, hp_dump_visit *visit, void *context)
{
	const struct hp_target *t = snapshot_of(source)->t;
	bool more = true;

	for (size_t i = 0; more && i < t->n_mappings; i++) {
		const struct hp_target_mapping *m = &t->mappings[i];
		const struct hp_maps_entry entry = {
			.start = m->start,
			.end = m->end,
			.is_executable = m->is_executable,
			.line = m->line,
			.line_size = m->line_size,
			.path = m->path,
			.path_size = m->path_size,
		};

		more = visit(&entry, context);
	}
	return true;
}

static const struct hp_module *get_permanent(const struct hp_dump_source *source, size_t i)
{
	return &snapshot_of(source)->permanent[i];
}

static const struct hp_module *get_numbered(const struct hp_dump_source *source, size_t number)
{
	const struct snapshot *s = snapshot_of(source);

	return number >= 1 && number <= s->n_numbered ? &s->numbered[number - 1] : NULL;
}

static size_t count_numbered(const struct hp_dump_source *source)
{
	return snapshot_of(source)->n_numbered;
}

static bool get_pool(const struct hp_dump_source *source, uint32_t number, struct hp_dump_pool *out)
{
	const struct snapshot *s = snapshot_of(source);

	if (number >= s->n_pools)
		return false;
	*out = (struct hp_dump_pool){
		.kind = s->pools[number].kind,
		.path = s->pools[number].path,
		.path_size = s->pools[number].path_size,
	};
	return true;
}

static uint64_t uptime_ms(const struct snapshot *s)
{
	const int64_t *start = s->t->outer_pid ? s->heads.start_clock : s->heads.start_time;
	struct timespec now = s->t->time;

	if (s->t->outer_pid)
		clock_gettime(CLOCK_MONOTONIC, &now);
	if (start[0] < 0 || start[1] < 0 || now.tv_sec < start[0] || start[1] >= 1000000000)
		return 0;
	int64_t ms = (now.tv_sec - start[0]) * 1000 + (now.tv_nsec - start[1]) / 1000000;

	return ms > 0 ? (uint64_t)ms : 0;
}

/* Returns the run ID. A fork child that has none yet gets one that differs from its parent's. */
static uint64_t run_id(const struct snapshot *s)
{
	if (!s->is_inherited)
		return s->heads.run_id;
	return (s->heads.run_id ^ (uint64_t)s->t->pid) * 0x9e3779b97f4a7c15ull;
}

static void add_note(struct snapshot *s, const char *text)
{
	size_t used = strlen(s->note);

	if (text[0])
		snprintf(s->note + used, sizeof(s->note) - used, "%s%s", used ? "; " : "", text);
}

static void note_as_they_were(struct snapshot *s)
{
	char text[160];

	add_note(s, s->t->note);
	if (!s->counts.n_taken_as_they_were)
		return;
	snprintf(text, sizeof(text),
		 "%zu records are shown as they were in the middle of a change, which does not go "
		 "on",
		 s->counts.n_taken_as_they_were);
	add_note(s, text);
}

static void fill_content(struct snapshot *s, const struct hp_dump_source *source,
			 struct hp_dump_content *c)
{
	const struct hp_target *t = s->t;
	bool is_auto = s->heads.interval == 0;

	*c = (struct hp_dump_content){
		.program = s->program,
		.cmdline = s->cmdline,
		.cmdline_size = s->heads.cmdline_size,
		.reason = "outside",
		.pid = (uint64_t)(s->is_inherited ? t->pid : s->heads.known_pid),
		.run_id = run_id(s),
		.number = s->is_inherited ? 1 : s->heads.n_claimed + 1,
		.time = t->time,
		.uptime_ms = uptime_ms(s),
		.sample_interval = is_auto ? UINT64_C(1) << s->level : s->heads.interval,
		.is_auto = is_auto,
		.level = s->level,
		.interval_since_ms = s->since_ms,
		.n_samples = s->n_samples,
		.n_dropped = s->heads.n_dropped,
		.n_stacks = s->n_stacks,
		.n_stacks_cut = s->n_stacks_cut,
		.n_missing = s->n_missing,
		.allocated_bytes = s->allocated_bytes,
		.has_mappings = s->heads.has_mappings != 0,
		.reserved_bytes = s->heads.reserved_bytes,
		.has_memory = t->has_memory,
		.memory = {t->rss_bytes, t->anonymous_bytes},
		.profiler_bytes = s->heads.profiler_bytes,
		.note = s->note[0] ? s->note : NULL,
		.entries = s->entries,
		.n_entries = s->n_entries,
		.n_permanent = s->n_permanent,
		.source = source,
	};
}

/* Without memory, starts over at the beginning of the buffer, and the text is dropped. */
static void grow(struct hp_text *text)
{
	char *grown = realloc(text->buffer, text->size * 2);

	if (grown) {
		text->buffer = grown;
		text->size *= 2;
		return;
	}
	text->cut = true;
	text->used = 0;
}

static int print(struct snapshot *s, char **out_text, size_t *out_size)
{
	const struct source source = {
		{visit_maps, get_permanent, get_numbered, count_numbered, get_pool},
		s,
	};
	struct hp_text text = {.size = 1 << 16, .flush = grow};
	struct hp_dump_content content;
	struct hp_dump_summary summary;

	note_as_they_were(s);
	fill_content(s, &source.source, &content);
	text.buffer = malloc(text.size);
	if (!text.buffer)
		return hp_target_no_memory(s->t);
	hp_dump_text_print(&text, &content, &summary);
	if (text.cut) {
		free(text.buffer);
		return hp_target_no_memory(s->t);
	}
	*out_text = text.buffer;
	*out_size = text.used;
	return 0;
}

/* --- all of it ------------------------------------------------------------------------------- */

static int try_often(struct snapshot *s)
{
	const long nap_ns = 500 * 1000;
	int r = HP_TARGET_E_MOVED;

	for (int i = 1; r == HP_TARGET_E_MOVED && i <= ATTEMPTS_MAX; i++) {
		struct timespec nap = {.tv_nsec = i * nap_ns};

		s->is_last_attempt = i == ATTEMPTS_MAX;
		r = hp_snapshot_read_stacks(s);
		if (r == HP_TARGET_E_MOVED && s->t->ops->check(s->t))
			r = HP_TARGET_E;
		if (r == HP_TARGET_E_MOVED)
			nanosleep(&nap, NULL);
	}
	return r;
}

static int read_all(struct snapshot *s)
{
	int r = try_often(s);

	if (!r)
		r = hp_snapshot_merge_stripes(s);
	if (!r)
		r = hp_snapshot_check_sums(s);
	if (!r)
		r = read_threads(s);
	if (!r)
		r = hp_snapshot_read_permanent(s);
	if (!r)
		r = hp_snapshot_read_numbered(s);
	if (!r)
		r = hp_snapshot_read_texts(s);
	if (!r)
		r = hp_snapshot_read_pools(s);
	for (size_t i = 0; !r && i < s->n_numbered; i++)
		hp_snapshot_note_deleted(s, &s->numbered[i]);
	return r ? r : s->t->ops->check(s->t);
}

static void deinit(struct snapshot *s)
{
	hp_snapshot_free_chunks(s);
	hp_snapshot_free_modules(s->permanent, s->n_permanent);
	hp_snapshot_free_modules(s->numbered, s->n_numbered);
	free(s->entries);
	free(s->shards);
	free(s->shards_after);
	free(s->folded);
	free(s->pools);
	free(s->program);
	free(s->cmdline);
	hp_view_reader_deinit(&s->view);
}

static int read_snapshot(struct snapshot *s)
{
	int r = hp_view_reader_init(&s->view, s->t);

	if (!r)
		r = hp_snapshot_find_all(s);
	if (r)
		return r;
	s->shards = calloc(1, hp_snapshot_shards_size(s));
	s->shards_after = calloc(1, hp_snapshot_shards_size(s));
	return s->shards && s->shards_after ? read_all(s) : hp_target_no_memory(s->t);
}

/* Gives the frames of blocks the addresses at which the dump shows them. */
static void settle_frames(struct snapshot *s, struct hp_snapshot_blocks *blocks)
{
	const struct source source = {
		{visit_maps, get_permanent, get_numbered, count_numbered, get_pool},
		s,
	};
	struct hp_dump_content content;

	fill_content(s, &source.source, &content);
	hp_dump_text_addresses(&content, blocks->frames, blocks->n_frames);
	blocks->interval = content.sample_interval;
}

int hp_snapshot_dump_and_look(struct hp_target *t, hp_snapshot_look *look, void *context,
			      char **out_text, size_t *out_size)
{
	struct snapshot s = {.t = t};
	struct hp_snapshot_blocks blocks = {.blocks = NULL};
	int r = read_snapshot(&s);

	if (!r)
		r = hp_snapshot_read_blocks(&s, &blocks);
	if (!r) {
		settle_frames(&s, &blocks);
		r = look(t, &blocks, context);
	}
	hp_target_let_go(t);
	if (!r)
		r = print(&s, out_text, out_size);
	hp_snapshot_free_blocks(&blocks);
	deinit(&s);
	return r;
}

int hp_snapshot_dump(struct hp_target *t, char **out_text, size_t *out_size,
		     struct hp_snapshot_counts *out_counts)
{
	struct snapshot s = {.t = t};
	int r = read_snapshot(&s);

	hp_target_let_go(t);
	if (!r)
		r = print(&s, out_text, out_size);
	if (out_counts)
		*out_counts = s.counts;
	deinit(&s);
	return r;
}
