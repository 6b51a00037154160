/* SPDX-License-Identifier: MIT */
#include "symbolize/symtab.h"

#include <string.h>

#include "symbolize/minidebug.h"

/* Thread-local variables are not at the addresses of their symbols. */
static bool is_variable(const GElf_Sym *symbol, const char *name, const GElf_Shdr *section)
{
	return name && name[0] && (section->sh_flags & SHF_WRITE) && symbol->st_size &&
	       GELF_ST_TYPE(symbol->st_info) == STT_OBJECT;
}

static bool is_function(const GElf_Sym *symbol, const char *name, const GElf_Shdr *section)
{
	int type = GELF_ST_TYPE(symbol->st_info);

	if (!(section->sh_flags & SHF_EXECINSTR) || !name || !name[0])
		return false;
	/* Rejects the assembler's marks, such as "$x" and "$d" on ARM, and local labels that the
	 * assembler failed to remove. */
	if (name[0] == '$' || strncmp(name, ".L", 2) == 0)
		return false;
	return type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE;
}

/* Returns the rank of a symbol among the symbols at one address. These count, in this order: being
 * a function and not a mere label, having a size, the binding (global, then weak, then local), and
 * having a name for people, which has no underscore in front unless it is mangled. */
static uint8_t rank_of(const GElf_Sym *symbol, const char *name)
{
	bool is_private = name[0] == '_' && name[1] != 'Z' && name[1] != 'R';
	int binding = GELF_ST_BIND(symbol->st_info);
	int binding_rank = binding == STB_GLOBAL ? 2 : binding == STB_WEAK ? 1 : 0;

	return (GELF_ST_TYPE(symbol->st_info) != STT_NOTYPE) << 4 | (symbol->st_size != 0) << 3 |
	       binding_rank << 1 | !is_private;
}

static int add_symbol(struct symtab *symtab, const struct object *object, const GElf_Sym *symbol,
		      uint32_t section_index, const char *name)
{
	Elf_Scn *scn = elf_getscn(object->elf, section_index);
	GElf_Shdr section;
	struct symbol added = {
		.name = name,
		.address = symbol->st_value,
		.size = symbol->st_size,
	};

	if (!scn || !gelf_getshdr(scn, &section) ||
	    !(symtab->is_of_data ? is_variable : is_function)(symbol, name, &section))
		return 0;
	if (__builtin_add_overflow(section.sh_addr, section.sh_size, &added.limit))
		return 0;
	if (added.address < section.sh_addr || added.address >= added.limit)
		return 0;
	added.rank = rank_of(symbol, name);
	return vec_push(&symtab->symbols, added);
}

/* Returns the table of section numbers in which a file with more than 65,279 sections keeps the
 * section of each symbol, or NULL if there is none. */
static Elf_Data *extended_indexes(const struct object *object)
{
	Elf_Scn *scn = object_section_of_type(object, SHT_SYMTAB_SHNDX);

	return scn ? elf_getdata(scn, NULL) : NULL;
}

static int add_symbols(struct symtab *symtab, const struct object *object, Elf_Scn *scn)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	Elf_Data *extended = extended_indexes(object);
	GElf_Shdr header;
	size_t n;
	int r = 0;

	if (!data || !data->d_buf || !gelf_getshdr(scn, &header) || !header.sh_entsize)
		return 0;
	n = data->d_size / header.sh_entsize;
	for (size_t i = 1; !r && i < n && i < INT32_MAX; i++) {
		GElf_Sym symbol;
		Elf32_Word section = 0;

		if (!gelf_getsymshndx(data, extended, (int)i, &symbol, &section))
			break;
		if (symbol.st_shndx != SHN_XINDEX)
			section = symbol.st_shndx < SHN_LORESERVE ? symbol.st_shndx : SHN_UNDEF;
		if (section != SHN_UNDEF)
			r = add_symbol(symtab, object, &symbol, section,
				       elf_strptr(object->elf, header.sh_link, symbol.st_name));
	}
	return r;
}

/* Adds the symbols in .gnu_debugdata: the part of .symtab that is not in .dynsym. */
static int add_minidebug(struct symtab *symtab, const struct object *object)
{
	Elf_Scn *scn;
	int r;

	if (symtab->minidebug)
		return 0;
	r = minidebug_open(object, &symtab->minidebug);
	if (r)
		return r < 0 ? r : 0;
	scn = object_section_of_type(symtab->minidebug, SHT_SYMTAB);
	return scn ? add_symbols(symtab, symtab->minidebug, scn) : 0;
}

int symtab_add(struct symtab *symtab, const struct object *object)
{
	Elf_Scn *scn = object_section_of_type(object, SHT_SYMTAB);
	int r;

	if (scn)
		return add_symbols(symtab, object, scn);
	scn = object_section_of_type(object, SHT_DYNSYM);
	r = scn ? add_symbols(symtab, object, scn) : 0;
	return r ? r : add_minidebug(symtab, object);
}

/* Sorts by address. Of the symbols at one address, the one with the highest rank comes first. */
static int compare_symbols(const void *left, const void *right)
{
	const struct symbol *a = left, *b = right;

	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	if (a->rank != b->rank)
		return b->rank - a->rank;
	return strcmp(a->name, b->name);
}

static void keep_best_of_each_address(struct symtab *symtab)
{
	size_t kept = 0;

	for (size_t i = 0; i < symtab->symbols.n; i++) {
		if (kept &&
		    symtab->symbols.items[kept - 1].address == symtab->symbols.items[i].address)
			continue;
		symtab->symbols.items[kept++] = symtab->symbols.items[i];
	}
	symtab->symbols.n = kept;
}

static uint64_t end_of(const struct symtab *symtab, size_t i)
{
	const struct symbol *symbol = &symtab->symbols.items[i];

	if (symbol->size && symbol->size <= symbol->limit - symbol->address)
		return symbol->address + symbol->size;
	if (!symbol->size && i + 1 < symtab->symbols.n && symbol[1].address < symbol->limit)
		return symbol[1].address;
	return symbol->limit;
}

int symtab_build(struct symtab *symtab)
{
	int r = 0;

	if (symtab->symbols.n)
		qsort(symtab->symbols.items, symtab->symbols.n, sizeof(*symtab->symbols.items),
		      compare_symbols);
	keep_best_of_each_address(symtab);
	for (size_t i = 0; !r && i < symtab->symbols.n; i++)
		r = rangemap_add(&symtab->map, symtab->symbols.items[i].address, end_of(symtab, i),
				 0, (uint32_t)i);
	return r ? r : rangemap_build(&symtab->map);
}

const struct symbol *symtab_find(const struct symtab *symtab, uint64_t address)
{
	uint32_t found = rangemap_find(&symtab->map, address);

	return found == RANGEMAP_NONE ? NULL : &symtab->symbols.items[found];
}

void symtab_deinit(struct symtab *symtab)
{
	vec_deinit(&symtab->symbols);
	rangemap_deinit(&symtab->map);
	object_close(symtab->minidebug);
	symtab->minidebug = NULL;
}
