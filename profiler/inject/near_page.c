/* SPDX-License-Identifier: MIT */
/* The page is mapped as it stays, executable and not writable: so it can also be mapped in a
 * process whose memory must never become executable later (PR_SET_MDWE). */
#include "inject/near_page.h"
#include "inject/gap.h"
#include "inject/host.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum {
	MAP_EXACTLY = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
};

uint64_t hp_near_page_gap(const struct hp_target *t, const uint64_t *addresses, size_t n)
{
	return hp_gap_find(t, addresses, n, HP_NEAR_PAGE_SIZE);
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
