/* SPDX-License-Identifier: MIT */
/* From glibc 2.34 on, the C library describes its structs by symbols, as libthread_db needs them:
 * _thread_db_STRUCT_FIELD is three words, of which the last is the offset. Before, only libpthread
 * has them, not all programs have that, and no dynamic symbols lead to them. So there the fields of
 * a library are found by what must be in them; those of a thread are where all these versions have
 * them. Both are checked on a thread of the process before they are used. */
#include "inject/thread_layout.h"
#include "inject/image.h"
#include <string.h>

enum {
	LIBRARIES_MAX = 4096,
	LIBRARY_WORDS = 144, /* of a struct link_map */
	KEYS_BYTES = 16384,  /* 1,024 keys of two words */
};

/* The loader's struct r_debug has the list in its second word. */
static bool read_libraries(struct hp_target *t, uint64_t *out)
{
	uint64_t debug = hp_image_find_symbol(t, "_r_debug");

	return debug && hp_target_read(t, debug + sizeof(uint64_t), out, sizeof(*out)) && *out;
}

/* --- glibc 2.34 and newer ------------------------------------------------------------------ */

static bool read_offset(struct hp_target *t, const char *name, uint64_t *out)
{
	uint64_t address = hp_image_find_symbol(t, name);
	uint32_t description[3]; /* bits, number, offset */

	if (!address || !hp_target_read(t, address, description, sizeof(description)))
		return false;
	*out = description[2];
	return description[2] < HP_THREAD_BLOCK_MAX;
}

static bool read_size(struct hp_target *t, const char *name, uint64_t *out)
{
	uint64_t address = hp_image_find_symbol(t, name);
	uint32_t size;

	if (!address || !hp_target_read(t, address, &size, sizeof(size)))
		return false;
	*out = size;
	return size < HP_THREAD_BLOCK_MAX;
}

/* A key and a value are two words each, in all versions: the code relies on it. */
static bool read_keys(struct hp_target *t, struct hp_thread_layout *out)
{
	uint64_t key_size, value_size;

	out->keys = hp_image_find_symbol(t, "__pthread_keys");
	return out->keys && read_offset(t, "_thread_db_pthread_specific", &out->specific) &&
	       read_size(t, "_thread_db_sizeof_pthread_key_struct", &key_size) &&
	       read_size(t, "_thread_db_sizeof_pthread_key_data", &value_size) && key_size == 16 &&
	       value_size == 16;
}

static bool read_described(struct hp_target *t, struct hp_thread_layout *out)
{
	uint64_t block_size;

	return read_offset(t, "_thread_db_link_map_l_tls_offset", &out->tls_offset) &&
	       read_offset(t, "_thread_db_link_map_l_tls_modid", &out->tls_number) &&
	       read_offset(t, "_thread_db_pthread_tid", &out->thread_id) &&
	       read_size(t, "_thread_db_sizeof_pthread", &block_size) && read_keys(t, out);
}

/* Restartable sequences are new in glibc 2.35: without one, nothing has failed. From glibc 2.41 on
 * they are below the thread pointer. */
static int64_t read_rseq(struct hp_target *t)
{
	uint64_t offset_at = hp_image_find_symbol(t, "__rseq_offset");
	int64_t offset;

	if (!offset_at || !hp_target_read(t, offset_at, &offset, sizeof(offset)))
		return 0;
	return offset < HP_THREAD_BLOCK_MAX && offset > -HP_THREAD_BLOCK_MAX ? offset : 0;
}

/* --- glibc before 2.34 --------------------------------------------------------------------- */

struct library { /* the start of struct link_map */
	uint64_t bias, name, dynamic, next;
};

/* The loader's notes on a library's thread-local data are seven words in a row: the address of the
 * initial contents, their size, the size of the block, its alignment, an offset in it, the distance
 * to the thread pointer, and the number. The program header has the first four. */
static bool find_fields(struct hp_target *t, uint64_t at, const struct library *library,
			struct hp_thread_layout *out)
{
	uint64_t words[LIBRARY_WORDS];
	const ElfW(Phdr) * tls;
	struct hp_image image;

	if (!hp_image_at(t, library->dynamic, &image))
		return false;
	tls = hp_image_segment(&image, PT_TLS);
	if (!tls || !hp_target_read(t, at, words, sizeof(words)))
		return false;
	const uint64_t known[] = {image.bias + tls->p_vaddr, tls->p_filesz, tls->p_memsz,
				  tls->p_align};

	for (size_t i = 0; i + 7 <= LIBRARY_WORDS; i++)
		if (memcmp(&words[i], known, sizeof(known)) == 0) {
			out->tls_offset = (i + 5) * sizeof(words[0]);
			out->tls_number = (i + 6) * sizeof(words[0]);
			return true;
		}
	return false;
}

static bool find_fields_of_any(struct hp_target *t, struct hp_thread_layout *out)
{
	uint64_t at = out->libraries;
	struct library library;

	for (int i = 0; at && i < LIBRARIES_MAX; i++, at = library.next) {
		if (!hp_target_read(t, at, &library, sizeof(library)))
			return false;
		if (find_fields(t, at, &library, out))
			return true;
	}
	return false;
}

/* No symbol leads to the keys, but pthread_key_delete() begins with their address. Without
 * libpthread there are none. */
static bool find_keys(struct hp_target *t, struct hp_thread_layout *out)
{
	uint64_t function = hp_image_find_symbol(t, "pthread_key_delete");
	const struct hp_target_mapping *m;

	out->keys = function ? hp_thread_layout_first_address(t, function) : 0;
	out->specific = hp_thread_layout_old_specific;
	m = hp_target_mapping_at(t, out->keys);
	return !function ||
	       (m && m->is_writable && hp_target_mapping_at(t, out->keys + KEYS_BYTES - 1));
}

static bool find_undescribed(struct hp_target *t, struct hp_thread_layout *out)
{
	out->thread_id = hp_thread_layout_old_id;
	return find_fields_of_any(t, out) && find_keys(t, out);
}

int hp_thread_read_layout(struct hp_target *t, struct hp_thread_layout *out)
{
	*out = (struct hp_thread_layout){.rseq = read_rseq(t)};
	if (read_libraries(t, &out->libraries) &&
	    (read_described(t, out) || find_undescribed(t, out)))
		return 0;
	return hp_target_error(t, "no thread can be made in it: it has no C library that is known "
				  "here, as a static program has not, or one with another libc");
}
