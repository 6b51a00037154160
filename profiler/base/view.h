/* SPDX-License-Identifier: MIT */
/* The view is a constant object of the library, heapprof_view. By it, a tool that reads another
 * process's memory or a core finds the profiler's tables. The view leads to rows. Each row has the
 * name of a variable, of a field of a struct or of a constant, and its address, offset and size, as
 * the _thread_db_ symbols of the C library do. A tool looks up the names that it needs, so it can
 * read tables whose layout has changed since it was built.
 *
 * Both the library and the tools include this header. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum {
	HP_VIEW_VERSION = 1, /* of the structs below */
	HP_VIEW_NAME_SIZE = 40,
	HP_VIEW_MAGIC_SIZE = 16,
	HP_VIEW_PARTS_MAX = 24,
	HP_VIEW_ALIGNMENT = 64, /* so the header is in one page */
};

struct hp_view_row {
	char name[HP_VIEW_NAME_SIZE]; /* "object" or "struct.field", ended by a NUL */
	const void *address;          /* of a variable; otherwise NULL */
	uint32_t offset;              /* of a field in its struct */
	uint32_t size;                /* bytes, of one element; or the value of a constant */
	uint32_t count;               /* elements; 1 unless it is an array */
	uint32_t unused;
};

struct hp_view_part { /* the rows of one module */
	const struct hp_view_row *rows;
	uint64_t n_rows;
};

struct heapprof_view {
	uint8_t magic[HP_VIEW_MAGIC_SIZE];
	const struct heapprof_view
		*self;          /* differs in a copy elsewhere in memory, which is not a view */
	uint32_t version, size; /* HP_VIEW_VERSION, sizeof(struct heapprof_view) */
	uint32_t row_size, n_parts;
	char release[24]; /* of heapprof, ended by a NUL */
	struct hp_view_part parts[HP_VIEW_PARTS_MAX];
} __attribute__((aligned(HP_VIEW_ALIGNMENT)));

/* Only the library contains these bytes. A tool contains them masked, so that no tool finds itself
 * or another tool. */
#define HP_VIEW_MAGIC                                                                             \
	{                                                                                         \
		0x96, 'h', 'e', 'a', 'p', 'p', 'r', 'o', 'f', 0x0d, 0x0a, 0x1a, 0xc3, 0x5e, 0xa7, \
			0x01                                                                      \
	}
#define HP_VIEW_MASK 0x5a
#define HP_VIEW_MAGIC_MASKED                                                                     \
	{                                                                                        \
		0x96 ^ HP_VIEW_MASK, 'h' ^ HP_VIEW_MASK, 'e' ^ HP_VIEW_MASK, 'a' ^ HP_VIEW_MASK, \
			'p' ^ HP_VIEW_MASK, 'p' ^ HP_VIEW_MASK, 'r' ^ HP_VIEW_MASK,              \
			'o' ^ HP_VIEW_MASK, 'f' ^ HP_VIEW_MASK, 0x0d ^ HP_VIEW_MASK,             \
			0x0a ^ HP_VIEW_MASK, 0x1a ^ HP_VIEW_MASK, 0xc3 ^ HP_VIEW_MASK,           \
			0x5e ^ HP_VIEW_MASK, 0xa7 ^ HP_VIEW_MASK, 0x01 ^ HP_VIEW_MASK            \
	}

/* Rows of a module. At least one must be a variable: its address is a relocation, so the array is
 * in a part of the image to which the loader writes, and cores contain such parts. */
#define HP_VIEW_VARIABLE(row_name, object)                                                   \
	{                                                                                    \
		.name = (row_name), .address = &(object), .size = sizeof(object), .count = 1 \
	}
#define HP_VIEW_ARRAY(row_name, object)                                               \
	{                                                                             \
		.name = (row_name), .address = (object), .size = sizeof((object)[0]), \
		.count = sizeof(object) / sizeof((object)[0])                         \
	}
#define HP_VIEW_STRUCT(row_name, type)                               \
	{                                                            \
		.name = (row_name), .size = sizeof(type), .count = 1 \
	}
#define HP_VIEW_FIELD(row_name, type, field)                         \
	{                                                            \
		.name = (row_name), .offset = offsetof(type, field), \
		.size = sizeof(((type *)0)->field), .count = 1       \
	}
#define HP_VIEW_CONSTANT(row_name, value)                       \
	{                                                       \
		.name = (row_name), .size = (value), .count = 1 \
	}

extern const struct heapprof_view heapprof_view;
