/* SPDX-License-Identifier: MIT */
/* An object is one ELF file: its build ID, its sections, and the addresses of its code. All of it
 * is untrusted. */
#pragma once
#include <gelf.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/vec.h"

#define BUILD_ID_MAX 64 /* bytes; SHA-1 has 20 */

/* Per file: the kernel runs none with more than 64 KiB of headers. */
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
	dev_t device; /* of the file, like `inode`; 0 if it is held in memory */
	ino_t inode;
	int fd;      /* -1 if it is closed, or held in memory */
	void *image; /* the file, if it is held in memory; else NULL */
	Elf *elf;
	char build_id[2 * BUILD_ID_MAX + 1]; /* lower-case hexadecimal, "" if there is none */
	bool is_fixed; /* a program that runs where it was linked, not position-independent */
	VEC(struct object_segment) segments;
};

/* Opens a file. Returns 0; OBJECT_E_NOT_ELF; -errno. */
int object_open(const char *path, struct object **out_object);

/* Opens a file below `root`, a folder that no symbolic link leads out of; NULL is the system's own
 * root. Returns the same. */
int object_open_in(const char *root, const char *path, struct object **out_object);

/* Opens a file in memory. Takes ownership of `image`, the whole file, allocated by malloc(), even
 * on failure. `path` is the file that it was found in. Returns 0; OBJECT_E_NOT_ELF; -errno. */
int object_open_image(const char *path, void *image, size_t size, struct object **out_object);

/* Closes the file's descriptor, since descriptors are few; the bytes stay available. A call that
 * finds other files by the descriptor, as libdw finds those of split DWARF, must come first. */
void object_close_descriptor(struct object *object);

/* Frees it with everything that points into its sections; takes NULL. */
void object_close(struct object *object);
DEFINE_CLEANUP(struct object *, object_close)

/* Sets *out_address to the address, as linked, of the byte `distance` bytes into a mapping of the
 * file that begins at `offset` of it. Returns false if no segment holds it. A file with debug
 * information only no longer says where in the program its code was; it serves if it has one
 * segment of code. */
bool object_address_of(const struct object *object, uint64_t offset, uint64_t distance,
		       uint64_t *out_address);

/* Returns whether code may be at `address`; the start of the file's image holds none. */
bool object_is_code(const struct object *object, uint64_t address);

/* Each returns the section of that name, or of that type, or NULL. */
Elf_Scn *object_section(const struct object *object, const char *name);
Elf_Scn *object_section_of_type(const struct object *object, uint32_t type);

/* Returns the bytes of a section as they are in the file, or NULL if there are none. */
Elf_Data *object_section_data(const struct object *object, const char *name);

/* Returns whether it has sections with DWARF that says where functions are. */
bool object_has_dwarf(const struct object *object);
