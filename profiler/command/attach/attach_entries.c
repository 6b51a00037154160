/* SPDX-License-Identifier: MIT */
#include "command/attach/attach_entries.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "inject/file_symbols.h"
#include "inject/thread.h"

enum {
	LIBRARIES_MAX = 10000, /* a list that is longer goes in a circle */
	LAST_NEEDED = HP_ATTACHED_REALLOC,
	NAME_MAX_SIZE = 64,
};

static const char *const names[HP_ATTACHED_N_FUNCTIONS] = HP_ATTACHED_NAMES;

/* Before the names of C: jemalloc is built with "je_" into redis and others, and with "_rjem_" into
 * programs of Rust. */
static const char *const prefixes[] = {"", "je_", "_rjem_"};

#define N_PREFIXES (sizeof(prefixes) / sizeof(prefixes[0]))

const char *attach_entry_name(size_t function)
{
	return names[function];
}

/* --- the loader's list --------------------------------------------------------------------- */

struct library { /* the first fields of the loader's struct link_map */
	uint64_t bias, name, dynamic, next;
};

/* Finds the first library in the loader's order that defines a symbol; any defines NULL. The
 * program is the first of all. */
static bool find_first(struct hp_target *t, const char *symbol, struct hp_image *out)
{
	struct hp_thread_layout layout;
	struct library library;
	uint64_t at;

	if (hp_thread_read_layout(t, &layout))
		return false;
	at = layout.libraries;
	for (size_t i = 0; at && i < LIBRARIES_MAX; i++, at = library.next) {
		if (!hp_target_read(t, at, &library, sizeof(library)))
			return false;
		if (hp_image_at(t, library.dynamic, out) &&
		    (!symbol || hp_image_symbol(t, out, symbol, NULL)))
			return true;
	}
	return false;
}

/* --- entries ------------------------------------------------------------------------------- */

static bool is_known(const struct attach_entries *entries, size_t n, uint64_t address)
{
	for (size_t i = 0; i < n; i++)
		if (entries->at[i] == address)
			return true;
	return false;
}

/* The names of C++ operators have no prefix. */
static const char *name_with(const char *prefix, size_t i, char out[NAME_MAX_SIZE])
{
	if (!*prefix || strncmp(names[i], "_Z", 2) == 0)
		return names[i];
	snprintf(out, NAME_MAX_SIZE, "%s%s", prefix, names[i]);
	return out;
}

static void add_functions(struct hp_target *t, struct attach_entries *entries,
			  const struct hp_image *image, const char *prefix, size_t first,
			  size_t end)
{
	for (size_t i = first; i < end; i++) {
		char room[NAME_MAX_SIZE];
		const char *name = name_with(prefix, i, room);
		uint64_t address = hp_image_symbol(t, image, name, &entries->size[i]);

		if (!is_known(entries, i, address))
			entries->at[i] = address;
	}
}

static bool has_all_needed(const struct attach_entries *entries)
{
	for (size_t i = 0; i <= LAST_NEEDED; i++)
		if (!entries->at[i])
			return false;
	return true;
}

/* Adds functions that the allocator does not export: some allocators are linked into the program.
 */
static void add_file_functions(struct hp_target *t, struct attach_entries *entries,
			       const char *prefix)
{
	struct hp_file_symbol symbols[HP_ATTACHED_N_OF_ALLOCATOR];
	char rooms[HP_ATTACHED_N_OF_ALLOCATOR][NAME_MAX_SIZE];

	for (size_t i = 0; i < HP_ATTACHED_N_OF_ALLOCATOR; i++)
		symbols[i].name = name_with(prefix, i, rooms[i]);
	hp_file_symbols_find(t, &entries->allocator, symbols, HP_ATTACHED_N_OF_ALLOCATOR);
	for (size_t i = 0; i < HP_ATTACHED_N_OF_ALLOCATOR; i++) {
		if (entries->at[i] ||
		    is_known(entries, HP_ATTACHED_N_OF_ALLOCATOR, symbols[i].address))
			continue;
		entries->at[i] = symbols[i].address;
		entries->size[i] = symbols[i].size;
	}
}

/* Returns the prefix with which the program has its own malloc(), or NULL. */
static const char *find_prefix(struct hp_target *t, const struct hp_image *program)
{
	struct hp_file_symbol symbols[N_PREFIXES];
	char rooms[N_PREFIXES][NAME_MAX_SIZE];

	for (size_t i = 0; i < N_PREFIXES; i++)
		symbols[i].name = name_with(prefixes[i], HP_ATTACHED_MALLOC, rooms[i]);
	hp_file_symbols_find(t, program, symbols, N_PREFIXES);
	for (size_t i = 0; i < N_PREFIXES; i++)
		if (symbols[i].address || hp_image_symbol(t, program, symbols[i].name, NULL))
			return prefixes[i];
	return NULL;
}

/* Finds an allocator in the program that it keeps for itself: the libraries have another one. */
static bool find_in_program(struct hp_target *t, struct attach_entries *out)
{
	if (!find_first(t, NULL, &out->allocator) ||
	    hp_image_symbol(t, &out->allocator, "malloc", NULL))
		return false;
	out->own_prefix = find_prefix(t, &out->allocator);
	if (out->own_prefix) {
		add_functions(t, out, &out->allocator, out->own_prefix, 0,
			      HP_ATTACHED_N_OF_ALLOCATOR);
		add_file_functions(t, out, out->own_prefix);
		if (has_all_needed(out))
			return true;
	}
	*out = (struct attach_entries){0};
	return false;
}

static bool find_exported(struct hp_target *t, struct attach_entries *out)
{
	if (!find_first(t, "malloc", &out->allocator))
		return false;
	add_functions(t, out, &out->allocator, "", 0, HP_ATTACHED_N_OF_ALLOCATOR);
	if (!hp_image_symbol(t, &out->allocator, "__libc_start_main", NULL))
		add_file_functions(t, out, "");
	return true;
}

int attach_entries_find(struct hp_target *t, struct attach_entries *out)
{
	struct hp_image c_library;

	*out = (struct attach_entries){0};
	if (!find_in_program(t, out) && !find_exported(t, out))
		return hp_target_error(t, "has no allocator that can be found: no library in it "
					  "defines malloc; start it by heapprof run instead");
	out->has_library = hp_image_symbol(t, &out->allocator, "heapprof_view", NULL) != 0;
	if (out->has_library)
		return hp_target_error(t, "has libheapprof since its start, so there is nothing to "
					  "attach; let it call HeapProfilerStart(), or restart it "
					  "with heapprof run");
	for (size_t i = 0; i <= LAST_NEEDED; i++)
		if (!out->at[i])
			return hp_target_error(t,
					       "has an allocator without %s; only those that "
					       "define all of malloc, free, calloc and realloc "
					       "are supported",
					       names[i]);
	if (find_first(t, "__libc_start_main", &c_library))
		add_functions(t, out, &c_library, "", HP_ATTACHED_N_OF_ALLOCATOR,
			      HP_ATTACHED_N_FUNCTIONS);
	return 0;
}
