/* SPDX-License-Identifier: MIT */
/* dump      = header metadata* pools* entry* ( level entry+ )* libraries "# end" EOL
 * header    = "heap profile: " counts " @ " ( "heapprofile" | "heap_v2/" R ) EOL
 * counts    = objects ": " bytes " [" objects ": " bytes "]"      in use, then allocated
 * metadata  = "# " key ": " value EOL                             see below
 * pools     = "# pools: " id " " kind " " path EOL                a name of pools
 * entry     = record block? | object
 * record    = counts " @" ( " 0x" return-address )* EOL           leaf first
 * block     = "# block: " id EOL                                  of pools of that name
 * object    = "# object: " record "# pool: " id EOL
 * level     = "# level: " n EOL                                   n rises from one to the next
 * libraries = EOL "MAPPED_LIBRARIES:" EOL ( mapping build-id? )*
 * mapping   = a line of an executable mapping, as in /proc/self/maps
 * build-id  = "# buildid: " hex " " path EOL                     the path as the mapping has it
 *
 * A library that was opened while the program ran has one mapping here, however often and wherever
 * it was opened. The mapping is at an address where nothing is mapped, and return addresses in the
 * library are shown there.
 *
 * Counts are raw samples; readers estimate from them. The header's counts are the sums of those
 * printed. Readers choke on 0 objects with bytes, on negative numbers and on lines over 64 KiB, and
 * take allocated less than in use for an error. None of these can occur, for the counts of a record
 * are copied as of one moment.
 *
 * Version 2 of the format has at least one level line, or one of a pool. A sample of level n is one
 * at the interval 2^n as well, and not at 2^(n + 1); level 19 means 19 or more. Records before the
 * first such line have the dump's own level, where R = 2^n. A reader that skips the lines reads a
 * profile with the interval R, in which a stack may have several records of one size.
 * `interval_mode` is `auto` if R grows during the run; otherwise the line is missing.
 * `interval_since_ms` is the uptime at which it then came to its present value.
 *
 * A pool is an arena of the program's own. It takes blocks from malloc: their records are followed
 * by a line `block`. It hands out parts of these blocks, its objects. They are not in the header's
 * counts, so for a reader that skips comments the dump is a profile of malloc. `id` is the number
 * of a name, `kind` a word, and `path`, which may be missing, has the names of the pools that
 * contain this one, with '/' between them; it is escaped, as all values are.
 *
 * `stacks_cut` of the `samples` have a stack that goes on beyond its outermost frame here: it had
 * more frames than the depth limit, or used up a walk's budget. The line is missing where it is 0.
 * `rss_bytes` is the resident memory of the process. `anonymous_bytes` is the part of it in pages
 * of no file and of no shared memory: heap, stacks, data, the program's own mappings and ours. */
#include "dump/dump_text.h"
#include "dump/dump_pools.h"
#include "tables/sampler.h"
#include <string.h>

enum {
	VALUE_MAX = 4096,
	REGION_BITS = 40,
	N_REGIONS = 1 << (47 - REGION_BITS)
};

/* --- addresses of libraries that may be closed --------------------------------------------- */

/* Libraries that were opened while the program ran, and stacks that were folded, are shown at
 * addresses where nothing is mapped: in any process, whole TiBs of the address space are free. This
 * is done even for libraries that are still open, because one of them could be closed before the
 * dump's maps are read, and another library could take its addresses. */
struct elsewhere {
	const struct hp_dump_content *content;
	bool is_region_used[N_REGIONS];
	uintptr_t base;
};

static bool visit_maps(const struct hp_dump_content *c, hp_dump_visit *visit, void *context)
{
	return c->source->visit_maps(c->source, visit, context);
}

static const struct hp_module *permanent_at(const struct hp_dump_content *c, size_t i)
{
	return c->source->get_permanent(c->source, i);
}

/* Returns NULL if there is no such number. */
static const struct hp_module *numbered_at(const struct hp_dump_content *c, size_t number)
{
	return c->source->get_numbered(c->source, number);
}

enum {
	FOLDED_SIZE = 4096
};

