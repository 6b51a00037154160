/* SPDX-License-Identifier: MIT */
/* For programs written for gperftools: see heapprof.h. Installed in a folder of its own, which
 * `pkg-config --cflags heapprof-gperftools` names, so that it is not in the way of the real one. */
#include <heapprof.h>
