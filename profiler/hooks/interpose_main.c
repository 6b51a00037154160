/* SPDX-License-Identifier: MIT */
/* The hooks for the moment at which main returns or exit() is called: no destructor has run yet,
 * nor a handler of atexit(). They do something only if there is to be a last look. */
#include "control/last_look.h"
#include "control/lifecycle.h"
#include "control/startup.h"
#include "hooks/hooks.h"
#include "process/symbols.h"
#include <stdlib.h>
#include <unistd.h>

typedef int main_function(int argc, char **argv, char **environment);
typedef int start_function(main_function *main, int argc, char **argv, void (*init)(void),
			   void (*fini)(void), void (*loader_fini)(void), void *stack_end);

/* NOLINTNEXTLINE(bugprone-reserved-identifier): the C library's name */
start_function __libc_start_main;

static main_function *main_of_program;
static void (*next_exit)(int);

static int run_main(int argc, char **argv, char **environment)
{
	int status = main_of_program(argc, argv, environment);

	hp_lifecycle_exit_begins();
	return status;
}

/* The code at a program's entry calls this. */
HOOK int __libc_start_main(main_function *main, int argc, char **argv, void (*init)(void),
			   void (*fini)(void), void (*loader_fini)(void), void *stack_end)
{
	start_function *next = (start_function *)hp_symbol_next("__libc_start_main");

	next_exit = (void (*)(int))hp_symbol_next("exit");
	hp_startup_init();
	if (hp_last_look_is_wanted()) {
		main_of_program = main;
		main = run_main;
	}
	return next(main, argc, argv, init, fini, loader_fini, stack_end);
}

HOOK void exit(int status)
{
	hp_lifecycle_exit_begins();
	if (!next_exit)
		next_exit = (void (*)(int))hp_symbol_next("exit");
	if (next_exit)
		next_exit(status);
	_exit(status);
}
