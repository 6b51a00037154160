/* SPDX-License-Identifier: MIT */
/* See elf(5) and, for the notes, the kernel's fs/binfmt_elf.c. */
#include "target/core.h"
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	SEGMENTS_MAX = 1 << 20,
	NOTES_MAX = 64 << 20,
	FILES_MAX = 1 << 20,
	PATH_SIZE = 4096,
	PSINFO_PID = 24,  /* offset of pr_pid in the x86-64 note */
	PRSTATUS_ID = 32, /* of pr_pid and pr_reg in another */
	PRSTATUS_REGISTERS = 112,
};

struct segment {
	uint64_t start, size, offset, file_size;
	uint32_t flags;
};

struct file_range { /* of NT_FILE */
	uint64_t start, end, offset;
	const char *path;
};

struct core {
	struct hp_target target;
	int fd;
	uint64_t size; /* of the file */
	uint64_t wanted_size;
	struct segment *segments; /* sorted, none overlaps */
	size_t n_segments;
	char *notes;
	size_t notes_size;
	struct file_range *files; /* of NT_FILE; their paths point into `notes` */
	size_t n_files;
};

static struct core *core_of(struct hp_target *t)
{
	return (struct core *)t;
}

bool hp_core_is_head(const void *head, size_t size)
{
	const unsigned char *p = head;

	return size >= HP_CORE_HEAD_SIZE && memcmp(p, ELFMAG, SELFMAG) == 0 && p[16] == ET_CORE &&
	       p[17] == 0;
}

/* --- reading -------------------------------------------------------------------------------- */

/* Reads bytes of the file itself. */
static bool read_file(const struct core *c, uint64_t offset, void *to, size_t size)
{
	if (offset > c->size || size > c->size - offset)
		return false;
	while (size > 0) {
		ssize_t n = pread(c->fd, to, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		offset += (uint64_t)n;
		to = (char *)to + n;
		size -= (size_t)n;
	}
	return true;
}

/* Returns the first segment that ends after the address, or NULL. */
static const struct segment *segment_from(const struct core *c, uint64_t address)
{
	size_t low = 0, high = c->n_segments;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (c->segments[middle].start + c->segments[middle].size <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < c->n_segments ? &c->segments[low] : NULL;
}

static const struct segment *segment_at(const struct core *c, uint64_t address)
{
	const struct segment *s = segment_from(c, address);

	return s && s->start <= address ? s : NULL;
}

/* A piece may extend over several segments. */
static bool read_piece(struct core *c, struct hp_target_piece piece)
{
	while (piece.size > 0) {
		const struct segment *s = segment_at(c, piece.address);
		uint64_t at = s ? piece.address - s->start : 0;
		size_t some;

		c->target.failed_at = piece.address;
		if (!s || at >= s->file_size)
			return false;
		some = s->file_size - at < piece.size ? (size_t)(s->file_size - at) : piece.size;
		if (!read_file(c, s->offset + at, piece.to, some))
			return false;
		piece.address += some;
		piece.to = (char *)piece.to + some;
		piece.size -= some;
	}
	return true;
}

static bool read_pieces(struct hp_target *t, const struct hp_target_piece *pieces, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!read_piece(core_of(t), pieces[i]))
			return false;
	return true;
}

/* Returns where the bytes of a segment end that are in the file, which may have been cut. */
static uint64_t present_end(const struct core *c, const struct segment *s)
{
	uint64_t in_file = s->offset < c->size ? c->size - s->offset : 0;

	return s->start + (s->file_size < in_file ? s->file_size : in_file);
}

static bool next_pages(struct hp_target *t, struct hp_target_range *range, bool with_swapped)
{
	const struct core *c = core_of(t);
	const struct segment *s = segment_from(c, range->start), *end = c->segments + c->n_segments;

	for (; s && s < end && s->start < range->end; s++) {
		uint64_t first = s->start > range->start ? s->start : range->start;
		uint64_t last = present_end(c, s);

		last = last < range->end ? last : range->end;
		if (first >= last)
			continue;
		*range = (struct hp_target_range){first, last};
		return true;
	}
	return false;
}

static void note_cut(struct hp_target *t)
{
	const struct core *c = core_of(t);

	hp_target_note_error(t, "the core was cut: %ju of %ju bytes are there", (uintmax_t)c->size,
			     (uintmax_t)c->wanted_size);
}

static void explain(struct hp_target *t, uint64_t address)
{
	const struct segment *s = segment_at(core_of(t), address);
	const struct hp_target_mapping *m = hp_target_mapping_at(t, address);

	if (s && address - s->start < s->file_size)
		note_cut(t);
	else if (!s)
		hp_target_note_error(
			t, "nothing was mapped at %#" PRIx64 ", where heapprof's tables lead",
			address);
	else
		hp_target_note_error(t,
				     "the core lacks the memory at %#" PRIx64
				     ", of %.*s: bit %d must be set in /proc/PID/coredump_filter "
				     "when it is written",
				     address, m && m->path ? (int)m->path_size : 16,
				     m && m->path ? m->path : "anonymous memory",
				     m && m->path && !(s->flags & PF_W) ? 2 : 0);
}

static int check(struct hp_target *t)
{
	return 0;
}

static void close_core(struct hp_target *t)
{
	struct core *c = core_of(t);

	if (c->fd >= 0)
		close(c->fd);
	free(c->segments);
	free(c->notes);
	free(c->files);
}

/* --- headers -------------------------------------------------------------------------------- */

static int read_header(struct core *c, Elf64_Ehdr *h, uint64_t *out_n)
{
	struct hp_target *t = &c->target;
	Elf64_Shdr first;

	if (!read_file(c, 0, h, sizeof(*h)))
		return hp_target_error(t, "the core was cut: its header is not whole");
	if (!hp_core_is_head(h, sizeof(*h)))
		return hp_target_error(t, "is not a core");
	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB ||
	    h->e_machine != EM_X86_64)
		return hp_target_error(t, "is a core of another machine than x86-64");
	if (h->e_phentsize != sizeof(Elf64_Phdr))
		return hp_target_error(t, "the core is damaged: program headers of %u bytes",
				       h->e_phentsize);
	*out_n = h->e_phnum;
	if (h->e_phnum == PN_XNUM) {
		if (!read_file(c, h->e_shoff, &first, sizeof(first)))
			return hp_target_error(t,
					       "the core was cut: its first section is not there");
		*out_n = first.sh_info;
	}
	if (*out_n == 0 || *out_n > SEGMENTS_MAX)
		return hp_target_error(t, "the core is damaged: %ju program headers",
				       (uintmax_t)*out_n);
	return 0;
}

