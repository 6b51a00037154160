/* SPDX-License-Identifier: MIT */
/* One ELF file: its build ID, its sections, and where its code lies. All of it is untrusted. */
#pragma once
#include <gelf.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/vec.h"

#define BUILD_ID_MAX 64 /* bytes; SHA-1 has 20 */

/* Of one file: the kernel runs none with more than 64 KiB of headers. */
#define OBJECT_SEGMENTS_MAX (65536 / sizeof(Elf64_Phdr))

enum {
	OBJECT_E_NOT_ELF = 1, /* not a regular file, or not an ELF file */
};

struct object_segment { /* one that is loaded */
	uint64_t offset;
	uint64_t file_size;
	uint64_t address; /* as linked */
	uint64_t memory_size;
	bool is_executable;
};

struct object {
	char *path;
	dev_t device; /* where the file lies, with its inode; 0 if it is held in memory */
	ino_t inode;
	int fd;      /* -1 if it is closed, or held in memory */
	void *image; /* where it is held in memory, or NULL */
	Elf *elf;
	char build_id[2 * BUILD_ID_MAX + 1]; /* lower-case hexadecimal, "" if there is none */
	bool is_fixed; /* a program that runs where it was linked, not position-independent */
	VEC(struct object_segment) segments;
};

/* Opens a file. 0; OBJECT_E_NOT_ELF; -errno. */
int object_open(const char *path, struct object **out_object);

/* The same under `root`, a folder that no link leads out of; NULL is the system's own. */
int object_open_in(const char *root, const char *path, struct object **out_object);

/* Takes over `image`, a whole file in memory that is to be freed, even when it fails. `path` is
 * what it was found in. Results as above. */
int object_open_image(const char *path, void *image, size_t size, struct object **out_object);

/* Closes the file's descriptor, of which there are few; its bytes stay. What finds other files by
 * it, as libdw does those of split DWARF, comes first. */
void object_close_descriptor(struct object *object);

/* Frees it with everything that points into its sections; takes NULL. */
void object_close(struct object *object);
DEFINE_CLEANUP(struct object *, object_close)

/* The address, as linked, of the byte `distance` bytes into a mapping of the file that begins at
 * `offset` of it. False if no segment holds it. A file with debug information only, which doesn't
 * say any more where in the program its code lay, serves if it has one segment of code. */
bool object_address_of(const struct object *object, uint64_t offset, uint64_t distance,
		       uint64_t *out_address);

/* Whether code may lie at `address`; the start of the file's image holds none. */
bool object_is_code(const struct object *object, uint64_t address);

/* The section of that name, or of that type, or NULL. */
Elf_Scn *object_section(const struct object *object, const char *name);
Elf_Scn *object_section_of_type(const struct object *object, uint32_t type);

/* The bytes of a section as they lie in the file; NULL if there are none. */
Elf_Data *object_section_data(const struct object *object, const char *name);

/* Whether it has sections with DWARF that says where functions are. */
bool object_has_dwarf(const struct object *object);
