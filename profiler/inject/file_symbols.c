/* SPDX-License-Identifier: MIT */
/* The file is read piece by piece, not mapped: a file that shrinks meanwhile would end this
 * process.
 */
#include "inject/file_symbols.h"
#include "inject/text_file.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	CHUNK = 4096, /* symbols that are read at once */
	NAMES_MAX_BYTES = 256 << 20,
};

struct reader {
	int fd;
	const struct hp_image *image;
	char *names; /* all of them, and a last byte 0 */
	size_t names_size;
};

static bool read_at(int fd, uint64_t at, void *to, size_t size)
{
	return at <= INT64_MAX - size && pread(fd, to, size, (off_t)at) == (ssize_t)size;
}

/* --- sections --------------------------------------------------------------------------------- */

static bool read_section(int fd, const ElfW(Ehdr) * header, uint32_t number, ElfW(Shdr) * out)
{
	return number < header->e_shnum && header->e_shoff <= INT64_MAX / 2 &&
	       read_at(fd, header->e_shoff + (uint64_t)number * sizeof(*out), out, sizeof(*out));
}

/* Finds the table of symbols and that of their names. */
static bool find_tables(int fd, ElfW(Shdr) * out_symbols, ElfW(Shdr) * out_names)
{
	ElfW(Ehdr) header;

	if (!read_at(fd, 0, &header, sizeof(header)) ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
	    header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_shentsize != sizeof(ElfW(Shdr)))
		return false;
	for (uint32_t i = 0; read_section(fd, &header, i, out_symbols); i++)
		if (out_symbols->sh_type == SHT_SYMTAB)
			return out_symbols->sh_entsize == sizeof(ElfW(Sym)) &&
			       read_section(fd, &header, out_symbols->sh_link, out_names) &&
			       out_names->sh_type == SHT_STRTAB;
	return false;
}

static bool read_names(struct reader *reader, const ElfW(Shdr) * section)
{
	if (section->sh_size == 0 || section->sh_size > NAMES_MAX_BYTES)
		return false;
	reader->names_size = section->sh_size;
	reader->names = malloc(section->sh_size + 1);
	if (!reader->names ||
	    !read_at(reader->fd, section->sh_offset, reader->names, section->sh_size))
		return false;
	reader->names[section->sh_size] = '\0';
	return true;
}

/* --- symbols ---------------------------------------------------------------------------------- */

static bool is_function(const ElfW(Sym) * symbol)
{
	return ELF64_ST_TYPE(symbol->st_info) == STT_FUNC && symbol->st_shndx != SHN_UNDEF;
}

/* The linker makes functions local that the program is to keep for itself. */
static bool is_local(const ElfW(Sym) * symbol)
{
	return ELF64_ST_BIND(symbol->st_info) == STB_LOCAL;
}

static bool is_in_code(const struct hp_image *image, const ElfW(Sym) * symbol)
{
	for (size_t i = 0; i < image->n_headers; i++) {
		const ElfW(Phdr) *h = &image->headers[i];

		if (h->p_type == PT_LOAD && h->p_flags & PF_X &&
		    symbol->st_value - h->p_vaddr < h->p_memsz)
			return true;
	}
	return false;
}

static void look_at(const struct reader *reader, const ElfW(Sym) * symbol,
		    struct hp_file_symbol *symbols, size_t n)
{
	const char *name;

	if (symbol->st_name >= reader->names_size || !is_function(symbol))
		return;
	name = reader->names + symbol->st_name;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(symbols[i].name, name) != 0 || !is_in_code(reader->image, symbol) ||
		    (symbols[i].address && is_local(symbol)))
			continue;
		symbols[i].address = reader->image->bias + symbol->st_value;
		symbols[i].size = symbol->st_size;
	}
}

static void look_at_all(const struct reader *reader, const ElfW(Shdr) * section,
			struct hp_file_symbol *symbols, size_t n)
{
	ElfW(Sym) *chunk = malloc(CHUNK * sizeof(*chunk));
	uint64_t n_all = section->sh_size / sizeof(*chunk);

	for (uint64_t at = 0; chunk && at < n_all; at += CHUNK) {
		size_t n_now = n_all - at < CHUNK ? (size_t)(n_all - at) : CHUNK;

		if (!read_at(reader->fd, section->sh_offset + at * sizeof(*chunk), chunk,
			     n_now * sizeof(*chunk)))
			break;
		for (size_t i = 0; i < n_now; i++)
			look_at(reader, &chunk[i], symbols, n);
	}
	free(chunk);
}

/* Returns an address in the image's code, or 0. */
static uint64_t code_of(const struct hp_image *image)
{
	for (size_t i = 0; i < image->n_headers; i++)
		if (image->headers[i].p_type == PT_LOAD && image->headers[i].p_flags & PF_X)
			return image->bias + image->headers[i].p_vaddr;
	return 0;
}

void hp_file_symbols_find(struct hp_target *t, const struct hp_image *image,
			  struct hp_file_symbol *symbols, size_t n)
{
	struct reader reader = {.image = image, .fd = hp_text_open(t, code_of(image))};
	ElfW(Shdr) table, names;

	for (size_t i = 0; i < n; i++)
		symbols[i].address = symbols[i].size = 0;
	if (reader.fd < 0)
		return;
	if (find_tables(reader.fd, &table, &names) && read_names(&reader, &names))
		look_at_all(&reader, &table, symbols, n);
	free(reader.names);
	close(reader.fd);
}