static bool mark_region(const struct hp_maps_entry *entry, void *context)
{
	struct elsewhere *e = context;

	for (uintptr_t r = entry->start >> REGION_BITS;
	     r < N_REGIONS && r <= (entry->end - 1) >> REGION_BITS; r++)
		e->is_region_used[r] = true;
	return true;
}

/* Returns the beginning of a TiB in which nothing is mapped; the folded stacks are shown there, and
 * the libraries above. Looks for it when it is first needed: many programs open no libraries, and
 * reading the maps a second time is a quarter of what a small dump takes. */
static uintptr_t base_of(struct elsewhere *e)
{
	if (e->base)
		return e->base;
	visit_maps(e->content, mark_region, e);
	for (uintptr_t r = 16; r < N_REGIONS && !e->base; r++)
		if (!e->is_region_used[r])
			e->base = r << REGION_BITS;
	return e->base;
}

/* Every numbered library has a range of its own, above the folded stacks. */
static uintptr_t module_address(struct elsewhere *e, const struct hp_module *m)
{
	return base_of(e) + FOLDED_SIZE + m->code_before;
}

static uintptr_t address_of(struct elsewhere *e, uint64_t frame)
{
	uint16_t number = hp_frame_module(frame);
	const struct hp_module *m = number ? numbered_at(e->content, number) : NULL;

	return hp_frame_pc(frame) + (m ? module_address(e, m) : 0);
}

void hp_dump_text_addresses(const struct hp_dump_content *content, uint64_t *frames, size_t n)
{
	struct elsewhere elsewhere = {.content = content};

	for (size_t i = 0; i < n; i++)
		frames[i] = address_of(&elsewhere, frames[i]);
}

/* --- header and metadata ------------------------------------------------------------------- */

static void print_counts(struct hp_text *t, const struct hp_dump_summary *c)
{
	hp_text_decimal(t, c->inuse_objects);
	hp_text_string(t, ": ");
	hp_text_decimal(t, c->inuse_bytes);
	hp_text_string(t, " [");
	hp_text_decimal(t, c->alloc_objects);
	hp_text_string(t, ": ");
	hp_text_decimal(t, c->alloc_bytes);
	hp_text_string(t, "] @");
}

static void print_header(struct hp_text *t, const struct hp_dump_summary *sum)
{
	hp_text_string(t, "heap profile: ");
	print_counts(t, sum);
	if (sum->sample_interval == 1) {
		hp_text_string(t, " heapprofile\n");
		return;
	}
	hp_text_string(t, " heap_v2/");
	hp_text_decimal(t, sum->sample_interval);
	hp_text_char(t, '\n');
}

static void print_key(struct hp_text *t, const char *key)
{
	hp_text_string(t, "# ");
	hp_text_string(t, key);
	hp_text_string(t, ": ");
}

static void print_string(struct hp_text *t, const char *key, const char *value)
{
	print_key(t, key);
	hp_text_escaped(t, value, strlen(value), VALUE_MAX);
	hp_text_char(t, '\n');
}

static void print_number(struct hp_text *t, const char *key, uint64_t value)
{
	print_key(t, key);
	hp_text_decimal(t, value);
	hp_text_char(t, '\n');
}

static void print_cmdline(struct hp_text *t, const char *cmdline, size_t size)
{
	char line[VALUE_MAX + 16];

	if (size > 0 && cmdline[size - 1] == '\0')
		size--;
	if (size > sizeof(line))
		size = sizeof(line);
	for (size_t i = 0; i < size; i++)
		line[i] = cmdline[i] ? cmdline[i] : ' ';
	print_key(t, "cmdline");
	hp_text_escaped(t, line, size, VALUE_MAX);
	hp_text_char(t, '\n');
}

/* Converts days since 1970-01-01 to a date of the Gregorian calendar. Years begin in March, so that
 * the leap day is a year's last (H. Hinnant, "chrono-compatible low-level date algorithms"). */
static void print_date(struct hp_text *t, uint64_t days)
{
	uint64_t z = days + 719468, era = z / 146097, doe = z % 146097;
	uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	uint64_t mp = (5 * doy + 2) / 153, month = mp < 10 ? mp + 3 : mp - 9;

	hp_text_decimal_padded(t, yoe + era * 400 + (month <= 2), 4);
	hp_text_char(t, '-');
	hp_text_decimal_padded(t, month, 2);
	hp_text_char(t, '-');
	hp_text_decimal_padded(t, doy - (153 * mp + 2) / 5 + 1, 2);
}

