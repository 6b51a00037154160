/* SPDX-License-Identifier: MIT */
/* A report ends with the next command, which can be pasted into a shell. */
#pragma once
#include <stddef.h>
#include <stdio.h>

/* Print "  pprofconv COMMAND FILE..." and "  heapprof COMMAND ARGUMENT..." as a line. The programs
 * are named by their paths unless they are in $PATH. Return the exit status. */
int next_command_pprofconv(FILE *stream, const char *command, char *const arguments[], size_t n);
int next_command_heapprof(FILE *stream, const char *command, char *const arguments[], size_t n);
