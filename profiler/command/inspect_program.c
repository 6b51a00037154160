/* SPDX-License-Identifier: MIT */
#include "command/inspect_program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cli/command.h"

#define HEAD_SIZE       256 /* bytes in which the kernel looks for an interpreter */
#define SEGMENTS_MAX    256
#define DYNAMIC_MAX     256
#define SCRIPT_DEPTH    5 /* how many scripts may be each other's interpreters, as in the kernel */
#define DEFAULT_FOLDERS "/bin:/usr/bin"

const char *program_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* --- finding ------------------------------------------------------------------------------- */

static bool is_file(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

/* Joins a folder and a name; an empty folder is the current one. Returns false if there is no such
 * file. */
static bool find_in(const char *folder, size_t size, const char *name, char path[PATH_MAX])
{
	int n = snprintf(path, PATH_MAX, "%.*s%s%s", (int)size, folder, size ? "/" : "", name);

	return n > 0 && n < PATH_MAX && is_file(path);
}

int program_find(const char *name, char out_path[PATH_MAX])
{
	const char *folders = getenv("PATH");
	char path[PATH_MAX];
	bool is_found = false;

	snprintf(out_path, PATH_MAX, "%s", name);
	if (strchr(name, '/') || !*name)
		return *name && strlen(name) < PATH_MAX ? 0 : -ENOENT;
	if (!folders)
		folders = DEFAULT_FOLDERS;
	for (size_t size;; folders += size + 1) {
		size = strcspn(folders, ":");
		if (find_in(folders, size, name, path)) {
			bool can_execute = access(path, X_OK) == 0;

			if (can_execute || !is_found)
				memcpy(out_path, path, PATH_MAX);
			if (can_execute)
				return 0;
			is_found = true;
		}
		if (!folders[size])
			return is_found ? -EACCES : -ENOENT;
	}
}

/* --- ELF ----------------------------------------------------------------------------------- */

static enum program_kind judge_loader(const char *loader)
{
	const char *name = program_base_name(loader);

	if (strncmp(name, "ld-musl-", 8) == 0)
		return PROGRAM_MUSL;
	return strncmp(name, "ld-linux-x86-64.so", 18) == 0 ? PROGRAM_CAN_BE_PROFILED
							    : PROGRAM_OTHER_LOADER;
}

static enum program_kind read_loader(int fd, const Elf64_Phdr *segment, struct program_facts *facts)
{
	size_t size = segment->p_filesz;

	if (size < 2 || size > sizeof(facts->loader) ||
	    pread(fd, facts->loader, size, (off_t)segment->p_offset) != (ssize_t)size ||
	    facts->loader[size - 1] != '\0') {
		facts->loader[0] = '\0';
		return PROGRAM_DAMAGED;
	}
	return judge_loader(facts->loader);
}

/* Returns whether the linker has marked the file as a program, and not as a library. Otherwise they
 * look alike if no loader is named. */
static bool is_marked_as_program(int fd, const Elf64_Phdr *segment)
{
	Elf64_Dyn entries[DYNAMIC_MAX];
	size_t size = segment->p_filesz < sizeof(entries) ? segment->p_filesz : sizeof(entries);
	ssize_t got = pread(fd, entries, size, (off_t)segment->p_offset);

	for (size_t i = 0; got > 0 && i < (size_t)got / sizeof(*entries); i++)
		if (entries[i].d_tag == DT_FLAGS_1)
			return entries[i].d_un.d_val & DF_1_PIE;
	return false;
}

/* Judges a file that names no loader. */
static enum program_kind judge_alone(int fd, const Elf64_Ehdr *header, const Elf64_Phdr *dynamic)
{
	return header->e_type == ET_DYN && dynamic && !is_marked_as_program(fd, dynamic)
		       ? PROGRAM_LIBRARY
		       : PROGRAM_STATIC;
}

/* Looks for PT_INTERP; a program without it is static. */
static enum program_kind judge_segments(int fd, const Elf64_Ehdr *header,
					struct program_facts *facts)
{
	Elf64_Phdr segments[SEGMENTS_MAX];
	size_t size = header->e_phnum * sizeof(*segments);
	const Elf64_Phdr *dynamic = NULL;

	if (header->e_phentsize != sizeof(*segments) || header->e_phnum > SEGMENTS_MAX ||
	    pread(fd, segments, size, (off_t)header->e_phoff) != (ssize_t)size)
		return PROGRAM_DAMAGED;
	for (size_t i = 0; i < header->e_phnum; i++)
		if (segments[i].p_type == PT_INTERP)
			return read_loader(fd, &segments[i], facts);
		else if (segments[i].p_type == PT_DYNAMIC)
			dynamic = &segments[i];
	return judge_alone(fd, header, dynamic);
}

void program_inspect_elf(int fd, struct program_facts *facts)
{
	Elf64_Ehdr header = {0};
	ssize_t size = pread(fd, &header, sizeof(header), 0);

	facts->loader[0] = '\0';
	facts->kind = PROGRAM_DAMAGED;
	if (size < EI_NIDENT || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
		return;
	if (header.e_ident[EI_CLASS] == ELFCLASS32)
		facts->kind = PROGRAM_32_BIT;
	else if (size < (ssize_t)sizeof(header))
		return;
	else if (header.e_machine != EM_X86_64 || header.e_ident[EI_DATA] != ELFDATA2LSB)
		facts->kind = PROGRAM_OTHER_MACHINE;
	else if (header.e_type == ET_CORE)
		facts->kind = PROGRAM_CORE;
	else if (header.e_type == ET_REL)
		facts->kind = PROGRAM_OBJECT;
	else if (header.e_type == ET_EXEC || header.e_type == ET_DYN)
		facts->kind = judge_segments(fd, &header, facts);
}

/* --- scripts ------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Takes the next word of [*at, end). Returns its size; 0 if there is none. */
static size_t take_word(const char **at, const char *end, const char **out_word)
{
	while (*at < end && is_blank(**at))
		(*at)++;
	*out_word = *at;
	while (*at < end && !is_blank(**at))
		(*at)++;
	return (size_t)(*at - *out_word);
}

static bool is_env(const char *word, size_t size)
{
	return (size == 3 && memcmp(word, "env", 3) == 0) ||
	       (size > 4 && memcmp(word + size - 4, "/env", 4) == 0);
}

/* first-line = "#!" blank* interpreter [ blank argument ] EOL */
bool program_parse_script(const char *head, size_t size, char out_interpreter[PATH_MAX])
{
	const char *at = head + 2, *word;
	const char *end = memchr(head, '\n', size);
	size_t length;

	if (size < 3 || memcmp(head, "#!", 2) != 0)
		return false;
	if (!end)
		end = head + size;
	length = take_word(&at, end, &word);
	if (is_env(word, length)) {
		const char *next;
		size_t n = take_word(&at, end, &next);

		while (n && (*next == '-' || memchr(next, '=', n))) /* options, assignments */
			n = take_word(&at, end, &next);
		if (n) {
			word = next;
			length = n;
		}
	}
	if (!length || length >= PATH_MAX)
		return false;
	memcpy(out_interpreter, word, length);
	out_interpreter[length] = '\0';
	return true;
}

/* --- the whole file ------------------------------------------------------------------------ */

/* The loader ignores LD_PRELOAD for a program that gains rights which its caller does not have. */
static bool gains_id(const struct stat *status)
{
	return (status->st_mode & S_ISUID && status->st_uid != getuid()) ||
	       ((status->st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) &&
		status->st_gid != getgid());
}

static bool gains_capabilities(int fd)
{
	return getuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0;
}

static void inspect_open_file(int fd, struct program_facts *facts, char interpreter[PATH_MAX])
{
	char head[HEAD_SIZE];
	ssize_t size = pread(fd, head, sizeof(head), 0);

	if (size > 0 && program_parse_script(head, (size_t)size, interpreter))
		return;
	program_inspect_elf(fd, facts);
	if (facts->kind == PROGRAM_DAMAGED &&
	    (size == 0 || (size > 0 && !memchr(head, '\0', (size_t)size) && head[0] != ELFMAG0)))
		snprintf(interpreter, PATH_MAX, "/bin/sh"); /* text: execvp(3) lets sh run it */
	else if (facts->kind == PROGRAM_CAN_BE_PROFILED && gains_capabilities(fd))
		facts->kind = PROGRAM_CAPABILITIES;
}

/* Inspects one file; sets `interpreter` if it is a script. */
static void inspect_file(const char *path, struct program_facts *facts, char interpreter[PATH_MAX])
{
	struct stat status;
	int fd;

	interpreter[0] = '\0';
	facts->kind = PROGRAM_CAN_BE_PROFILED;
	if (stat(path, &status) < 0) {
		facts->kind = PROGRAM_MISSING;
		facts->error = errno;
	} else if (!S_ISREG(status.st_mode)) {
		facts->kind = PROGRAM_NOT_A_FILE;
	} else if (access(path, X_OK) < 0) {
		facts->kind = PROGRAM_NOT_EXECUTABLE;
	} else if ((fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)) < 0) {
		facts->kind = PROGRAM_UNREADABLE;
		facts->error = errno;
	} else {
		inspect_open_file(fd, facts, interpreter);
		close(fd);
	}
	/* Linux ignores the set-ID bits of a script. */
	if (facts->kind != PROGRAM_MISSING && !interpreter[0] && S_ISREG(status.st_mode) &&
	    gains_id(&status))
		facts->kind = PROGRAM_SET_ID;
}

void program_inspect(const char *path, struct program_facts *out)
{
	char interpreter[PATH_MAX];

	*out = (struct program_facts){0};
	snprintf(out->path, sizeof(out->path), "%s", path);
	for (int depth = 0; depth <= SCRIPT_DEPTH; depth++) {
		inspect_file(out->path, out, interpreter);
		if (!interpreter[0])
			return;
		out->is_script = true;
		if (program_find(interpreter, out->path) == -ENOENT)
			snprintf(out->path, sizeof(out->path), "%s", interpreter);
	}
	out->kind = PROGRAM_DAMAGED;
}

/* --- words --------------------------------------------------------------------------------- */

void program_describe(const struct program_facts *facts, const char *name, char *out, size_t size)
{
	static const char *const texts[] = {
		[PROGRAM_CAN_BE_PROFILED] = "can be profiled",
		[PROGRAM_MISSING] = "", /* from errno */
		[PROGRAM_NOT_A_FILE] = "is a folder or a device, not a program; name a program",
		[PROGRAM_NOT_EXECUTABLE] = "is not executable; if it is a program, use 'chmod +x'",
		[PROGRAM_UNREADABLE] = "",
		[PROGRAM_STATIC] = "is linked statically, so no library can be preloaded; link it "
				   "without -static",
		[PROGRAM_LIBRARY] = "is a library, not a program; name a program that uses it",
		[PROGRAM_CORE] = "is a core, not a program; 'pprofconv top' shows what is in it",
		[PROGRAM_OBJECT] = "is not linked; name a program",
		[PROGRAM_MUSL] = "uses the C library musl; heapprof needs glibc, so build it for "
				 "glibc",
		[PROGRAM_OTHER_LOADER] = "uses a loader that is not glibc's; build it for glibc",
		[PROGRAM_32_BIT] = "is a 32-bit program; heapprof needs one that is built for "
				   "x86-64",
		[PROGRAM_OTHER_MACHINE] = "is a program for another processor; build it for x86-64",
		[PROGRAM_SET_ID] = "runs with the rights of another user or group (set-user-ID), "
				   "so the loader ignores LD_PRELOAD; profile a copy, made with "
				   "'cp'",
		[PROGRAM_CAPABILITIES] = "runs with capabilities that you don't have, so the "
					 "loader ignores LD_PRELOAD; profile a copy, made with "
					 "'cp'",
		[PROGRAM_DAMAGED] = "is neither a program nor a script; name a program",
	};
	const char *via = facts->is_script ? " is a script, and its interpreter " : "";
	const char *interpreter = facts->is_script ? facts->path : "";

	if (facts->kind == PROGRAM_MISSING && facts->is_script)
		snprintf(out, size, "%s%s%s can't be run: %s; correct the first line", name, via,
			 interpreter, strerror(facts->error));
	else if (facts->kind == PROGRAM_MISSING)
		snprintf(out, size, "%s: %s; check the name", name, strerror(facts->error));
	else if (facts->kind == PROGRAM_UNREADABLE)
		snprintf(out, size, "%s%s%s can't be inspected: %s", name, via, interpreter,
			 strerror(facts->error));
	else
		snprintf(out, size, "%s%s%s %s", name, via, interpreter, texts[facts->kind]);
}

int program_check(const char *name, struct program_facts *out)
{
	char path[PATH_MAX], text[4 * PATH_MAX];

	if (program_find(name, path) == -ENOENT)
		return command_error("no program '%s' in PATH; check the name, or give its path",
				     name);
	program_inspect(path, out);
	if (out->kind == PROGRAM_CAN_BE_PROFILED || out->kind == PROGRAM_UNREADABLE)
		return EXIT_DONE;
	program_describe(out, name, text, sizeof(text));
	return command_error("%s", text);
}