static void print_time(struct hp_text *t, struct timespec now)
{
	uint64_t second = now.tv_sec % 86400;

	print_key(t, "time");
	print_date(t, now.tv_sec / 86400);
	hp_text_char(t, 'T');
	hp_text_decimal_padded(t, second / 3600, 2);
	hp_text_char(t, ':');
	hp_text_decimal_padded(t, second / 60 % 60, 2);
	hp_text_char(t, ':');
	hp_text_decimal_padded(t, second % 60, 2);
	hp_text_char(t, '.');
	hp_text_decimal_padded(t, now.tv_nsec / 1000000, 3);
	hp_text_string(t, "Z\n");
}

static void print_run(struct hp_text *t, uint64_t run)
{
	print_key(t, "run");
	hp_text_hex_bytes(t, (const uint8_t *)&run, sizeof(run));
	hp_text_char(t, '\n');
}

bool hp_dump_is_without_sample(const struct hp_dump_summary *sum)
{
	return sum->alloc_objects == 0 && sum->n_pool_objects == 0 && sum->n_dropped == 0 &&
	       sum->sample_interval > 1;
}

void hp_dump_print_why_empty(struct hp_text *t, const struct hp_dump_summary *sum)
{
	hp_text_string(t, "no sample: the program had allocated ");
	hp_text_size(t, sum->program_bytes);
	hp_text_string(t, ", and one sample is taken per ");
	hp_text_size(t, sum->sample_interval);
	hp_text_string(t, " on average; "
			  "set HEAP_PROFILE_SAMPLE_INTERVAL=1 to record every allocation");
}

static void print_why_empty(struct hp_text *t, const struct hp_dump_summary *sum)
{
	print_key(t, "note");
	hp_dump_print_why_empty(t, sum);
	hp_text_char(t, '\n');
}

/* Returns false for what was inherited from a parent that had freed it. */
static bool is_record(const struct hp_stacks_copy_entry *e)
{
	return e->counts.alloc_objects > 0;
}

/* Returns a bit for each level that has a record. */
static uint32_t levels_of(const struct hp_dump_content *c)
{
	uint32_t levels = 0;

	for (size_t i = 0; i < c->n_entries; i++)
		if (is_record(&c->entries[i]))
			levels |= 1u << hp_stacks_key_level(c->entries[i].key);
	return levels;
}

static bool has_higher_levels(const struct hp_dump_content *c)
{
	return levels_of(c) >> c->level > 1;
}

static void print_metadata(struct hp_text *t, const struct hp_dump_content *c,
			   const struct hp_dump_summary *sum)
{
	print_number(t, "heapprof", has_higher_levels(c) || hp_dump_has_pools(c) ? 2 : 1);
	print_string(t, "program", c->program);
	if (c->cmdline)
		print_cmdline(t, c->cmdline, c->cmdline_size);
	print_number(t, "pid", c->pid);
	print_run(t, c->run_id);
	print_number(t, "dump", c->number);
	print_string(t, "reason", c->reason);
	print_time(t, c->time);
	print_number(t, "uptime_ms", c->uptime_ms);
	print_number(t, "sample_interval", c->sample_interval);
	if (c->is_auto)
		print_string(t, "interval_mode", "auto");
	if (c->is_auto && c->interval_since_ms >= 0)
		print_number(t, "interval_since_ms", (uint64_t)c->interval_since_ms);
	print_number(t, "samples", c->n_samples);
	print_number(t, "samples_dropped", sum->n_dropped);
	print_number(t, "stacks", c->n_stacks);
	if (c->n_stacks_cut > 0)
		print_number(t, "stacks_cut", c->n_stacks_cut);
	print_number(t, "allocated_bytes", sum->program_bytes);
	if (c->has_mappings)
		print_number(t, "reserved_bytes", c->reserved_bytes);
	if (c->has_memory) {
		print_number(t, "rss_bytes", c->memory.rss_bytes);
		print_number(t, "anonymous_bytes", c->memory.anonymous_bytes);
	}
	print_number(t, "profiler_bytes", c->profiler_bytes);
	if (c->note)
		print_string(t, "note", c->note);
	if (c->n_missing > 0)
		print_string(t, "note", "incomplete: some records could not be read");
	else if (hp_dump_is_without_sample(sum))
		print_why_empty(t, sum);
	hp_dump_print_pools(t, c);
}

