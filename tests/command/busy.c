/* SPDX-License-Identifier: MIT */
/* Starts a busy process (busy_process.h) that a test attaches to, and says how it is.
 *
 *	busy many|one
 *
 * Prints the process's ID. For each line on standard input it waits until all threads of the
 * process have worked on, and prints how often something was wrong and how often a call was
 * interrupted. */
#include "../unit/busy_process.h"

int main(int argc, char **argv)
{
	int (*run)(void) = argc > 1 && strcmp(argv[1], "many") == 0 ? run_many : run_one;
	pid_t child;
	char line[16];

	map_shared();
	child = make_child(run);
	printf("%d\n", child);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		await_all(run);
		printf("%d %d\n", shared->n_wrong, shared->n_interrupted);
		fflush(stdout);
	}
	end_child_after_kills(child);
	return test_failures != 0;
}
