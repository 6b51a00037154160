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

/* The limit per file: the kernel does not run a file with more than 64 KiB of program headers. */
#define OBJECT_SEGMENTS_MAX (65536 / sizeof(Elf64_Phdr))

enum {
	OBJECT_E_NOT_ELF = 1, /* not a regular file, or not an ELF file */
};

struct object_segment { /* a segment that is loaded */
	uint64_t offset;
	uint64_t file_size;
	uint64_t address; /* as linked */
	uint64_t memory_size;
	bool is_executable, is_writable;
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

/* Closes the file's descriptor, since descriptors are few; the bytes stay available. Calls that
 * find other files through the descriptor, as libdw does for split DWARF, must come before this
 * call. */
void object_close_descriptor(struct object *object);

/* Frees the object; pointers into its sections become invalid. Takes NULL. */
void object_close(struct object *object);
DEFINE_CLEANUP(struct object *, object_close)

/* Finds the linked address of a byte of the file: the byte that is `distance` bytes after the start
 * of a mapping that begins at `offset` in the file. Sets *out_address and returns true, or returns
 * false if no segment holds the byte. A file that has only debug information has lost the offsets
 * of its code; it works if it has exactly one segment of code. */
bool object_address_of(const struct object *object, uint64_t offset, uint64_t distance,
		       uint64_t *out_address);

/* Does the same for writable data, whose last part, the .bss, is in no file. */
bool object_data_address_of(const struct object *object, uint64_t offset, uint64_t distance,
			    uint64_t *out_address);

/* Returns whether code may be at the linked address `address`. No code is at 0, the start of the
 * file's image. */
bool object_is_code(const struct object *object, uint64_t address);

/* Each of these two functions returns the first section with this name or type, or NULL if there is
 * none. */
Elf_Scn *object_section(const struct object *object, const char *name);
Elf_Scn *object_section_of_type(const struct object *object, uint32_t type);

/* Returns the bytes of a section as they are in the file, or NULL if there are none. */
Elf_Data *object_section_data(const struct object *object, const char *name);

/* Returns whether the object has DWARF that says where functions are. */
bool object_has_dwarf(const struct object *object);
