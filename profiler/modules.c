/* SPDX-License-Identifier: MIT */
#include "modules.h"
#include "arena.h"
#include "elf_image.h"
#include "maps.h"
#include "sys.h"
#include "text.h"
#include <link.h>
#include <string.h>

#define PERMANENT_MAX 1024
#define NUMBERED_MAX  4096
#define PATH_LIMIT    4096
#define GAP           4096

static struct hp_arena arena;
static struct hp_module permanent[PERMANENT_MAX]; /* untouched pages cost nothing */
static size_t n_permanent;
static struct hp_module *numbered[NUMBERED_MAX]; /* entry i has number i + 1 */
static size_t n_numbered;
static uintptr_t n_code_bytes; /* of all of them, and the gaps */
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

/* program = the first that dl_iterate_phdr shows; its name is empty there */
static int note_permanent(struct dl_phdr_info *info, size_t size, void *context)
{
	char path[PATH_LIMIT];

	if (n_permanent == PERMANENT_MAX)
		return 1;
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

void hp_modules_init(void)
{
	dl_iterate_phdr(note_permanent, NULL);
}

size_t hp_modules_n_permanent(void)
{
	return n_permanent;
}

const struct hp_module *hp_modules_get_permanent(size_t i)
{
	return &permanent[i];
}

static bool is_permanent(const struct dl_find_object *object)
{
	uintptr_t start = (uintptr_t)object->dlfo_map_start;

	for (size_t i = 0; i < n_permanent; i++)
		if (start >= permanent[i].start && start < permanent[i].end)
			return true;
	return false;
}

static bool is_same_image(const struct hp_module *a, const struct hp_module *b)
{
	return a->start == b->start && a->end == b->end && a->build_id_size == b->build_id_size &&
	       memcmp(a->build_id, b->build_id, a->build_id_size) == 0;
}

/* A path is compared where there is no build ID to tell two libraries apart. */
static bool is_same_module(const struct hp_module *a, const struct hp_module *b)
{
	return is_same_image(a, b) && (a->build_id_size > 0 || strcmp(a->path, b->path) == 0);
}

/* The loader's name may lead through symbolic links, or be relative. */
static void read_path(const struct hp_module *m, const struct dl_find_object *object, char *out,
		      size_t size)
{
	struct hp_text t = {.buffer = out, .size = size};

	if (hp_maps_find_path(m->code_start, out, size))
		return;
	hp_text_string(&t, object->dlfo_link_map ? object->dlfo_link_map->l_name : "");
	hp_text_terminate(&t);
}

static size_t find_numbered(const struct hp_module *wanted)
{
	for (size_t i = 0; i < n_numbered; i++)
		if (is_same_module(numbered[i], wanted))
			return i + 1;
	return 0;
}

static uint16_t add_numbered(const struct hp_module *m)
{
	hp_handle piece = n_numbered < NUMBERED_MAX ? hp_arena_alloc(&arena, sizeof(*m)) : 0;

	if (!piece)
		return HP_MODULE_UNKNOWN;
	struct hp_module *copy = hp_arena_at(&arena, piece);

	*copy = *m;
	copy->path = keep_string(m->path);
	n_code_bytes += GAP;
	copy->code_before = n_code_bytes;
	n_code_bytes += copy->code_end - copy->code_start;
	numbered[n_numbered] = copy;
	__atomic_store_n(&n_numbered, n_numbered + 1, __ATOMIC_RELEASE);
	return n_numbered;
}

uint16_t hp_modules_identify(const struct dl_find_object *object)
{
	struct hp_module m;
	char path[PATH_LIMIT];

	if (is_permanent(object))
		return HP_MODULE_PERMANENT;
	if (!hp_elf_image_read((uintptr_t)object->dlfo_map_start, &m))
		return HP_MODULE_UNKNOWN;
	m.end = (uintptr_t)object->dlfo_map_end;
	if (!hp_lock_acquire(&numbering_lock))
		return HP_MODULE_UNKNOWN;
	m.path = "";
	size_t number = m.build_id_size > 0 ? find_numbered(&m) : 0;

	if (number == 0) {
		read_path(&m, object, path, sizeof(path));
		m.path = path;
		if (m.build_id_size == 0)
			number = find_numbered(&m);
	}
	if (number == 0)
		number = add_numbered(&m);
	hp_lock_release(&numbering_lock);
	return number;
}

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
		__atomic_add_fetch(&epoch, 1, __ATOMIC_SEQ_CST); /* 0 has a meaning of its own */
	__atomic_sub_fetch(&n_unloading, 1, __ATOMIC_SEQ_CST);
}

size_t hp_modules_n_numbered(void)
{
	return __atomic_load_n(&n_numbered, __ATOMIC_ACQUIRE);
}

const struct hp_module *hp_modules_get(uint16_t number)
{
	return number >= 1 && number <= hp_modules_n_numbered() ? numbered[number - 1] : NULL;
}

void hp_modules_after_fork(void)
{
	hp_lock_release(&numbering_lock);
	hp_lock_release(&arena.lock);
	n_unloading = 0;
}
