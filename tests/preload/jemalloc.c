/* SPDX-License-Identifier: MIT */
/* Uses jemalloc's own interface if the process has it. */
#include "entries.h"

__attribute__((weak)) void *mallocx(size_t size, int flags);
__attribute__((weak)) void *rallocx(void *p, size_t size, int flags);
__attribute__((weak)) size_t xallocx(void *p, size_t size, size_t extra, int flags);
__attribute__((weak)) void dallocx(void *p, int flags);
__attribute__((weak)) void sdallocx(void *p, size_t size, int flags);

static NOINLINE void do_mallocx(int is_first)
{
	EXPECT(2, 600, 4, 1200);
	sink = mallocx(hide(100), 0);
	sink = mallocx(hide(500), 6 /* aligned to 64 */);
	sink = mallocx(hide(100), 0);
	dallocx(sink, 0);
	sink = mallocx(hide(500), 0);
	sdallocx(sink, hide(500), 0);
}

static NOINLINE void do_rallocx(int is_first)
{
	EXPECT(1, 3000, 2, 3100);
	sink = mallocx(hide(100), 0);
	sink = rallocx(sink, hide(3000), 0);
}

static NOINLINE void do_xallocx(int is_first)
{
	EXPECT(1, 100, 1, 100);
	sink = mallocx(hide(100), 0);
	if (xallocx(sink, hide(1 << 20), 0, 0) >= 1 << 20)
		abort(); /* the block can't grow that far in place */
}

void do_everything(int is_first)
{
	if (!mallocx || !rallocx || !xallocx || !dallocx || !sdallocx)
		return;
	do_mallocx(is_first);
	do_rallocx(is_first);
	do_xallocx(is_first);
}