/* --- records ------------------------------------------------------------------------------- */

static struct hp_dump_summary summary_of(const struct hp_counts *c)
{
	return (struct hp_dump_summary){
		.inuse_objects = c->alloc_objects - c->free_objects,
		.inuse_bytes = c->alloc_bytes - c->free_bytes,
		.alloc_objects = c->alloc_objects,
		.alloc_bytes = c->alloc_bytes,
	};
}

static struct hp_dump_summary add_up(const struct hp_dump_content *copy)
{
	struct hp_dump_summary sum = {0};

	for (size_t i = 0; i < copy->n_entries; i++) {
		struct hp_dump_summary c = summary_of(&copy->entries[i].counts);

		if (hp_stacks_key_level(copy->entries[i].key) < copy->level)
			continue;
		if (hp_dump_memory_of(&copy->entries[i]) == HP_DUMP_POOL_OBJECT) {
			sum.n_pool_objects += c.alloc_objects;
			continue;
		}
		sum.inuse_objects += c.inuse_objects;
		sum.inuse_bytes += c.inuse_bytes;
		sum.alloc_objects += c.alloc_objects;
		sum.alloc_bytes += c.alloc_bytes;
	}
	return sum;
}

static void print_address(struct hp_text *t, uintptr_t address)
{
	hp_text_string(t, " 0x");
	hp_text_hex(t, address);
}

static void print_record(struct hp_text *t, const struct hp_stacks_copy_entry *entry,
			 struct elsewhere *elsewhere)
{
	struct hp_dump_summary counts = summary_of(&entry->counts);

	if (hp_dump_memory_of(entry) == HP_DUMP_POOL_OBJECT)
		print_key(t, "object");
	print_counts(t, &counts);
	for (size_t i = 0; i < hp_dump_n_addresses(entry); i++)
		print_address(t, address_of(elsewhere, entry->frames[i]));
	if (!entry->frames)
		print_address(t, base_of(elsewhere) + 1);
	hp_text_char(t, '\n');
	hp_dump_print_pool_of(t, entry);
}

static void print_level(struct hp_text *t, const struct hp_dump_content *c, uint32_t level,
			struct elsewhere *elsewhere)
{
	if (level > c->level)
		print_number(t, "level", level);
	for (size_t i = 0; i < c->n_entries; i++)
		if (is_record(&c->entries[i]) && hp_stacks_key_level(c->entries[i].key) == level)
			print_record(t, &c->entries[i], elsewhere);
}

static void print_records(struct hp_text *t, const struct hp_dump_content *c,
			  struct elsewhere *elsewhere)
{
	uint32_t levels = levels_of(c);

	for (uint32_t level = c->level; level < HP_N_LEVELS; level++)
		if (levels >> level & 1)
			print_level(t, c, level, elsewhere);
}

/* --- libraries ----------------------------------------------------------------------------- */

/* Escapes a path as /proc/self/maps does. */
static void print_path(struct hp_text *t, const char *path)
{
	for (; *path; path++)
		if (*path == '\n')
			hp_text_string(t, "\\012");
		else
			hp_text_char(t, *path);
}

static void print_range(struct hp_text *t, uintptr_t start, uintptr_t size, uintptr_t offset,
			const char *path, bool is_deleted)
{
	hp_text_hex(t, start);
	hp_text_char(t, '-');
	hp_text_hex(t, start + size);
	hp_text_string(t, " r-xp ");
	hp_text_hex(t, offset);
	hp_text_string(t, " 00:00 0 ");
	print_path(t, path);
	hp_text_string(t, is_deleted ? " (deleted)\n" : "\n");
}

/* Prints all of the line but the path. Returns false if there is nothing to print. */
static bool print_build_id(struct hp_text *t, const struct hp_module *m, size_t path_size)
{
	if (m->build_id_size == 0 || path_size == 0)
		return false;
	hp_text_string(t, "# buildid: ");
	hp_text_hex_bytes(t, m->build_id, m->build_id_size);
	hp_text_char(t, ' ');
	return true;
}