static int add_segment(struct core *c, const Elf64_Phdr *h)
{
	uint64_t end;

	if (h->p_filesz > h->p_memsz || __builtin_add_overflow(h->p_vaddr, h->p_memsz, &end) ||
	    h->p_offset > INT64_MAX || h->p_filesz > INT64_MAX - h->p_offset)
		return hp_target_error(&c->target,
				       "the core is damaged: a segment of %ju bytes at %#jx",
				       (uintmax_t)h->p_memsz, (uintmax_t)h->p_vaddr);
	if (h->p_memsz == 0)
		return 0;
	c->segments[c->n_segments++] =
		(struct segment){h->p_vaddr, h->p_memsz, h->p_offset, h->p_filesz, h->p_flags};
	if (h->p_filesz && h->p_offset + h->p_filesz > c->wanted_size)
		c->wanted_size = h->p_offset + h->p_filesz;
	return 0;
}

static int add_notes(struct core *c, const Elf64_Phdr *h)
{
	if (c->notes || h->p_filesz == 0)
		return 0;
	if (h->p_filesz > NOTES_MAX)
		return hp_target_error(&c->target, "the core is damaged: notes of %ju bytes",
				       (uintmax_t)h->p_filesz);
	c->notes = malloc(h->p_filesz + 1);
	if (!c->notes)
		return hp_target_no_memory(&c->target);
	c->notes_size = h->p_filesz;
	c->notes[c->notes_size] = '\0';
	if (!read_file(c, h->p_offset, c->notes, c->notes_size))
		return hp_target_error(&c->target, "the core was cut: its notes are not whole");
	return 0;
}

static int compare_segments(const void *left, const void *right)
{
	const struct segment *a = left, *b = right;

	return a->start < b->start ? -1 : a->start > b->start;
}

static int sort_segments(struct core *c)
{
	qsort(c->segments, c->n_segments, sizeof(*c->segments), compare_segments);
	for (size_t i = 1; i < c->n_segments; i++)
		if (c->segments[i - 1].start + c->segments[i - 1].size > c->segments[i].start)
			return hp_target_error(&c->target,
					       "the core is damaged: segments overlap at %#jx",
					       (uintmax_t)c->segments[i].start);
	return 0;
}

static int read_headers(struct core *c)
{
	Elf64_Ehdr header;
	Elf64_Phdr *headers;
	uint64_t n = 0;
	int r = read_header(c, &header, &n);

	if (r)
		return r;
	headers = calloc(n + 1, sizeof(*headers));
	c->segments = calloc(n + 1, sizeof(*c->segments));
	if (!headers || !c->segments)
		r = hp_target_no_memory(&c->target);
	else if (!read_file(c, header.e_phoff, headers, n * sizeof(*headers)))
		r = hp_target_error(&c->target,
				    "the core was cut: its program headers are not whole");
	for (uint64_t i = 0; !r && i < n; i++) {
		if (headers[i].p_type == PT_LOAD)
			r = add_segment(c, &headers[i]);
		else if (headers[i].p_type == PT_NOTE)
			r = add_notes(c, &headers[i]);
	}
	free(headers);
	return r ? r : sort_segments(c);
}

