/* SPDX-License-Identifier: MIT */
#include "inject/refuse.h"
#include "inject/image.h"
#include "target/proc_files.h"
#include <dirent.h>
#include <linux/kcmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	INTERPRETER_MAX = 256,
	SECCOMP_STRICT = 1,
	SECCOMP_FILTER = 2,
	LOOKS_MAX = 1000, /* for processes that share memory */
	NAP_NS = 2000000,
};

/* --- what /proc says -----------------------------------------------------------------------------
 */

static int check_state(struct hp_target *t, const char *status)
{
	const char *state = hp_proc_value(status, "State");
	long tracer = hp_proc_first_number(hp_proc_value(status, "TracerPid"));

	if (tracer > 0)
		return hp_target_error(
			t, "is traced by process %ld, as by a debugger; end that first", tracer);
	state = state ? state + strspn(state, " \t") : "";
	if (*state == 'T' || *state == 't')
		return hp_target_error(t, "is stopped; continue it first (kill -CONT %d)",
				       t->outer_pid);
	return 0;
}

static int check_seccomp(struct hp_target *t, const char *status)
{
	long mode = hp_proc_first_number(hp_proc_value(status, "Seccomp"));

	if (mode == SECCOMP_STRICT)
		return hp_target_error(t, "is in seccomp's strict mode: any system call of ours "
					  "would end it; start it by heapprof run instead");
	if (mode == SECCOMP_FILTER)
		return hp_target_error(t, "has a seccomp filter: a system call of ours might end "
					  "it; start it by heapprof run instead");
	return 0;
}

static int check_shadow_stack(struct hp_target *t, const char *status)
{
	const char *features = hp_proc_value(status, "x86_Thread_features");
	const char *end = features ? strchr(features, '\n') : NULL;
	const char *found = end ? memmem(features, (size_t)(end - features), "shstk", 5) : NULL;

	return found ? hp_target_error(t, "has shadow stacks, which a thread of ours would lack; "
					  "start it with GLIBC_TUNABLES=glibc.cpu.hwcaps=-SHSTK")
		     : 0;
}

static int check_status(struct hp_target *t)
{
	char *status;
	int r;

	if (hp_proc_read_process(t->task, "status", &status) < 0)
		return hp_target_error(t, "no such process");
	r = check_state(t, status);
	if (!r)
		r = check_seccomp(t, status);
	if (!r)
		r = check_shadow_stack(t, status);
	free(status);
	return r;
}

/* --- other processes -----------------------------------------------------------------------------
 */

/* Returns another process that has the same memory, or 0. */
static int find_sharer(const struct hp_target *t)
{
	int task = t->task ? t->task : t->outer_pid, found = 0;
	DIR *folder = opendir("/proc");
	struct dirent *entry;

	while (folder && !found && (entry = readdir(folder)) != NULL) {
		int pid = (int)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && pid != t->outer_pid &&
		    syscall(SYS_kcmp, task, pid, KCMP_VM, 0, 0) == 0)
			found = pid;
	}
	if (folder)
		closedir(folder);
	return found;
}

/* The child of a vfork() has its parent's memory until it executes a program: that ends soon. */
static int check_sharers(struct hp_target *t)
{
	const struct timespec nap = {.tv_nsec = NAP_NS};
	int sharer = find_sharer(t);

	for (int i = 0; sharer && i < LOOKS_MAX; i++) {
		nanosleep(&nap, NULL);
		sharer = find_sharer(t);
	}
	return sharer ? hp_target_error(t,
					"shares its memory with process %d, which would not be "
					"stopped meanwhile; end that first",
					sharer)
		      : 0;
}

/* --- the program ---------------------------------------------------------------------------------
 */

static const struct hp_target_mapping *find_program(const struct hp_target *t)
{
	for (size_t i = 0; i < t->n_mappings; i++) {
		const struct hp_target_mapping *m = &t->mappings[i];

		if (t->program && m->path && m->offset == 0 && strlen(t->program) == m->path_size &&
		    memcmp(t->program, m->path, m->path_size) == 0)
			return m;
	}
	return NULL;
}

/* The loader shows which C library it is: glibc's is ld-linux-MACHINE.so.N. */
static int check_interpreter(struct hp_target *t, const struct hp_image *program)
{
	const ElfW(Phdr) *segment = hp_image_segment(program, PT_INTERP);
	char path[INTERPRETER_MAX] = "";
	const char *name;

	if (!segment)
		return hp_target_error(t,
				       "is a static program, which can't load a library; link it "
				       "dynamically");
	if (segment->p_filesz >= sizeof(path) ||
	    !hp_target_read(t, program->bias + segment->p_vaddr, path, segment->p_filesz))
		return hp_target_error(t, "the path of its loader can't be read");
	name = strrchr(path, '/');
	name = name ? name + 1 : path;
	if (strncmp(name, "ld-linux", strlen("ld-linux")) != 0)
		return hp_target_error(t,
				       "runs on another C library than glibc, %.40s; only glibc is "
				       "supported",
				       strncmp(name, "ld-musl", strlen("ld-musl")) == 0
					       ? "musl"
					       : "of an unknown loader");
	return 0;
}

static int check_program(struct hp_target *t)
{
	const struct hp_target_mapping *m = find_program(t);
	struct hp_image image;
	ElfW(Ehdr) header;

	if (!m || !hp_target_read(t, m->start, &header, sizeof(header)) ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
		return hp_target_error(t, "its program can't be found in its memory");
	if (header.e_ident[EI_CLASS] != ELFCLASS64)
		return hp_target_error(t,
				       "is a 32-bit program; only 64-bit programs are supported");
#ifdef __x86_64__
	if (header.e_machine != EM_X86_64)
		return hp_target_error(t, "is a program for another machine");
#endif
	if (!hp_image_at(t, m->start, &image))
		return hp_target_error(t, "its program can't be found in its memory");
	return check_interpreter(t, &image);
}

int hp_refuse(struct hp_target *t)
{
	int r = check_status(t);

	if (!r)
		r = check_program(t);
	return r ? r : check_sharers(t);
}
