/* SPDX-License-Identifier: MIT */
#include "command/find_library.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "command/inspect_program.h"

struct library {
	const char *name, *variable;
};

static const struct library preloaded = {"libheapprof.so", "HEAPPROF_LIBRARY"};
static const struct library attached = {ATTACHED_NAME, "HEAPPROF_ATTACH_LIBRARY"};

/* Stores the absolute form of `path`, which is relative to this program's folder. Returns false if
 * there is no such file. */
static bool find_near(const char *path, char out_path[PATH_MAX])
{
	char self[PATH_MAX], near[2 * PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (size <= 0)
		return false;
	self[size] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return false;
	*slash = '\0';
	snprintf(near, sizeof(near), "%s/%s", self, path);
	return realpath(near, out_path) != NULL && access(out_path, R_OK) == 0;
}

static int find_given(const struct library *library, const char *given, char out_path[PATH_MAX])
{
	if (!strchr(given, '/')) {
		snprintf(out_path, PATH_MAX, "%s", given);
		return EXIT_DONE;
	}
	if (realpath(given, out_path) && access(out_path, R_OK) == 0)
		return EXIT_DONE;
	return command_error("%s=%s: %s; set it to the path of %s", library->variable, given,
			     strerror(errno), library->name);
}

static int find(const struct library *library, char out_path[PATH_MAX])
{
	const char *given = getenv(library->variable);
	char built[64], installed[PATH_MAX];

	if (given && *given)
		return find_given(library, given, out_path);
	snprintf(built, sizeof(built), "../%s", library->name);
	snprintf(installed, sizeof(installed), HEAPPROF_LIBDIR_FROM_BINDIR "/%s", library->name);
	if (find_near(built, out_path) || find_near(installed, out_path))
		return EXIT_DONE;
	snprintf(out_path, PATH_MAX, HEAPPROF_LIBDIR "/%s", library->name);
	if (access(out_path, R_OK) == 0)
		return EXIT_DONE;
	return command_error("%s: no such library; set %s to the path of %s", out_path,
			     library->variable, library->name);
}

int library_find(char out_path[PATH_MAX])
{
	return find(&preloaded, out_path);
}

int library_find_attached(char out_path[PATH_MAX])
{
	return find(&attached, out_path);
}

void library_find_pprofconv(char out_path[PATH_MAX])
{
	if (program_find("pprofconv", out_path) == 0) {
		snprintf(out_path, PATH_MAX, "pprofconv");
		return;
	}
	if (!find_near("pprofconv", out_path) && !find_near("../../pprofconv/pprofconv", out_path))
		snprintf(out_path, PATH_MAX, "pprofconv");
}

void library_find_heapprof(char out_path[PATH_MAX])
{
	if (program_find("heapprof", out_path) == 0 || !find_near("heapprof", out_path))
		snprintf(out_path, PATH_MAX, "heapprof");
}
