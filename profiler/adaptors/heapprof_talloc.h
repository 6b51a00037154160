/* SPDX-License-Identifier: MIT */
/* Lets a program that uses talloc report its chunks to heapprof, as objects of their parents: see
 * heapprof_pool(3). A pool's name is made of talloc's names, as in "server/request". Include this
 * after <talloc.h>, in the files that allocate and free:
 *
 *	talloc(), talloc_size(), talloc_new(), talloc_zero(), talloc_array(), talloc_memdup(),
 *	talloc_strdup(), talloc_strndup(), talloc_asprintf()	an object
 *	talloc_realloc()                                     	its end, and the object in its place
 *	talloc_free(), talloc_free_children()                	the end of it and all that it holds
 *
 * Other functions of talloc are left as they are. A chunk that is stolen stays an object of its
 * first parent. */
#ifndef HEAPPROF_TALLOC_H
#define HEAPPROF_TALLOC_H

#ifndef _GNU_SOURCE
#error "define _GNU_SOURCE first, for dl_iterate_phdr()"
#endif

#include <heapprof_pool.h>
#include <link.h>
#include <string.h>

#ifndef talloc
#error "include <talloc.h> first"
#endif

enum {
	HEAPPROF_TALLOC_PARENTS_MAX = 8, /* in a name; the outer ones are left out */
	HEAPPROF_TALLOC_NAME_MAX = 50,
	HEAPPROF_TALLOC_DEPTH_MAX = 1 << 20,
};

static inline size_t heapprof_talloc_describe(const void *pool, char *out, size_t size)
{
	const void *chain[HEAPPROF_TALLOC_PARENTS_MAX];
	size_t used = 0, n = 0;

	for (; pool && n < HEAPPROF_TALLOC_PARENTS_MAX; pool = talloc_parent(pool))
		chain[n++] = pool;
	while (n-- > 0 && used + HEAPPROF_TALLOC_NAME_MAX + 1 <= size) {
		const char *name = talloc_get_name(chain[n]);

		for (size_t i = 0; i < HEAPPROF_TALLOC_NAME_MAX && name[i]; i++)
			out[used++] = name[i] == '/' ? '_' : name[i];
		if (n > 0)
			out[used++] = '/';
	}
	return used;
}

/* The code of talloc, which calls malloc. */
__attribute__((weak, visibility("hidden"))) uintptr_t heapprof_talloc_code[3];
__attribute__((weak, visibility("hidden")))
const struct heapprof_pool_class heapprof_talloc_class = {
	sizeof(heapprof_talloc_class), "talloc", heapprof_talloc_describe, 0, heapprof_talloc_code};

static inline int heapprof_talloc_look(struct dl_phdr_info *object, size_t size, void *code)
{
	for (size_t i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &object->dlpi_phdr[i];
		uintptr_t start = object->dlpi_addr + h->p_vaddr;

		(void)size;
		if (h->p_type == PT_LOAD && (uintptr_t)code - start < h->p_memsz) {
			heapprof_talloc_code[1] = start + h->p_memsz;
			heapprof_talloc_code[0] = start;
			return 1;
		}
	}
	return 0;
}

__attribute__((constructor, unused)) static void heapprof_talloc_begin(void)
{
	heapprof_pools_find();
	if (!heapprof_pool_is_seen() || heapprof_talloc_code[0])
		return;
	dl_iterate_phdr(heapprof_talloc_look, dlsym(RTLD_DEFAULT, "talloc_named_const"));
	heapprof_pool_add_class(&heapprof_talloc_class);
}

HEAPPROF_POOL_INLINE void *heapprof_talloc_made(void *chunk)
{
	if (heapprof_pool_is_seen() && chunk)
		heapprof_pool_alloc(&heapprof_talloc_class, talloc_parent(chunk), chunk,
				    talloc_get_size(chunk));
	return chunk;
}

static inline void heapprof_talloc_end(const void *chunk, int depth, int max_depth,
				       int is_reference, void *kept)
{
	(void)depth;
	(void)max_depth;
	if (!is_reference && chunk != kept)
		heapprof_pool_free((void *)(uintptr_t)chunk);
}

/* Reports the end of a chunk and of all that it holds, but not of `kept`. */
HEAPPROF_POOL_INLINE void *heapprof_talloc_ends(void *chunk, void *kept)
{
	if (heapprof_pool_is_seen() && chunk)
		talloc_report_depth_cb(chunk, 0, HEAPPROF_TALLOC_DEPTH_MAX, heapprof_talloc_end,
				       kept);
	return chunk;
}

HEAPPROF_POOL_INLINE void *heapprof_talloc_moves(void *chunk)
{
	heapprof_pool_free(chunk);
	return chunk;
}

#define talloc_named_const(parent, size, name) \
	heapprof_talloc_made(talloc_named_const(parent, size, name))
#define _talloc_zero(parent, size, name) heapprof_talloc_made(_talloc_zero(parent, size, name))
#define _talloc_array(parent, size, n, name) \
	heapprof_talloc_made(_talloc_array(parent, size, n, name))
#define _talloc_zero_array(parent, size, n, name) \
	heapprof_talloc_made(_talloc_zero_array(parent, size, n, name))
#define _talloc_memdup(parent, from, size, name) \
	heapprof_talloc_made(_talloc_memdup(parent, from, size, name))
#define talloc_strdup(parent, text) ((char *)heapprof_talloc_made(talloc_strdup(parent, text)))
#define talloc_strndup(parent, text, n) \
	((char *)heapprof_talloc_made(talloc_strndup(parent, text, n)))
#define talloc_asprintf(parent, ...) \
	((char *)heapprof_talloc_made(talloc_asprintf(parent, __VA_ARGS__)))
#define _talloc_realloc(parent, chunk, size, name) \
	heapprof_talloc_made(_talloc_realloc(parent, heapprof_talloc_moves(chunk), size, name))
#define _talloc_realloc_array(parent, chunk, size, n, name) \
	heapprof_talloc_made(                               \
		_talloc_realloc_array(parent, heapprof_talloc_moves(chunk), size, n, name))
#define _talloc_free(chunk, place)   _talloc_free(heapprof_talloc_ends(chunk, NULL), place)
#define talloc_free_children(parent) heapprof_talloc_free_children(parent)

static inline void heapprof_talloc_free_children(void *parent)
{
	heapprof_talloc_ends(parent, parent);
	(talloc_free_children)(parent);
}

#endif
