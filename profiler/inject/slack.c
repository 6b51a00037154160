/* SPDX-License-Identifier: MIT */
#include "inject/slack.h"
#include "inject/image.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PAGE_BYTES = 4096,
	ALIGNMENT = 16,
};

const char hp_slack_mark[HP_SLACK_MARK_SIZE] = "heapprof stub 1";

/* --- where threads are ------------------------------------------------------------------------ */

/* Reads the program counter of a stopped thread, the last number of its file. Returns false if the
 * thread runs, or if that is not known. */
static bool read_pc(int pid, const char *thread, uint64_t *out)
{
	char path[320], line[256] = "";
	const char *last;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/syscall", pid, thread);
	file = fopen(path, "re");
	if (!file)
		return false;
	last = fgets(line, sizeof(line), file) ? strrchr(line, ' ') : NULL;
	fclose(file);
	*out = last ? strtoull(last, NULL, 16) : 0;
	return *out != 0;
}

bool hp_slack_is_in_use(const struct hp_target *t, uint64_t slack)
{
	char path[64];
	struct dirent *entry;
	bool is_used = false;
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/task", t->outer_pid);
	folder = opendir(path);
	if (!folder)
		return true;
	while (!is_used && (entry = readdir(folder)) != NULL) {
		uint64_t pc = 0;

		if (entry->d_name[0] != '.')
			is_used = !read_pc(t->outer_pid, entry->d_name, &pc) ||
				  pc - slack < HP_SLACK_SIZE;
	}
	closedir(folder);
	return is_used;
}

/* --- the slack of an image ---------------------------------------------------------------------
 */

static bool is_zero(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i])
			return false;
	return true;
}

/* Only zeroes are used: they are what is put back. */
static bool is_usable(struct hp_target *t, uint64_t slack)
{
	const struct hp_target_mapping *m = hp_target_mapping_at(t, slack);
	uint8_t bytes[HP_SLACK_SIZE];

	if (!m || !m->is_executable || m->is_writable || !m->is_private ||
	    m->end - slack < HP_SLACK_SIZE || !hp_target_read(t, slack, bytes, sizeof(bytes)))
		return false;
	if (memcmp(bytes, hp_slack_mark, HP_SLACK_MARK_SIZE) == 0)
		return !hp_slack_is_in_use(t, slack);
	return is_zero(bytes, sizeof(bytes));
}

static bool find_in(struct hp_target *t, const struct hp_image *image, uint64_t *out)
{
	for (size_t i = 0; i < image->n_headers; i++) {
		const ElfW(Phdr) *h = &image->headers[i];
		uint64_t end = image->bias + h->p_vaddr + h->p_memsz;
		uint64_t slack = (end + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1);
		uint64_t page_end = (end + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);

		if (h->p_type != PT_LOAD || !(h->p_flags & PF_X) || page_end < slack ||
		    page_end - slack < HP_SLACK_SIZE || !is_usable(t, slack))
			continue;
		*out = slack;
		return true;
	}
	return false;
}

/* The vDSO is the kernel's library, mapped in every process. Writing there copies no page of a
 * file.
 */
static bool find_in_vdso(struct hp_target *t, uint64_t *out)
{
	static const char name[] = "[vdso]";

	for (size_t i = 0; i < t->n_mappings; i++) {
		const struct hp_target_mapping *m = &t->mappings[i];

		if (!m->path || m->path_size != strlen(name) ||
		    memcmp(m->path, name, strlen(name)) != 0 || m->end - m->start < PAGE_BYTES)
			continue;
		*out = (m->end - HP_SLACK_SIZE) & ~(uint64_t)(ALIGNMENT - 1);
		return is_usable(t, *out);
	}
	return false;
}

/* Other libraries may be closed: if this tool is killed, a thread may be in the slack then. */
static bool is_permanent(struct hp_target *t, const struct hp_image *image)
{
	const struct hp_target_mapping *m = hp_target_mapping_at(t, image->start);

	return (m && m->path && t->program && strlen(t->program) == m->path_size &&
		memcmp(t->program, m->path, m->path_size) == 0) ||
	       hp_image_symbol(t, image, "__libc_start_main", NULL) ||
	       hp_image_symbol(t, image, "_dl_debug_state", NULL);
}

/* Of the others, those with the highest addresses were mapped first, as the program started. */
int hp_slack_find(struct hp_target *t, uint64_t *out)
{
	struct hp_image image;
	size_t position = 0;
	uint64_t found = 0, slack;

	if (find_in_vdso(t, out))
		return 0;
	while (hp_image_next(t, &position, &image)) {
		if (!find_in(t, &image, &slack))
			continue;
		found = slack;
		if (is_permanent(t, &image))
			break;
	}
	*out = found;
	if (found)
		return 0;
	return hp_target_error(t,
			       "no system call can be made in it: after the code of each of its "
			       "libraries there is less than %d free bytes",
			       HP_SLACK_SIZE);
}

/* --- what killed tools have left -------------------------------------------------------------- */

/* All slack is in the last page of a mapping with code. */
bool hp_slack_next_left(struct hp_target *t, size_t *position, uint64_t *out)
{
	uint8_t page[PAGE_BYTES];

	while (*position < t->n_mappings) {
		const struct hp_target_mapping *m = &t->mappings[(*position)++];
		uint64_t start = m->end - sizeof(page);

		if (!m->path || !m->is_executable || m->is_writable || !m->is_private ||
		    !hp_target_read(t, start, page, sizeof(page)))
			continue;
		for (size_t i = 0; i + HP_SLACK_SIZE <= sizeof(page); i += ALIGNMENT) {
			if (memcmp(page + i, hp_slack_mark, HP_SLACK_MARK_SIZE) != 0)
				continue;
			*out = start + i;
			return true;
		}
	}
	return false;
}
