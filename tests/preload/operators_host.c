/* SPDX-License-Identifier: MIT */
/* A C program that opens C++ libraries. Before it opens them and afterwards it prints whether the
 * process has an operator new and delete.
 *
 *	operators_host local|global LIBRARY... */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static void say_who_has_new(void)
{
	printf("new: %d, delete: %d\n", dlsym(RTLD_DEFAULT, "_Znwm") != NULL,
	       dlsym(RTLD_DEFAULT, "_ZdlPvm") != NULL);
}

int main(int argc, char **argv)
{
	int scope = strcmp(argv[1], "global") == 0 ? RTLD_GLOBAL : RTLD_LOCAL;

	say_who_has_new();
	for (int i = 2; i < argc; i++) {
		void *handle = dlopen(argv[i], RTLD_LAZY | scope);

		if (!handle) {
			printf("%s\n", dlerror());
			return 1;
		}
		void (*use_all)(void) = (void (*)(void))dlsym(handle, "use_all");

		if (use_all)
			use_all();
	}
	say_who_has_new();
	return 0;
}
