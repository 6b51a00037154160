/* SPDX-License-Identifier: MIT */
/* Finds out whether the loader would preload a library into a program on disk. Only the program's
 * first bytes are read. */
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum program_kind {
	PROGRAM_CAN_BE_PROFILED,
	PROGRAM_MISSING, /* `error` says why */
	PROGRAM_NOT_A_FILE,
	PROGRAM_NOT_EXECUTABLE,
	PROGRAM_UNREADABLE, /* it may be executed but not inspected; `error` says why */
	PROGRAM_STATIC,
	PROGRAM_LIBRARY,
	PROGRAM_CORE,
	PROGRAM_OBJECT, /* not linked */
	PROGRAM_MUSL,
	PROGRAM_OTHER_LOADER,
	PROGRAM_32_BIT,
	PROGRAM_OTHER_MACHINE,
	PROGRAM_SET_ID, /* set-user-ID or set-group-ID of another user or group */
	PROGRAM_CAPABILITIES,
	PROGRAM_DAMAGED, /* neither a program nor a script, or cut short */
};

struct program_facts {
	enum program_kind kind;
	int error;
	bool is_script;
	char path[PATH_MAX];   /* of the program itself; of a script, of its interpreter */
	char loader[PATH_MAX]; /* that an ELF file asks for, or empty */
};

/* Finds the file that execvp(3) would execute for `name` and stores its path. Returns 0, -ENOENT,
 * or -EACCES if there are such files but none can be executed; out_path is then the first of them.
 */
int program_find(const char *name, char out_path[PATH_MAX]);

/* Inspects the program at `path`, and the interpreter if it is a script. */
void program_inspect(const char *path, struct program_facts *out);

/* Inspects an ELF file that is open for reading: sets `kind`, `error` and `loader`. Files that are
 * not ELF are PROGRAM_DAMAGED. */
void program_inspect_elf(int fd, struct program_facts *facts);

/* Parses the first line of a script and stores its interpreter. "#!/usr/bin/env NAME" stores NAME.
 * Returns false if `head` does not begin with such a line. */
bool program_parse_script(const char *head, size_t size, char out_interpreter[PATH_MAX]);

/* Returns the part of a path after its last slash. */
const char *program_base_name(const char *path);

/* Writes a sentence that says why the program `name` can't be profiled, and what to do. */
void program_describe(const struct program_facts *facts, const char *name, char *out, size_t size);

/* Inspects the program that execvp(3) would execute for `name`. Unless it can be profiled, or can't
 * be inspected, prints why not. Returns the exit status. */
int program_check(const char *name, struct program_facts *out);
