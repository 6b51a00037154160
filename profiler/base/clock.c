/* SPDX-License-Identifier: MIT */
/* The clock is read by a direct call to the vDSO. The C library's clock_gettime() would do the
 * same, but another preloaded library may have interposed it with a function that allocates. */
#include "base/clock.h"
#include "base/sys.h"
#include <dlfcn.h>

/* Before glibc 2.34 these are in a library of their own, which is not needed for this. */
#pragma weak dlopen
#pragma weak dlsym

static int (*read_clock)(clockid_t clock, struct timespec *out);

void hp_clock_init(void)
{
	void *vdso = dlopen && dlsym ? dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD) : NULL;

	if (vdso)
		read_clock =
			(int (*)(clockid_t, struct timespec *))dlsym(vdso, "__vdso_clock_gettime");
}

uint64_t hp_clock_coarse_ms(void)
{
	struct timespec now = {0};

	if (!read_clock || read_clock(CLOCK_MONOTONIC_COARSE, &now) != 0)
		now = hp_sys_clock(CLOCK_MONOTONIC_COARSE);
	return (uint64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
