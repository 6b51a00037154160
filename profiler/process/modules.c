/* SPDX-License-Identifier: MIT */
#include "process/modules.h"
#include "base/arena.h"
#include "base/sys.h"
#include "base/text.h"
#include "process/elf_image.h"
#include "process/maps.h"
#include "process/places.h"
#include <link.h>
#include <string.h>

#define PATH_LIMIT 4096
#define GAP        4096

enum {
	PERMANENT_MAX = 1024,
	NEEDED_MAX = 4096,
	NUMBERED_MAX = HP_MODULE_POOL - 1,
	NUMBERED_A_PIECE = 128,
	N_PIECES = NUMBERED_MAX / NUMBERED_A_PIECE + 1,
	BUCKET_BITS = 10
};

/* A library with a number. It is never removed, because records refer to it. */
struct numbered {
	struct hp_module module;
	uint16_t next;   /* the number of the next library in its bucket; 0: none */
	uint16_t places; /* the list, as in places.h, of places where it is or was mapped */
};

_Static_assert(NUMBERED_A_PIECE * sizeof(struct numbered) <= HP_ARENA_PIECE_MAX, "a piece fits");

static struct hp_arena arena;
static struct hp_module permanent[PERMANENT_MAX]; /* untouched pages cost nothing */
static size_t n_permanent;
static struct numbered *pieces[N_PIECES]; /* library i is entry i; 0 is never used */
static uint16_t n_numbered;
static uint16_t buckets[1 << BUCKET_BITS]; /* the first library in each; 0: none */
static uintptr_t n_code_bytes; /* code bytes of all numbered libraries, and the gaps between them */
static struct hp_lock numbering_lock;
static uint32_t epoch = 1;
static uint32_t n_unloading;

static const char *keep_string(const char *string)
{
	size_t size = strlen(string) + 1;
	hp_handle piece = hp_arena_alloc(&arena, size <= PATH_LIMIT ? size : PATH_LIMIT);

	if (!piece)
		return "";
	char *copy = hp_arena_at(&arena, piece);

	memcpy(copy, string, size <= PATH_LIMIT ? size : PATH_LIMIT - 1);
	return copy;
}

/* The names of libraries that permanent modules need, in memory of these modules. */
struct needed {
	const char *names[NEEDED_MAX];
	size_t n;
};

/* Tables of a module's dynamic section. */
struct dynamic {
	const ElfW(Dyn) * entries;
	const char *strings;
};

static struct dynamic dynamic_of(const struct dl_phdr_info *info)
{
	struct dynamic d = {0};

