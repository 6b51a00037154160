/* SPDX-License-Identifier: MIT */
/* This header is for programs that were written for gperftools: see heapprof.h. It is installed in
 * a folder of its own, so that it does not hide gperftools' own header. `pkg-config --cflags
 * heapprof-gperftools` prints that folder. */
#include <heapprof.h>
