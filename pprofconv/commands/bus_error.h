/* SPDX-License-Identifier: MIT */
/* A bus error is the signal SIGBUS. Programs and debug files are mapped while they are read. If
 * another program truncates such a file meanwhile, as a build does, or if its disk or server fails,
 * its pages have no bytes any more, and reading them raises the signal. */
#pragma once

/* Handles the signal: such a read ends the program with a message that names the file, and with
 * exit status 2. A SIGBUS that another process sent, or that reports broken memory, kills the
 * program as usual. No output is left half written; but if each input has an output of its own, the
 * outputs of earlier inputs stay. */
void bus_error_explain(void);
