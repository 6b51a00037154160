/* SPDX-License-Identifier: MIT */
/* Programs and debug files are mapped while they are read. One that somebody else truncates
 * meanwhile, as a build in the same place does, has no bytes behind those pages any more; nor has
 * one on a disk or a server that fails. */
#pragma once

/* Lets such a read end the program with a line that names the file, and status 2, instead of by
 * SIGBUS; one that was sent, or that tells of broken memory, kills as ever. No output is half
 * written by then, but where each input has its own, those of the inputs before stay. */
void bus_error_explain(void);