/* --- notes ---------------------------------------------------------------------------------- */

/* Returns true if one of the first `n` segments contains a part of the range. */
static bool is_touched(const struct core *c, size_t n, const struct file_range *f)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (c->segments[middle].start + c->segments[middle].size <= f->start)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && c->segments[low].start < f->end;
}

/* files = count page-size ( start end offset-in-pages )* ( path NUL )* */
static int read_files(struct core *c, const char *bytes, size_t size)
{
	uint64_t count, page, range[3];
	const char *path, *end = bytes + size;

	if (c->files || size < 2 * sizeof(uint64_t))
		return 0;
	memcpy(&count, bytes, sizeof(count));
	memcpy(&page, bytes + sizeof(count), sizeof(page));
	if (count > FILES_MAX || count > (size - 2 * sizeof(uint64_t)) / sizeof(range) ||
	    page == 0 || page > 1 << 30)
		return hp_target_error(&c->target, "the core is damaged: its list of files");
	c->files = calloc(count + 1, sizeof(*c->files));
	if (!c->files)
		return hp_target_no_memory(&c->target);
	path = bytes + 2 * sizeof(uint64_t) + count * sizeof(range);
	for (uint64_t i = 0; i < count; i++) {
		const char *nul = memchr(path, '\0', (size_t)(end - path));

		memcpy(range, bytes + 2 * sizeof(uint64_t) + i * sizeof(range), sizeof(range));
		if (!nul)
			return hp_target_error(&c->target,
					       "the core is damaged: its list of files");
		if (nul - path < PATH_SIZE && range[0] < range[1])
			c->files[c->n_files++] =
				(struct file_range){range[0], range[1], range[2] * page, path};
		path = nul + 1;
	}
	return 0;
}

static int read_note(struct core *c, uint32_t type, const char *desc, size_t size)
{
	int32_t pid;

	if (type == NT_FILE)
		return read_files(c, desc, size);
	if (type == NT_PRPSINFO && size >= PSINFO_PID + sizeof(pid)) {
		memcpy(&pid, desc + PSINFO_PID, sizeof(pid));
		c->target.pid = pid > 0 ? pid : 0;
	}
	return 0;
}

/* Adds segments without bytes for the files' ranges that have none. gcore omits segments of files
 * that were not written, such as code, and does not record how these were mapped. */
static int add_missing_segments(struct core *c)
{
	size_t n = c->n_segments;
	void *grown = realloc(c->segments, (n + c->n_files + 1) * sizeof(*c->segments));

	if (!grown)
		return hp_target_no_memory(&c->target);
	c->segments = grown;
	for (size_t i = 0; i < c->n_files; i++) {
		const struct file_range *f = &c->files[i];
		struct segment *new = &c->segments[c->n_segments];

		*new = (struct segment){f->start, f->end - f->start, 0, 0, PF_R | PF_X};
		if (!is_touched(c, n, f))
			c->n_segments++;
	}
	return c->n_segments > n ? sort_segments(c) : 0;
}

struct note {
	bool is_of_kernel; /* its name is CORE or, for what is newer, LINUX */
	uint32_t type;
	const char *desc;
	size_t size;
};

/* Sets *out to the next note; *position is 0 at first. Returns false at the end.
 * notes = ( name-size desc-size type name desc )*, name and desc padded to 4 bytes */
static bool next_note(const struct core *c, size_t *position, struct note *out)
{
	size_t left = c->notes_size - *position;
	const char *p;
	Elf64_Nhdr note;

	if (left < sizeof(note))
		return false;
	p = c->notes + *position;
	memcpy(&note, p, sizeof(note));
	size_t name = ((size_t)note.n_namesz + 3) & ~(size_t)3;
	size_t desc = ((size_t)note.n_descsz + 3) & ~(size_t)3;

	p += sizeof(note);
	left -= sizeof(note);
	if (name > left || note.n_descsz > left - name)
		return false;
	*out = (struct note){
		.is_of_kernel = (note.n_namesz == sizeof("CORE") &&
				 memcmp(p, "CORE", sizeof("CORE")) == 0) ||
				(note.n_namesz == sizeof("LINUX") &&
				 memcmp(p, "LINUX", sizeof("LINUX")) == 0),
		.type = note.n_type,
		.desc = p + name,
		.size = note.n_descsz,
	};
	left -= name;
	*position = c->notes_size - (desc < left ? left - desc : 0);
	return true;
}

