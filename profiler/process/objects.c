/* SPDX-License-Identifier: MIT */
/* A symbol is hidden by changing its type: the loader's look-ups accept only types that may be code
 * or data, and skip all others. The symbol's address does not change, so a look-up in another
 * thread at the same time either finds the symbol as it was or skips it. */
#include "process/objects.h"
#include "base/sys.h"
#include "process/elf_image.h"
#include "process/loaded.h"
#include "process/modules.h"
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>

#define PAGE_SIZE ((uintptr_t)4096)

const char *hp_object_name(const void *function)
{
	Dl_info info;

	return function && dladdr(function, &info) && info.dli_fname ? info.dli_fname : "?";
}

const char *hp_object_path(const void *function)
{
	Dl_info info;
	struct link_map *map = NULL;

	return dladdr1(function, &info, (void **)&map, RTLD_DL_LINKMAP) && map ? map->l_name : "";
}

bool hp_object_has_both(const void *a, const void *b)
{
	struct hp_loaded of_a, of_b;

	return hp_loaded_find((uintptr_t)a, &of_a) && hp_loaded_find((uintptr_t)b, &of_b) &&
	       of_a.start == of_b.start;
}

bool hp_object_is_stub(const void *function)
{
	Dl_info info;
	ElfW(Sym) *symbol = NULL;

	return dladdr1(function, &info, (void **)&symbol, RTLD_DL_SYMENT) && symbol &&
	       symbol->st_shndx == SHN_UNDEF;
}

bool hp_object_has_heapprof(const void *function)
{
	struct hp_loaded object;
	struct hp_module image;

	return hp_loaded_find((uintptr_t)function, &object) &&
	       hp_elf_image_read(object.start, &image) && image.has_heapprof;
}

/* --- references ---------------------------------------------------------------------------- */

/* Tables that an object's dynamic section points to. */
struct tables {
	const ElfW(Sym) * symbols;
	const char *names;
	const uint32_t *hash, *gnu_hash;
};

/* Returns the address of a table. In the dynamic section, the loader has already added the load
 * address to it, except in the kernel's own object (the vDSO). */
static const void *address_in(const struct link_map *map, uintptr_t value)
{
	return (const void *)(value < map->l_addr ? value + map->l_addr : value);
}

static struct tables dynamic_tables_of(const struct link_map *map)
{
	struct tables t = {0};

	for (const ElfW(Dyn) *d = map->l_ld; d && d->d_tag != DT_NULL; d++) {
		if (d->d_tag == DT_SYMTAB)
			t.symbols = address_in(map, d->d_un.d_ptr);
		else if (d->d_tag == DT_STRTAB)
			t.names = address_in(map, d->d_un.d_ptr);
		else if (d->d_tag == DT_HASH)
			t.hash = address_in(map, d->d_un.d_ptr);
		else if (d->d_tag == DT_GNU_HASH)
			t.gnu_hash = address_in(map, d->d_un.d_ptr);
	}
	return t;
}

/* Returns a number of symbols that includes all undefined ones. These come first: GNU's hash table
 * gives the number of the first symbol after them, and the older hash table gives the number of all
 * symbols. */
static size_t count_symbols(const struct tables *t)
{
	if (!t->symbols || !t->names)
		return 0;
	return t->gnu_hash ? t->gnu_hash[1] : t->hash ? t->hash[1] : 0;
}

static uint32_t bit_of(const char *name, const struct hp_export *exports, size_t n_exports)
{
	if (name[0] != '_' || name[1] != 'Z')
		return 0;
	for (size_t i = 0; i < n_exports; i++)
		if (strcmp(name, exports[i].name) == 0)
			return UINT32_C(1) << i;
	return 0;
}

static uint32_t references_of(const struct link_map *map, const struct hp_export *exports,
			      size_t n_exports)
{
	struct tables t = dynamic_tables_of(map);
	uint32_t found = 0;

	for (size_t i = 1, n = count_symbols(&t); i < n; i++)
		if (t.symbols[i].st_shndx == SHN_UNDEF)
			found |= bit_of(t.names + t.symbols[i].st_name, exports, n_exports);
	return found;
}

uint32_t hp_object_find_references(const struct hp_export *exports, size_t n_exports)
{
	Dl_info info;
	const struct link_map *map = NULL;
	uint32_t found = 0;

	if (!dladdr1((void *)hp_object_hide, &info, (void **)&map, RTLD_DL_LINKMAP) || !map)
		return UINT32_MAX;
	for (; map->l_prev; map = map->l_prev)
		;
	for (; map; map = map->l_next)
		found |= references_of(map, exports, n_exports);
	return found;
}

/* --- hiding -------------------------------------------------------------------------------- */

/* Returns the symbol under which `export->function` is exported. Returns NULL if its name is not
 * exactly `export->name`, or if the function is not exported. */
static ElfW(Sym) * find_symbol(const struct hp_export *export)
{
	Dl_info info;
	ElfW(Sym) *symbol = NULL;

	if (!dladdr1(export->function, &info, (void **)&symbol, RTLD_DL_SYMENT) || !symbol ||
	    !info.dli_sname || strcmp(info.dli_sname, export->name) != 0 ||
	    info.dli_saddr != export->function || symbol->st_shndx == SHN_UNDEF)
		return NULL;
	return symbol;
}

struct range {
	uintptr_t start, end;
};

static struct range pages_of(ElfW(Sym) *const *symbols, size_t n)
{
	struct range pages = {UINTPTR_MAX, 0};

	for (size_t i = 0; i < n; i++) {
		uintptr_t address = (uintptr_t)symbols[i];

		if (address < pages.start)
			pages.start = address;
		if (address >= pages.end)
			pages.end = address + sizeof(*symbols[i]);
	}
	pages.start &= -PAGE_SIZE;
	pages.end = (pages.end + PAGE_SIZE - 1) & -PAGE_SIZE;
	return pages;
}

static bool protect_pages(struct range pages, int protection)
{
	return hp_sys3(SYS_mprotect, (long)pages.start, (long)(pages.end - pages.start),
		       protection) == 0;
}

/* Sets *out to the pages' present protection, which is the one in the object's headers. Returns
 * false if it can't be found. */
static bool find_protection(struct range pages, int *out)
{
	struct hp_loaded object;

	return hp_loaded_find((uintptr_t)hp_object_hide, &object) &&
	       hp_elf_image_protection(object.start, pages.start, pages.end, out);
}

static void set_hidden(ElfW(Sym) * symbol)
{
	unsigned char info = ELF64_ST_INFO(ELF64_ST_BIND(symbol->st_info), STT_FILE);

	__atomic_store_n(&symbol->st_info, info, __ATOMIC_RELEASE);
}

bool hp_object_hide(const struct hp_export *exports, size_t n_exports)
{
	ElfW(Sym) * symbols[HP_OBJECT_EXPORTS_MAX];
	struct range pages;
	size_t n = 0;
	int protection;

	for (size_t i = 0; i < n_exports && i < HP_OBJECT_EXPORTS_MAX; i++) {
		symbols[n] = find_symbol(&exports[i]);
		n += symbols[n] != NULL;
	}
	if (n == 0)
		return true;
	pages = pages_of(symbols, n);
	if (!find_protection(pages, &protection) || !protect_pages(pages, protection | PROT_WRITE))
		return false;
	for (size_t i = 0; i < n; i++)
		set_hidden(symbols[i]);
	protect_pages(pages, protection);
	return true;
}
