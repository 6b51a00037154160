/* SPDX-License-Identifier: MIT */
#include "process/elf_image.h"
#include "base/sys.h"
#include <elf.h>
#include <string.h>

#define HEADERS_MAX 64
#define NOTES_MAX   4096

/* Copies memory that is not ours, so sanitizers must not check it. */
__attribute__((no_sanitize("address", "thread"))) static void
copy_bytes(const volatile uint8_t *from, uint8_t *to, size_t size)
{
	for (size_t i = 0; i < size; i++)
		to[i] = from[i];
}

/* Copies `size` bytes from an image after checking that their pages are readable. (Containers may
 * forbid process_vm_readv(), which would do both; the check's system call is allowed.) Another
 * thread could unmap a page between the check and the copy by closing the library. This can happen
 * in two cases only: the library's code is on the calling thread's stack, and then that thread
 * would crash in any case; or a register that was mistaken for a frame pointer led there by chance.
 */
static bool read_image(uintptr_t from, void *to, size_t size)
{
	if (from > UINTPTR_MAX - size)
		return false;
	for (uintptr_t page = from & ~(uintptr_t)4095; page < from + size; page += 4096)
		if (!hp_sys_is_readable((void *)page))
			return false;
	copy_bytes((const uint8_t *)from, to, size);
	return true;
}

static void read_note(const ElfW(Nhdr) * note, const uint8_t *name, const uint8_t *desc,
		      struct hp_module *out)
{
	bool is_gnu = note->n_namesz == 4 && memcmp(name, "GNU", 4) == 0;

	if (is_gnu && note->n_type == NT_GNU_BUILD_ID && note->n_descsz <= HP_BUILD_ID_MAX &&
	    out->build_id_size == 0) {
		out->build_id_size = note->n_descsz;
		memcpy(out->build_id, desc, note->n_descsz);
	}
	if (note->n_namesz == sizeof(HP_NOTE_OWNER) &&
	    memcmp(name, HP_NOTE_OWNER, sizeof(HP_NOTE_OWNER)) == 0)
		out->has_heapprof = true;
}

/* notes = { name-size desc-size type name desc }*, name and desc padded to 4 bytes */
static void parse_notes(const uint8_t *notes, size_t size, struct hp_module *out)
{
	ElfW(Nhdr) note;

	while (size >= sizeof(note)) {
		memcpy(&note, notes, sizeof(note));
		size_t name = ((size_t)note.n_namesz + 3) & ~(size_t)3;
		size_t desc = ((size_t)note.n_descsz + 3) & ~(size_t)3;

		notes += sizeof(note);
		size -= sizeof(note);
		if (name > size || desc > size - name)
			return;
		read_note(&note, notes, notes + name, out);
		notes += name + desc;
		size -= name + desc;
	}
}

static void read_notes(uintptr_t address, size_t size, struct hp_module *out)
{
	uint8_t notes[NOTES_MAX];

	if (size > sizeof(notes))
		size = sizeof(notes);
	if (read_image(address, notes, size))
		parse_notes(notes, size, out);
}

static void note_segment(uintptr_t bias, const ElfW(Phdr) * header, struct hp_module *out)
{
	const uintptr_t page_mask = ~(uintptr_t)4095;
	uintptr_t start = (bias + header->p_vaddr) & page_mask;
	uintptr_t end = (bias + header->p_vaddr + header->p_memsz + 4095) & page_mask;

	if (start < out->start)
		out->start = start;
	if (end > out->end)
		out->end = end;
	if ((header->p_flags & PF_X) && out->code_end == 0) {
		out->code_start = start;
		out->code_end = end;
		out->code_offset = header->p_offset & page_mask;
	}
}

bool hp_elf_image_describe(uintptr_t bias, const ElfW(Phdr) * headers, size_t n_headers,
			   struct hp_module *out)
{
	memset(out, 0, sizeof(*out));
	out->start = UINTPTR_MAX;
	for (size_t i = 0; i < n_headers; i++)
		if (headers[i].p_type == PT_LOAD)
			note_segment(bias, &headers[i], out);
	for (size_t i = 0; i < n_headers; i++)
		if (headers[i].p_type == PT_NOTE)
			read_notes(bias + headers[i].p_vaddr, headers[i].p_memsz, out);
	return out->end > 0;
}

static uintptr_t first_segment(const ElfW(Phdr) * headers, size_t n_headers)
{
	for (size_t i = 0; i < n_headers; i++)
		if (headers[i].p_type == PT_LOAD)
			return headers[i].p_vaddr & ~(uintptr_t)4095;
	return 0;
}

struct headers {
	size_t n;
	ElfW(Phdr) at[HEADERS_MAX];
};

static bool read_headers(uintptr_t start, struct headers *out)
{
	ElfW(Ehdr) file;

	if (!read_image(start, &file, sizeof(file)) || memcmp(file.e_ident, ELFMAG, SELFMAG) != 0 ||
	    file.e_phentsize != sizeof(out->at[0]) || file.e_phnum > HEADERS_MAX ||
	    file.e_phoff > 4096)
		return false;
	out->n = file.e_phnum;
	return read_image(start + file.e_phoff, out->at, out->n * sizeof(out->at[0]));
}

bool hp_elf_image_read(uintptr_t start, struct hp_module *out)
{
	struct headers headers;

	return read_headers(start, &headers) &&
	       hp_elf_image_describe(start - first_segment(headers.at, headers.n), headers.at,
				     headers.n, out);
}

uintptr_t hp_elf_image_unwind_table(uintptr_t start)
{
	struct headers headers;

	if (!read_headers(start, &headers))
		return 0;
	uintptr_t bias = start - first_segment(headers.at, headers.n);

	for (size_t i = 0; i < headers.n; i++)
		if (headers.at[i].p_type == PT_GNU_EH_FRAME)
			return bias + headers.at[i].p_vaddr;
	return 0;
}

static int segment_protection(const ElfW(Phdr) * header)
{
	return (header->p_flags & PF_R ? PROT_READ : 0) |
	       (header->p_flags & PF_W ? PROT_WRITE : 0) | (header->p_flags & PF_X ? PROT_EXEC : 0);
}

bool hp_elf_image_protection(uintptr_t start, uintptr_t first, uintptr_t end, int *out)
{
	struct headers headers;

	if (!read_headers(start, &headers))
		return false;
	uintptr_t bias = start - first_segment(headers.at, headers.n);

	for (size_t i = 0; i < headers.n; i++) {
		struct hp_module segment = {.start = UINTPTR_MAX};

		if (headers.at[i].p_type != PT_LOAD)
			continue;
		note_segment(bias, &headers.at[i], &segment);
		if (first < segment.start || end > segment.end)
			continue;
		*out = segment_protection(&headers.at[i]);
		return true;
	}
	return false;
}
