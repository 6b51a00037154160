/* SPDX-License-Identifier: MIT */
/* Symbols are found by the table of hashes that the loader itself uses (DT_GNU_HASH): words, of
 * which the first four are the number of buckets, the first symbol that has a hash, and the number
 * and the shift of the filter's words; then the filter, the buckets, and a hash for each symbol,
 * whose last bit ends a chain. */
#include "inject/image.h"
#include <string.h>

enum {
	DYNAMIC_MAX = 256, /* entries */
	CHAIN_MAX = 4096,  /* symbols in one bucket */
	NAME_MAX_BYTES = 64,
};

struct symbols { /* addresses in the target */
	uint64_t names, table, hashes;
};

/* --- headers ---------------------------------------------------------------------------------- */

static bool read_headers(struct hp_target *t, struct hp_image *image)
{
	ElfW(Ehdr) header;

	if (!hp_target_read(t, image->start, &header, sizeof(header)) ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
	    header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_phentsize != sizeof(ElfW(Phdr)) ||
	    header.e_phnum == 0 || header.e_phnum > HP_IMAGE_HEADERS_MAX ||
	    header.e_phoff > UINT32_MAX)
		return false;
	image->n_headers = header.e_phnum;
	return hp_target_read(t, image->start + header.e_phoff, image->headers,
			      image->n_headers * sizeof(image->headers[0]));
}

/* The first segment begins with the ELF header. */
static bool find_bias(struct hp_image *image)
{
	for (size_t i = 0; i < image->n_headers; i++) {
		const ElfW(Phdr) *h = &image->headers[i];

		if (h->p_type != PT_LOAD)
			continue;
		image->bias = image->start - (h->p_vaddr - h->p_offset);
		return h->p_offset < 4096;
	}
	return false;
}

static bool read_image(struct hp_target *t, const struct hp_target_mapping *m, struct hp_image *out)
{
	out->start = m->start;
	return m->offset == 0 && m->is_readable && read_headers(t, out) && find_bias(out);
}

static bool is_same_file(const struct hp_target_mapping *a, const struct hp_target_mapping *b)
{
	return a->path && b->path && a->path_size == b->path_size &&
	       memcmp(a->path, b->path, a->path_size) == 0;
}

bool hp_image_at(struct hp_target *t, uint64_t address, struct hp_image *out)
{
	const struct hp_target_mapping *at = hp_target_mapping_at(t, address);

	if (!at || !at->path)
		return false;
	for (const struct hp_target_mapping *m = at;; m--) {
		if (m->offset == 0 && is_same_file(m, at))
			return read_image(t, m, out);
		if (m == t->mappings)
			return false;
	}
}

bool hp_image_next(struct hp_target *t, size_t *position, struct hp_image *out)
{
	while (*position < t->n_mappings) {
		const struct hp_target_mapping *m = &t->mappings[(*position)++];

		if (m->path && m->path[0] == '/' && m->is_private && read_image(t, m, out))
			return true;
	}
	return false;
}

const ElfW(Phdr) * hp_image_segment(const struct hp_image *image, uint32_t type)
{
	for (size_t i = 0; i < image->n_headers; i++)
		if (image->headers[i].p_type == type)
			return &image->headers[i];
	return NULL;
}

/* --- symbols ---------------------------------------------------------------------------------- */

/* The loader turns offsets in the dynamic section into addresses, though not in every image. */
static uint64_t pointer(const struct hp_image *image, uint64_t value)
{
	return value < image->bias ? value + image->bias : value;
}

static bool find_tables(struct hp_target *t, const struct hp_image *image, struct symbols *out)
{
	const ElfW(Phdr) *dynamic = hp_image_segment(image, PT_DYNAMIC);
	ElfW(Dyn) entries[DYNAMIC_MAX];
	size_t n = DYNAMIC_MAX;

	*out = (struct symbols){0};
	if (!dynamic)
		return false;
	if (dynamic->p_memsz < sizeof(entries))
		n = dynamic->p_memsz / sizeof(entries[0]);
	if (!hp_target_read(t, image->bias + dynamic->p_vaddr, entries, n * sizeof(entries[0])))
		return false;
	for (size_t i = 0; i < n && entries[i].d_tag != DT_NULL; i++) {
		uint64_t value = pointer(image, entries[i].d_un.d_ptr);

		if (entries[i].d_tag == DT_STRTAB)
			out->names = value;
		else if (entries[i].d_tag == DT_SYMTAB)
			out->table = value;
		else if (entries[i].d_tag == DT_GNU_HASH)
			out->hashes = value;
	}
	return out->names && out->table && out->hashes;
}

static uint32_t hash_of(const char *name)
{
	uint32_t hash = 5381;

	for (; *name; name++)
		hash = hash * 33 + (uint8_t)*name;
	return hash;
}

static bool has_name(struct hp_target *t, uint64_t address, const char *name)
{
	char found[NAME_MAX_BYTES];
	size_t size = strlen(name) + 1;

	return size <= sizeof(found) && hp_target_read(t, address, found, size) &&
	       memcmp(found, name, size) == 0;
}

uint64_t hp_image_symbol(struct hp_target *t, const struct hp_image *image, const char *name,
			 uint64_t *out_size)
{
	uint32_t head[4], hash = hash_of(name), index, chain_hash = 0;
	uint64_t buckets, chains;
	struct symbols s;

	if (!find_tables(t, image, &s) || !hp_target_read(t, s.hashes, head, sizeof(head)) ||
	    head[0] == 0)
		return 0;
	buckets = s.hashes + sizeof(head) + (uint64_t)head[2] * sizeof(uint64_t);
	chains = buckets + (uint64_t)head[0] * sizeof(uint32_t);
	if (!hp_target_read(t, buckets + (uint64_t)(hash % head[0]) * sizeof(index), &index,
			    sizeof(index)) ||
	    index < head[1])
		return 0;
	for (size_t i = 0; i < CHAIN_MAX && !(chain_hash & 1); i++, index++) {
		ElfW(Sym) symbol;

		if (!hp_target_read(t, chains + (uint64_t)(index - head[1]) * sizeof(chain_hash),
				    &chain_hash, sizeof(chain_hash)))
			return 0;
		if ((chain_hash | 1) != (hash | 1))
			continue;
		if (!hp_target_read(t, s.table + (uint64_t)index * sizeof(symbol), &symbol,
				    sizeof(symbol)))
			return 0;
		if (symbol.st_shndx == SHN_UNDEF || !symbol.st_value ||
		    !has_name(t, s.names + symbol.st_name, name))
			continue;
		if (out_size)
			*out_size = symbol.st_size;
		return image->bias + symbol.st_value;
	}
	return 0;
}

uint64_t hp_image_find_symbol(struct hp_target *t, const char *name)
{
	struct hp_image image;
	size_t position = 0;
	uint64_t address = 0;

	while (!address && hp_image_next(t, &position, &image))
		address = hp_image_symbol(t, &image, name, NULL);
	return address;
}
