/* SPDX-License-Identifier: MIT */
/* The page is mapped as it stays, executable and not writable: so it can also be mapped in a
 * process whose memory must never become executable later (PR_SET_MDWE). */
#include "inject/near_page.h"
#include "inject/entry_patch.h"
#include "inject/host.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum {
	LOWEST = 1 << 20,
	ROOM = 64 << 10, /* that stays free next to mappings that grow */
	MAP_EXACTLY = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
};

static bool has_path(const struct hp_target_mapping *m, const char *name)
{
	return m && m->path && m->path_size == strlen(name) &&
	       memcmp(m->path, name, m->path_size) == 0;
}

/* --- gaps ------------------------------------------------------------------------------------- */

struct reach { /* addresses at which the page may begin */
	uint64_t first, last;
};

static struct reach reach_of(const uint64_t *addresses, size_t n)
{
	struct reach reach = {LOWEST, INT64_MAX};

	for (size_t i = 0; i < n; i++) {
		uint64_t a = addresses[i];
		uint64_t first = a > HP_ENTRY_NEAR ? a - HP_ENTRY_NEAR : 0;
		uint64_t last = a + HP_ENTRY_NEAR - HP_NEAR_PAGE_SIZE;

		reach.first = first > reach.first ? first : reach.first;
		reach.last = last < reach.last ? last : reach.last;
	}
	return reach;
}

/* Returns the place for a page in a gap, as high as possible, or 0. */
static uint64_t place_in(struct reach reach, uint64_t start, uint64_t end)
{
	uint64_t first = reach.first > start ? reach.first : start, last;

	if (end < start || end - start < HP_NEAR_PAGE_SIZE)
		return 0;
	last = end - HP_NEAR_PAGE_SIZE;
	last = (reach.last < last ? reach.last : last) & ~(uint64_t)4095;
	return last >= first ? last : 0;
}

static uint64_t nearer(uint64_t a, uint64_t b, uint64_t to)
{
	uint64_t far_a = a > to ? a - to : to - a, far_b = b > to ? b - to : to - b;

	return !a || (b && far_b < far_a) ? b : a;
}

/* The heap grows up, and the first stack grows down: the page is not next to them. */
uint64_t hp_near_page_gap(const struct hp_target *t, const uint64_t *addresses, size_t n)
{
	struct reach reach = reach_of(addresses, n);
	uint64_t end = 0, found = 0;

	for (size_t i = 0; i <= t->n_mappings; i++) {
		const struct hp_target_mapping *m = i < t->n_mappings ? &t->mappings[i] : NULL;
		uint64_t next = m ? m->start : end + 2 * (uint64_t)HP_ENTRY_NEAR;

		if (i > 0 && has_path(&t->mappings[i - 1], "[heap]"))
			end += HP_ENTRY_NEAR / 2;
		if (m && has_path(m, "[stack]"))
			next -= HP_ENTRY_NEAR / 2; /* of a stack below that, the gap is skipped */
		if (next < (uint64_t)1 << 47)
			found = nearer(found, place_in(reach, end + ROOM, next), addresses[0]);
		end = m ? m->end : end;
	}
	return found;
}

/* --- mapping ---------------------------------------------------------------------------------- */

int hp_near_page_explain(struct hp_target *t, int64_t result)
{
	if (result == -EACCES || result == -EPERM)
		return hp_target_error(t,
				       "no code can be mapped in it but that of files: SELinux's "
				       "execmem forbids it; start it by heapprof run instead");
	return hp_target_error(t, "mmap fails in it: %s", strerror((int)-result));
}

int hp_near_page_no_gap(struct hp_target *t)
{
	return hp_target_error(t,
			       "less than %d KiB are free within 1 GiB of its allocator; start it "
			       "by heapprof run instead",
			       HP_NEAR_PAGE_SIZE >> 10);
}

int hp_near_page_map(struct hp_target *t, struct hp_system_call_host *host,
		     const uint64_t *addresses, size_t n, uint64_t *out)
{
	struct hp_stub_call map = {.number = SYS_mmap,
				   .arguments = {hp_near_page_gap(t, addresses, n),
						 HP_NEAR_PAGE_SIZE, PROT_READ | PROT_EXEC,
						 MAP_EXACTLY, (uint64_t)-1, 0}};
	int64_t result;
	int r;

	if (!map.arguments[0])
		return hp_near_page_no_gap(t);
	r = hp_system_call(host, &map, &result);
	if (r)
		return r;
	if (result < 0 && result > -4096)
		return hp_near_page_explain(t, result);
	*out = (uint64_t)result;
	if (*out == map.arguments[0])
		return 0;
	/* Before Linux 4.17 the kernel does not know MAP_FIXED_NOREPLACE. */
	r = hp_near_page_unmap(t, host, *out);
	return r ? r : hp_target_error(t, "this kernel is older than Linux 4.17");
}

int hp_near_page_unmap(struct hp_target *t, struct hp_system_call_host *host, uint64_t page)
{
	const struct hp_stub_call call = {.number = SYS_munmap,
					  .arguments = {page, HP_NEAR_PAGE_SIZE}};
	int64_t result;

	return hp_host_call(t, host, "munmap", &call, &result);
}

/* --- recognizing ------------------------------------------------------------------------------ */

bool hp_near_page_is_possible(const struct hp_target_mapping *m, uint64_t address)
{
	return !m->path && m->is_readable && m->is_executable && !m->is_writable && m->is_private &&
	       m->end - address >= HP_NEAR_PAGE_SIZE;
}

bool hp_near_page_is_empty(struct hp_target *t, const struct hp_target_mapping *m)
{
	uint8_t bytes[HP_NEAR_PAGE_SIZE];

	if (!hp_near_page_is_possible(m, m->start) || m->end - m->start != HP_NEAR_PAGE_SIZE ||
	    !hp_target_read(t, m->start, bytes, sizeof(bytes)))
		return false;
	for (size_t i = 0; i < sizeof(bytes); i++)
		if (bytes[i])
			return false;
	return true;
}
