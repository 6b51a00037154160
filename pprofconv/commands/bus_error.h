/* SPDX-License-Identifier: MIT */
/* A bus error is the signal SIGBUS. Programs and debug files are mapped while they are read; if
 * another program truncates such a file meanwhile, as a build does, or its disk or server fails,
 * its pages have no bytes any more, and reading them raises the signal. */
#pragma once

/* Makes such a read end the program with a message that names the file, and status 2. A SIGBUS that
 * was sent, or that reports broken memory, kills as usual. No output is half written then, but if
 * each input has its own, those of earlier inputs stay. */
void bus_error_explain(void);
