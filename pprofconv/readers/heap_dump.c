/* SPDX-License-Identifier: MIT */
#include "readers/heap_dump.h"

#include "readers/reader.h"

void heap_dump_init(struct heap_dump *dump, struct profile *profile, struct input *input,
		    struct diag *diag)
{
	*dump = (struct heap_dump){
		.profile = profile,
		.input = input,
		.diag = diag,
		.map = {.profile = profile, .input = input, .diag = diag},
	};
}

void heap_dump_deinit(struct heap_dump *dump)
{
	heap_builder_deinit(&dump->builder);
	heap_pools_deinit(&dump->pools);
	memory_map_deinit(&dump->map);
}

int heap_dump_corrupt(struct heap_dump *dump, const char *what)
{
	if (input_line_is_cut(dump->input))
		what = "truncated: the last line has no newline";
	return diag_error_line(dump->diag, READER_E_CORRUPT, input_line_number(dump->input), "%s",
			       what);
}

/* Kinds of dumps. The kinds that are not sampled count everything: all allocations, the growth of
 * the heap by the stack that caused it, or the address space that is lost to fragmentation. */
static const struct kind {
	const char *name;
	int divisor; /* the interval is the period divided by this; 0: not sampled */
	const char *tool;
} kinds[] = {
	{"", 0, NULL},
	{"heapprofile", 0, "gperftools' heap profiler"},
	{"growth", 0, "tcmalloc, growth of the heap"},
	{"growthz", 0, "tcmalloc, growth of the heap"},
	{"fragmentation", 0, "tcmalloc, fragmentation"},
	{"fragmentationz", 0, "tcmalloc, fragmentation"},
	{"heap_v2", 1, "tcmalloc, sampled"},
	{"heapz_v2", 1, "tcmalloc, sampled"},
	{"heap", 2, "tcmalloc, sampled"},
};

/* Returns the kind of this name, or NULL if it is not supported. */
static const struct kind *find_kind(const struct cursor *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (cursor_equals(name, kinds[i].name))
			return &kinds[i];
	return NULL;
}

int heap_dump_read_header(struct heap_dump *dump)
{
	struct cursor line;
	const char *wrong;
	const struct kind *kind;
	int64_t interval;

	if (!input_next_line(dump->input, &line))
		return input_status(dump->input);
	wrong = heap_text_header(line, dump->any_inuse, &dump->header);
	if (wrong || input_line_is_cut(dump->input))
		return heap_dump_corrupt(dump, wrong);
	kind = find_kind(&dump->header.kind);
	if (!kind)
		return diag_error_line(dump->diag, READER_E_UNSUPPORTED, 1,
				       "heap profiles of kind '%.*s' are not supported",
				       (int)cursor_left(&dump->header.kind), dump->header.kind.at);
	/* the mean number of bytes between two samples; 1: all allocations were recorded; 0: not
	 * known */
	interval = kind->divisor ? dump->header.period / kind->divisor : 1;
	heap_builder_init(&dump->builder, dump->profile, interval);
	dump->profile->tool = kind->tool;
	dump->any_inuse &= interval == 1;
	dump->is_kind_heap = cursor_equals(&dump->header.kind, "heap");
	return 0;
}

static bool sum_counts(struct heap_counts *sums, const struct heap_counts *counts)
{
	bool overflow = false;

	overflow |= __builtin_add_overflow(sums->inuse_objects, counts->inuse_objects,
					   &sums->inuse_objects);
	overflow |=
		__builtin_add_overflow(sums->inuse_bytes, counts->inuse_bytes, &sums->inuse_bytes);
	overflow |= __builtin_add_overflow(sums->alloc_objects, counts->alloc_objects,
					   &sums->alloc_objects);
	overflow |=
		__builtin_add_overflow(sums->alloc_bytes, counts->alloc_bytes, &sums->alloc_bytes);
	return !overflow;
}

static bool is_odd(const struct heap_counts *counts)
{
	return counts->inuse_objects < 0 || counts->inuse_bytes < 0 ||
	       (counts->inuse_objects == 0 && counts->inuse_bytes != 0);
}

/* Adds the pending record to the profile. */
static int add_pending(struct heap_dump *dump)
{
	if (!dump->pending.is_one)
		return 0;
	if (dump->pending.needs_pool)
		return heap_dump_corrupt(dump, "expected '# pool: ID' after the objects of a pool");
	heap_pools_add_record(&dump->pools, &dump->builder, &dump->pending.counts,
			      dump->pending.label.key ? &dump->pending.label : NULL,
			      dump->pending.memory, dump->pending.pool);
	dump->pending.is_one = false;
	return 0;
}