static void print_own_build_id(struct hp_text *t, const struct hp_module *m)
{
	if (!print_build_id(t, m, strlen(m->path)))
		return;
	print_path(t, m->path);
	hp_text_char(t, '\n');
}

/* The path is as the kernel has escaped it. */
static void print_mapped_build_id(struct hp_text *t, const struct hp_module *m,
				  const struct hp_maps_entry *entry)
{
	if (!print_build_id(t, m, entry->path_size))
		return;
	hp_text_bytes(t, entry->path, entry->path_size);
	hp_text_char(t, '\n');
}

static const struct hp_module *find_permanent(const struct hp_dump_content *c,
					      const struct hp_maps_entry *entry)
{
	for (size_t i = 0; i < c->n_permanent; i++) {
		const struct hp_module *m = permanent_at(c, i);

		if (m->code_start >= entry->start && m->code_start < entry->end)
			return m;
	}
	return NULL;
}

struct map_printing {
	struct hp_text *text;
	const struct hp_dump_content *content;
	uintptr_t end; /* of the last mapping that was printed */
};

/* The build ID follows its mapping, under the path that the mapping has: readers match the two by
 * name, and the loader's own name for a library may lead through symbolic links. */
static bool print_mapping(const struct hp_maps_entry *entry, void *context)
{
	struct map_printing *printing = context;
	struct hp_text *t = printing->text;
	const struct hp_module *m =
		entry->is_executable ? find_permanent(printing->content, entry) : NULL;

	if (!entry->is_executable)
		return true;
	printing->end = entry->end;
	hp_text_bytes(t, entry->line, entry->line_size);
	hp_text_char(t, '\n');
	if (m && entry->path)
		print_mapped_build_id(t, m, entry);
	else if (m)
		print_own_build_id(t, m);
	return true;
}

static void print_module(struct hp_text *t, const struct hp_module *m, uintptr_t address)
{
	print_range(t, address, m->code_end - m->code_start, m->code_offset, m->path,
		    m->is_deleted);
	print_own_build_id(t, m);
}

/* Prints the permanent modules above the last mapping that could be read. */
static void print_known_modules(const struct map_printing *printing)
{
	for (size_t i = 0; i < printing->content->n_permanent; i++) {
		const struct hp_module *m = permanent_at(printing->content, i);

		if (m->code_start >= printing->end)
			print_module(printing->text, m, m->code_start);
	}
}

static void print_numbered_modules(struct hp_text *t, struct elsewhere *elsewhere)
{
	size_t n = elsewhere->content->source->count_numbered(elsewhere->content->source);

	for (size_t i = 1; i <= n; i++) {
		const struct hp_module *m = numbered_at(elsewhere->content, i);

		if (m)
			print_module(t, m, module_address(elsewhere, m));
	}
}

static bool has_folded(const struct hp_dump_content *copy)
{
	for (size_t i = 0; i < copy->n_entries; i++)
		if (!copy->entries[i].frames &&
		    hp_stacks_key_level(copy->entries[i].key) >= copy->level)
			return true;
	return false;
}

static void print_libraries(struct hp_text *t, const struct hp_dump_content *copy,
			    struct elsewhere *elsewhere)
{
	struct map_printing printing = {.text = t, .content = copy};

	hp_text_string(t, "\nMAPPED_LIBRARIES:\n");
	if (!visit_maps(copy, print_mapping, &printing))
		print_known_modules(&printing);
	print_numbered_modules(t, elsewhere);
	if (has_folded(copy))
		print_range(t, base_of(elsewhere), FOLDED_SIZE, 0, "(evicted)", false);
}

void hp_dump_text_print(struct hp_text *t, const struct hp_dump_content *c,
			struct hp_dump_summary *out)
{
	struct elsewhere elsewhere = {.content = c};

	*out = add_up(c);
	out->program_bytes = c->allocated_bytes;
	out->n_dropped = c->n_dropped + c->n_missing;
	out->sample_interval = c->sample_interval;
	print_header(t, out);
	print_metadata(t, c, out);
	print_records(t, c, &elsewhere);
	print_libraries(t, c, &elsewhere);
	hp_text_string(t, "# end\n");
}