static int read_notes(struct core *c)
{
	size_t position = 0;
	struct note note;
	int r = 0;

	while (!r && next_note(c, &position, &note))
		if (note.is_of_kernel)
			r = read_note(c, note.type, note.desc, note.size);
	return r;
}

/* Each thread has a note with its ID and general registers, followed by those with others. */
static int read_threads(struct hp_target *t, struct hp_target_threads *threads)
{
	const struct core *c = core_of(t);
	size_t position = 0;
	struct note note;
	int32_t id;
	int r = 0;

	while (!r && next_note(c, &position, &note)) {
		if (!note.is_of_kernel)
			continue;
		if (note.type == NT_PRSTATUS && note.size > PRSTATUS_REGISTERS) {
			memcpy(&id, note.desc + PRSTATUS_ID, sizeof(id));
			r = hp_target_add_thread(t, threads, id, note.desc + PRSTATUS_REGISTERS,
						 note.size - PRSTATUS_REGISTERS);
		} else if (note.type == NT_X86_XSTATE && threads->n > 0) {
			r = hp_target_add_words(t, threads, note.desc, note.size);
		}
	}
	return r;
}

/* --- maps ----------------------------------------------------------------------------------- */

static int compare_files(const void *left, const void *right)
{
	const struct file_range *a = left, *b = right;

	return a->start < b->start ? -1 : a->start > b->start;
}

static const struct file_range *file_at(const struct core *c, uint64_t address)
{
	size_t low = 0, high = c->n_files;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (c->files[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == c->n_files || c->files[low].start > address)
		return NULL;
	return &c->files[low];
}

/* If ranges overlap, as they do in no valid core, file_at() finds one of them or none. */
static void sort_files(struct core *c)
{
	if (c->n_files > 0)
		qsort(c->files, c->n_files, sizeof(*c->files), compare_files);
}

/* Escapes a path as the kernel does. */
static void print_path(FILE *maps, const char *path)
{
	for (; *path; path++)
		if (*path == '\n')
			fputs("\\012", maps);
		else
			putc(*path, maps);
}

static void print_mapping(FILE *maps, const struct segment *s, const struct file_range *file)
{
	fprintf(maps, "%08" PRIx64 "-%08" PRIx64 " %c%c%cp %08" PRIx64 " 00:00 0 ", s->start,
		s->start + s->size, s->flags & PF_R ? 'r' : '-', s->flags & PF_W ? 'w' : '-',
		s->flags & PF_X ? 'x' : '-', file ? file->offset + (s->start - file->start) : 0);
	if (file)
		print_path(maps, file->path);
	putc('\n', maps);
}

static int make_maps(struct core *c)
{
	size_t size = 0;
	char *text = NULL;
	FILE *maps = open_memstream(&text, &size);

	if (!maps)
		return hp_target_no_memory(&c->target);
	for (size_t i = 0; i < c->n_segments; i++) {
		const struct file_range *file = file_at(c, c->segments[i].start);

		if (file && !c->target.program)
			c->target.program = strdup(file->path);
		print_mapping(maps, &c->segments[i], file);
	}
	if (fclose(maps) != 0) {
		free(text);
		return hp_target_no_memory(&c->target);
	}
	return hp_target_parse_maps(&c->target, text, size);
}

static const struct hp_target_ops core_ops = {
	.read = read_pieces,
	.next_pages = next_pages,
	.read_threads = read_threads,
	.check = check,
	.explain = explain,
	.close = close_core,
};

int hp_target_open_core(int fd, struct hp_target **out)
{
	struct core *c = calloc(1, sizeof(*c));
	struct stat status;
	int r;

	*out = NULL;
	if (!c) {
		close(fd);
		return HP_TARGET_E;
	}
	*out = &c->target;
	c->fd = fd;
	c->target.ops = &core_ops;
	c->target.is_frozen = true;
	if (fstat(fd, &status) != 0)
		return hp_target_error(&c->target, "%s", strerror(errno));
	c->size = (uint64_t)status.st_size;
	c->target.time = status.st_mtim;
	r = read_headers(c);
	if (!r)
		r = read_notes(c);
	if (!r) {
		sort_files(c);
		r = add_missing_segments(c);
	}
	if (!r)
		r = make_maps(c);
	if (!r && c->size < c->wanted_size)
		snprintf(c->target.note, sizeof(c->target.note),
			 "the core was cut: %ju of %ju bytes are there", (uintmax_t)c->size,
			 (uintmax_t)c->wanted_size);
	return r;
}