/* record = counts { address } */
static int read_record(struct heap_dump *dump, struct cursor line, enum heap_memory memory)
{
	int r = add_pending(dump);
	struct heap_counts counts;
	const char *wrong = heap_text_counts(&line, dump->any_inuse, &counts);
	uint64_t address;

	if (r)
		return r;
	if (wrong)
		return heap_dump_corrupt(dump, wrong);
	while (heap_text_address(&line, &address))
		heap_builder_push(&dump->builder, address);
	if (line.failed)
		return heap_dump_corrupt(dump, "expected addresses below 2^64, as in '0x55d0c0de'");
	if (memory == HEAP_MALLOC && !sum_counts(&dump->sums, &counts))
		return heap_dump_corrupt(dump, "the counts add up to more than 64 bits hold");
	dump->n_odd += is_odd(&counts);
	heap_builder_take_stack(&dump->builder);
	dump->pending.is_one = true;
	dump->pending.needs_pool = memory == HEAP_POOL_OBJECT;
	dump->pending.counts = counts;
	dump->pending.label = dump->label;
	dump->pending.memory = memory;
	dump->pending.pool = NULL;
	return 0;
}

int heap_dump_read_object(struct heap_dump *dump, struct cursor record)
{
	if (dump->pools.pools.n == 0)
		return heap_dump_corrupt(dump, "objects without a line '# pools: ID KIND PATH'");
	return read_record(dump, record, HEAP_POOL_OBJECT);
}

int heap_dump_read_pool(struct heap_dump *dump, struct cursor id, bool is_block)
{
	uint64_t number = cursor_take_decimal(&id);

	if (!dump->pending.is_one || dump->pending.pool || dump->pending.needs_pool == is_block)
		return heap_dump_corrupt(dump, "a pool without its record in the line before");
	if (!id.failed && cursor_at_end(&id))
		dump->pending.pool = heap_pools_find(&dump->pools, number);
	if (!dump->pending.pool)
		return heap_dump_corrupt(dump, "expected the ID of a pool in '# pools:'");
	dump->pending.needs_pool = false;
	if (is_block)
		dump->pending.memory = HEAP_POOL_BLOCK;
	return 0;
}

/* comment = "#" text */
static int read_comment(struct heap_dump *dump, struct cursor line,
			int (*on_comment)(struct heap_dump *dump, struct cursor text))
{
	cursor_skip_spaces(&line);
	if (!on_comment || !cursor_accept(&line, '#'))
		return 0;
	cursor_skip_spaces(&line);
	cursor_trim_end(&line);
	return on_comment(dump, line);
}

/* records = { record | comment } [ map-title ] */
int heap_dump_read_records(struct heap_dump *dump, void (*on_record)(struct heap_dump *dump),
			   int (*on_comment)(struct heap_dump *dump, struct cursor text),
			   bool *out_has_map)
{
	struct cursor line;
	int r = 0;

	*out_has_map = false;
	while (!r && !*out_has_map && input_next_line(dump->input, &line)) {
		if (input_line_is_cut(dump->input))
			r = heap_dump_corrupt(dump, NULL);
		else if (heap_text_is_comment(line))
			r = read_comment(dump, line, on_comment);
		else if (heap_text_is_map_title(line))
			*out_has_map = true;
		else {
			if (on_record)
				on_record(dump);
			r = read_record(dump, line, HEAP_MALLOC);
		}
	}
	if (!r)
		r = add_pending(dump);
	if (!r)
		heap_pools_finish(&dump->pools, &dump->builder);
	return r ? r : input_status(dump->input);
}

int heap_dump_check_sums(struct heap_dump *dump)
{
	const struct heap_counts *sums = &dump->sums, *totals = &dump->header.totals;

	if (sums->inuse_objects == totals->inuse_objects &&
	    sums->inuse_bytes == totals->inuse_bytes &&
	    sums->alloc_objects == totals->alloc_objects &&
	    sums->alloc_bytes == totals->alloc_bytes)
		return 0;
	return diag_error_line(dump->diag, READER_E_CORRUPT, 1,
			       "the records do not add up to the totals of this line");
}
