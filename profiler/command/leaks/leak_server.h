/* SPDX-License-Identifier: MIT */
/* A leak server looks for leaks in the processes of a run: in each when it asks for its last look
 * (control/last_look.h), and in all of them when the time of --after has come. It reports what each
 * has lost. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

#include "command/leaks/leaks_settings.h"

struct leak_server;

/* Makes a server, which processes can ask from now on. Prints the error; returns the exit status.
 * The settings must outlive the server. */
int leak_server_new(const struct leaks_settings *settings, struct leak_server **out);

/* Closes the server: processes that wait for it go on. Takes NULL. */
void leak_server_free(struct leak_server *server);

/* Sets the variable of the environment by which processes find the server. */
void leak_server_set_environment(const struct leak_server *server);

/* Returns a descriptor that is readable when there is something to do for leak_server_work(). */
int leak_server_fd(const struct leak_server *server);
void leak_server_work(struct leak_server *server);

/* Starts the time of --after. `child` is the process from which all others descend. */
void leak_server_start(struct leak_server *server, pid_t child);

/* Does what is left to do at the end of the run, and prints a line if nothing leaked, or if no
 * process has asked. Returns the exit status of the run: `status`, that of the program, or that of
 * --exit-code. */
int leak_server_finish(struct leak_server *server, int status);
