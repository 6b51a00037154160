/* SPDX-License-Identifier: MIT */
/* What heapprof_pool.h finds in this library, by the name of this function. */
#pragma once
#include "control/heapprof_pool.h"

/* Any thread; may allocate: no. */
const struct heapprof_pools *heapprof_pools(void);