	for (size_t i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
			d.entries = (void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
	for (const ElfW(Dyn) *e = d.entries; e && e->d_tag != DT_NULL; e++)
		if (e->d_tag == DT_STRTAB) /* the loader has added the load address to it, except in
					      the kernel's own object */
			d.strings = (const char *)(e->d_un.d_ptr < info->dlpi_addr
							   ? e->d_un.d_ptr + info->dlpi_addr
							   : e->d_un.d_ptr);
	return d;
}

static bool is_needed_name(const struct needed *needed, const char *name)
{
	for (size_t i = 0; i < needed->n; i++)
		if (strcmp(needed->names[i], name) == 0)
			return true;
	return false;
}

/* The loader knows a library by the path by which it was opened, and by its own name. */
static bool is_needed(const struct needed *needed, const struct dl_phdr_info *info,
		      const struct dynamic *d)
{
	const char *slash = strrchr(info->dlpi_name, '/');

	for (const ElfW(Dyn) *e = d->entries; e && d->strings && e->d_tag != DT_NULL; e++)
		if (e->d_tag == DT_SONAME && is_needed_name(needed, d->strings + e->d_un.d_val))
			return true;
	return is_needed_name(needed, info->dlpi_name) ||
	       (slash && is_needed_name(needed, slash + 1));
}

static void add_needed(struct needed *needed, const struct dynamic *d)
{
	for (const ElfW(Dyn) *e = d->entries; e && d->strings && e->d_tag != DT_NULL; e++)
		if (e->d_tag == DT_NEEDED && needed->n < NEEDED_MAX)
			needed->names[needed->n++] = d->strings + e->d_un.d_val;
}

/* Notes one permanent module. dl_iterate_phdr() reports the program first, with an empty name, and
 * libraries in the order in which they were loaded, so those that need others come before them. */
static int note_permanent(struct dl_phdr_info *info, size_t size, void *context)
{
	struct needed *needed = context; /* NULL: all are permanent */
	char path[PATH_LIMIT];

	if (n_permanent == PERMANENT_MAX)
		return 1;
	if (needed) {
		struct dynamic d = dynamic_of(info);

		if (n_permanent > 0 && !is_needed(needed, info, &d))
			return 0;
		add_needed(needed, &d);
	}
	struct hp_module *m = &permanent[n_permanent];

	if (!hp_elf_image_describe(info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum, m))
		return 0;
	if (n_permanent == 0) {
		long n = hp_sys_readlink("/proc/self/exe", path, sizeof(path) - 1);

		path[n > 0 ? n : 0] = '\0';
	}
	m->path = keep_string(n_permanent == 0 && path[0] ? path : info->dlpi_name);
	n_permanent++;
	return 0;
}

void hp_modules_init(bool is_late)
{
	struct needed needed = {.n = 0};

	dl_iterate_phdr(note_permanent, is_late ? &needed : NULL);
}

size_t hp_modules_n_permanent(void)
{
	return n_permanent;
}

const struct hp_module *hp_modules_get_permanent(size_t i)
{
	return &permanent[i];
}

static bool is_permanent(const struct hp_loaded *object)
{
	uintptr_t start = object->start;

	for (size_t i = 0; i < n_permanent; i++)
		if (start >= permanent[i].start && start < permanent[i].end)
			return true;
	return false;
}

/* --- numbers ------------------------------------------------------------------------------- */

static struct numbered *numbered_at(uint16_t number)
{
	return &pieces[number / NUMBERED_A_PIECE][number % NUMBERED_A_PIECE];
}

static bool is_same_layout(const struct hp_module *a, const struct hp_module *b)
{
	return a->end - a->start == b->end - b->start &&
	       a->code_start - a->start == b->code_start - b->start &&
	       a->code_end - a->code_start == b->code_end - b->code_start &&
	       a->code_offset == b->code_offset;
}

static bool is_same_library(const struct hp_module *a, const struct hp_module *b)
{
	if (!is_same_layout(a, b) || a->build_id_size != b->build_id_size)
		return false;
	if (a->build_id_size > 0)
		return memcmp(a->build_id, b->build_id, a->build_id_size) == 0;
	return a->file_id == b->file_id && strcmp(a->path, b->path) == 0;
}

/* Returns the bucket of a module. Modules that may be the same file have the same bucket. */
static uint16_t *bucket_of_module(const struct hp_module *m)
{
	uint64_t key;

	memcpy(&key, m->build_id, sizeof(key)); /* zeroes if there is no build ID */
	key ^= (m->code_end - m->code_start) ^ m->code_offset;
	return &buckets[key * 0x9e3779b97f4a7c15ull >> (64 - BUCKET_BITS)];
}

static uint16_t find_file(const struct hp_module *wanted)
{
	uint16_t i = *bucket_of_module(wanted);

	while (i != 0 && !is_same_library(&numbered_at(i)->module, wanted))
		i = numbered_at(i)->next;
	return i;
}

/* Returns the number of a library without a build ID that was already at this address in this
 * epoch, or 0 if there is none. Such a library is still there, so its path need not be read
 * again. */
static uint16_t find_by_place(const struct hp_module *wanted, uint32_t now)
{
	uint16_t i = *bucket_of_module(wanted);

	while (i != 0 && !(numbered_at(i)->module.build_id_size == 0 &&
			   is_same_layout(&numbered_at(i)->module, wanted) &&
			   hp_places_has(numbered_at(i)->places, wanted->code_start, now)))
		i = numbered_at(i)->next;
	return i;
}

/* Sets the module's path and file ID. The path comes from /proc if possible, because the loader's
 * name may lead through symbolic links, or be relative. */
static void read_path(struct hp_module *m, const struct hp_loaded *object, char *out, size_t size)
{
	struct hp_text t = {.buffer = out, .size = size};
	uint64_t file_id = 0;

	m->path = out;
	if (!hp_maps_find_file(m->code_start, out, size, &file_id)) {
		hp_text_string(&t, object->name);
		hp_text_terminate(&t);
	}
	m->file_id = m->build_id_size > 0 ? 0 : file_id;
}

static bool has_room_for(uint16_t number)
{
	hp_handle piece;

	if (pieces[number / NUMBERED_A_PIECE])
		return true;
	piece = hp_arena_alloc(&arena, NUMBERED_A_PIECE * sizeof(struct numbered));
	if (piece)
		pieces[number / NUMBERED_A_PIECE] = hp_arena_at(&arena, piece);
	return piece;
}

/* Adds a library and returns its number. Returns 0 if there is no memory, or no number is left. A
 * fork may happen at any line, and the child goes on with what has been stored by then. */
static uint16_t add_file(const struct hp_module *m)
{
	uint16_t number = n_numbered + 1, *bucket = bucket_of_module(m);

	if (number == HP_MODULE_UNKNOWN || !has_room_for(number))
		return 0;
	struct numbered *new = numbered_at(number);

	new->module = *m;
	new->module.path = keep_string(m->path);
	n_code_bytes += GAP;
	new->module.code_before = n_code_bytes;
	n_code_bytes += m->code_end - m->code_start;
	__atomic_store_n(&n_numbered, number, __ATOMIC_RELEASE);
	new->next = *bucket;
	__atomic_store_n(bucket, number, __ATOMIC_RELEASE);
	return number;
}

/* Returns the library's number, which may be new, or 0 as add_file() does. Call it under the
 * lock. */
static uint16_t number_of(struct hp_module *m, const struct hp_loaded *object, uint32_t now)
{
	char path[PATH_LIMIT];
	bool has_build_id = m->build_id_size > 0;
	uint16_t number = has_build_id ? find_file(m) : find_by_place(m, now);

	if (number == 0) {
		read_path(m, object, path, sizeof(path));
		number = has_build_id ? 0 : find_file(m);
	}
	number = number ? number : add_file(m);
	m->path = ""; /* add_file() has made a copy of the path */
	return number;
}

static uint16_t place_of(struct hp_module *m, const struct hp_loaded *object, uintptr_t ip,
			 uint64_t *out_frame)
{
	uint32_t now = __atomic_load_n(&epoch, __ATOMIC_ACQUIRE);
	uint16_t number = number_of(m, object, now);
	struct hp_range range = {m->code_start, m->code_end, number};

	if (number == 0)
		return HP_PLACE_UNKNOWN;
	*out_frame = hp_frame_make(ip + 1 - m->code_start, number);
	return hp_places_take(&arena, &numbered_at(number)->places, &range, now);
}

uint16_t hp_modules_identify(const struct hp_loaded *object, uintptr_t ip, uint64_t *out_frame)
{
	struct hp_module m;
	uint16_t place;

	if (is_permanent(object)) {
		*out_frame = hp_frame_make(ip + 1, HP_MODULE_PERMANENT);
		return HP_PLACE_FIXED;
	}
	*out_frame = hp_frame_make(ip + 1, HP_MODULE_UNKNOWN);
	if (!hp_elf_image_read(object->start, &m) || ip < m.code_start || ip >= m.code_end)
		return HP_PLACE_UNKNOWN;
	m.end = object->end;
	if (!hp_lock_acquire(&numbering_lock))
		return HP_PLACE_UNKNOWN;
	place = place_of(&m, object, ip, out_frame);
	hp_lock_release(&numbering_lock);
	return place;
}

size_t hp_modules_n_numbered(void)
{
	return __atomic_load_n(&n_numbered, __ATOMIC_ACQUIRE);
}

const struct hp_module *hp_modules_get(uint16_t number)
{
	return number >= 1 && number <= hp_modules_n_numbered() ? &numbered_at(number)->module
								: NULL;
}

static bool is_deleted_path(const char *path, size_t size, const char *name)
{
	static const char suffix[] = " (deleted)";
	size_t n = strlen(name);

	return size == n + sizeof(suffix) - 1 && memcmp(path, name, n) == 0 &&
	       memcmp(path + n, suffix, sizeof(suffix) - 1) == 0;
}

void hp_modules_note_deleted(uintptr_t start, const char *path, size_t path_size)
{
	for (size_t i = 1; i <= hp_modules_n_numbered(); i++) {
		struct numbered *n = numbered_at((uint16_t)i);

		if (n->module.build_id_size == 0 &&
		    is_deleted_path(path, path_size, n->module.path) &&
		    hp_places_has(__atomic_load_n(&n->places, __ATOMIC_ACQUIRE), start,
				  0 /* any epoch */))
			n->module.is_deleted = true;
	}
}

/* --- epochs -------------------------------------------------------------------------------- */

uint32_t hp_modules_epoch(void)
{
	if (__atomic_load_n(&n_unloading, __ATOMIC_ACQUIRE) > 0)
		return 0;
	return __atomic_load_n(&epoch, __ATOMIC_ACQUIRE);
}

void hp_modules_unload_begin(void)
{
	__atomic_add_fetch(&n_unloading, 1, __ATOMIC_SEQ_CST);
}

void hp_modules_unload_end(void)
{
	if (__atomic_add_fetch(&epoch, 1, __ATOMIC_SEQ_CST) == 0)
		__atomic_add_fetch(&epoch, 1, __ATOMIC_SEQ_CST); /* skip epoch 0: it means that a
								    library is being closed */
	__atomic_sub_fetch(&n_unloading, 1, __ATOMIC_SEQ_CST);
}

void hp_modules_after_fork(void)
{
	hp_lock_release(&numbering_lock);
	hp_lock_release(&arena.lock);
	n_unloading = 0;
}

const struct hp_view_row hp_modules_view[] = {
	HP_VIEW_ARRAY("modules.permanent", permanent),
	HP_VIEW_VARIABLE("modules.n_permanent", n_permanent),
	HP_VIEW_ARRAY("modules.pieces", pieces),
	HP_VIEW_VARIABLE("modules.n_numbered", n_numbered),
	HP_VIEW_CONSTANT("modules.a_piece", NUMBERED_A_PIECE),
	HP_VIEW_STRUCT("numbered", struct numbered),
	HP_VIEW_FIELD("numbered.module", struct numbered, module),
	HP_VIEW_FIELD("module.start", struct hp_module, start),
	HP_VIEW_FIELD("module.end", struct hp_module, end),
	HP_VIEW_FIELD("module.code_start", struct hp_module, code_start),
	HP_VIEW_FIELD("module.code_end", struct hp_module, code_end),
	HP_VIEW_FIELD("module.code_offset", struct hp_module, code_offset),
	HP_VIEW_FIELD("module.build_id_size", struct hp_module, build_id_size),
	HP_VIEW_FIELD("module.build_id", struct hp_module, build_id),
	HP_VIEW_FIELD("module.code_before", struct hp_module, code_before),
	HP_VIEW_FIELD("module.is_deleted", struct hp_module, is_deleted),
	HP_VIEW_FIELD("module.path", struct hp_module, path),
};
