/* SPDX-License-Identifier: MIT */
/* Programs and debug files are mapped while they are read. One that somebody else truncates
 * meanwhile, as a build in the same place does, has no bytes behind those pages any more. */
#pragma once

/* Lets such a read end the program with a line that names the file, and status 2, instead of by
 * SIGBUS. Nothing has been written by then. */
void bus_error_explain(void);
