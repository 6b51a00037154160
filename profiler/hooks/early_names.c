/* SPDX-License-Identifier: MIT */
#include "hooks/early_names.h"
#include "base/sys.h"
#include <elf.h>
#include <link.h>

#define PAGE_SIZE ((uintptr_t)4096)

/* The linker defines these two in the object that contains this code. */
/* NOLINTBEGIN(bugprone-reserved-identifier,readability-redundant-declaration) */
extern ElfW(Dyn) _DYNAMIC[] __attribute__((visibility("hidden")));
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));
/* NOLINTEND(bugprone-reserved-identifier,readability-redundant-declaration) */

/* Tables that an object's dynamic section points to. */
struct tables {
	ElfW(Sym) * symbols;
	const char *names;
	const uint32_t *gnu_hash;
};

/* Returns an object's tables. The loader has already added the object's address to the tables'
 * addresses in the dynamic section, except in the kernel's own object (the vDSO). */
static struct tables symbol_tables_of(const ElfW(Dyn) * dynamic, uintptr_t start)
{
	struct tables t = {0};

	for (; dynamic && dynamic->d_tag != DT_NULL; dynamic++) {
		uintptr_t value = dynamic->d_un.d_ptr;
		uintptr_t address = value < start ? value + start : value;

		if (dynamic->d_tag == DT_SYMTAB)
			t.symbols = (ElfW(Sym) *)address;
		else if (dynamic->d_tag == DT_STRTAB)
			t.names = (const char *)address;
		else if (dynamic->d_tag == DT_GNU_HASH)
			t.gnu_hash = (const uint32_t *)address;
	}
	return t;
}

static bool is_same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static uint32_t gnu_hash_of(const char *name)
{
	uint32_t hash = 5381;

	for (; *name; name++)
		hash = hash * 33 + (unsigned char)*name;
	return hash;
}

/* Returns the symbol with this name, or NULL if there is none, from GNU's hash table:
 *
 * table = n-buckets first-symbol n-words shift word{n-words} bucket{n-buckets} hash*
 *
 * A bucket is the number of its first symbol. The lowest bit of a hash is 1 if it is the bucket's
 * last. */
static ElfW(Sym) * find_symbol(const struct tables *t, const char *name)
{
	const uint32_t *table = t->gnu_hash;
	uint32_t hash = gnu_hash_of(name);

	if (!t->symbols || !t->names || !table || table[0] == 0)
		return NULL;
	const uint32_t *buckets = table + 4 + 2 * (size_t)table[2];
	const uint32_t *hashes = buckets + table[0];
	uint32_t i = buckets[hash % table[0]];

	if (i < table[1])
		return NULL;
	do {
		ElfW(Sym) *symbol = &t->symbols[i];

		if ((hashes[i - table[1]] | 1) == (hash | 1) &&
		    is_same(t->names + symbol->st_name, name))
			return symbol;
	} while (!(hashes[i++ - table[1]] & 1));
	return NULL;
}

static bool is_function(const ElfW(Sym) * symbol)
{
	return symbol && symbol->st_shndx != SHN_UNDEF && symbol->st_value != 0 &&
	       (ELF64_ST_TYPE(symbol->st_info) == STT_FUNC ||
		ELF64_ST_TYPE(symbol->st_info) == STT_GNU_IFUNC);
}

bool hp_early_name_has_next(const char *name)
{
	const struct link_map *map = _r_debug.r_map;

	while (map && map->l_ld != _DYNAMIC)
		map = map->l_next;
	if (!map)
		return true;
	for (map = map->l_next; map; map = map->l_next) {
		struct tables t = symbol_tables_of(map->l_ld, map->l_addr);

		if (is_function(find_symbol(&t, name)))
			return true;
	}
	return false;
}

/* --- hiding -------------------------------------------------------------------------------- */

static uintptr_t own_start(void)
{
	return (uintptr_t)&__ehdr_start;
}

static const ElfW(Phdr) * own_header(size_t i)
{
	return (const ElfW(Phdr) *)(own_start() + __ehdr_start.e_phoff) + i;
}

/* Returns the protection of this library's segment that contains `address`, or 0 if no segment
 * does. The first loaded segment contains the ELF header, so its address gives the bias. */
static int own_protection_of(uintptr_t address)
{
	uintptr_t bias = own_start();

	for (size_t i = __ehdr_start.e_phnum; i-- > 0;)
		if (own_header(i)->p_type == PT_LOAD)
			bias = own_start() - (own_header(i)->p_vaddr & -PAGE_SIZE);
	for (size_t i = 0; i < __ehdr_start.e_phnum; i++) {
		const ElfW(Phdr) *header = own_header(i);

		if (header->p_type == PT_LOAD && address - bias >= header->p_vaddr &&
		    address - bias < header->p_vaddr + header->p_memsz)
			return (header->p_flags & PF_R ? PROT_READ : 0) |
			       (header->p_flags & PF_W ? PROT_WRITE : 0) |
			       (header->p_flags & PF_X ? PROT_EXEC : 0);
	}
	return 0;
}

static bool protect_page(uintptr_t page, int protection)
{
	return hp_sys3(SYS_mprotect, (long)page, PAGE_SIZE, protection) == 0;
}

void hp_early_name_hide(const char *name)
{
	struct tables t = symbol_tables_of(_DYNAMIC, own_start());
	ElfW(Sym) *symbol = find_symbol(&t, name);
	unsigned char *info = symbol ? &symbol->st_info : NULL;
	int protection = own_protection_of((uintptr_t)info);
	uintptr_t page = (uintptr_t)info & -PAGE_SIZE;

	if (!is_function(symbol) || protection == 0 || !protect_page(page, protection | PROT_WRITE))
		return;
	*info = ELF64_ST_INFO(ELF64_ST_BIND(*info), STT_FILE);
	protect_page(page, protection);
}
