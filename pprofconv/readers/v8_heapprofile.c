/* SPDX-License-Identifier: MIT */
/* Reads a sampling heap profile of V8, as Node.js and Chromium write it: a tree of calls in JSON,
 * whose nodes have the bytes that they allocated and that are in use (selfSize, an estimate made of
 * the samples) and the nodes that they called. Lines and columns are those where a function begins,
 * and count from 0. Newer versions list the samples too, with those of nodes that are not in the
 * tree any more, so there is no total to check. */
#include "readers/json_text.h"
#include "readers/named_stack.h"
#include "readers/reader.h"
#include "readers/readers.h"

#define DEPTH_MAX 1024 /* jansson takes values that are nested to 2,048 levels */

struct v8 {
	struct profile *profile;
	struct diag *diag;
	struct named_stack stack;
	const json_t *path[DEPTH_MAX]; /* nodes, the root first */
	size_t depth;
};

static int corrupt(struct v8 *v8, const char *what)
{
	return diag_error(v8->diag, READER_E_CORRUPT, "%s", what);
}

/* Returns a line or column, which count from 1 in a profile; 0: not known. */
static int64_t place_of(const json_t *frame, const char *key)
{
	json_int_t place = json_integer_value(json_object_get(frame, key));

	return json_is_integer(json_object_get(frame, key)) && place >= 0 && place < INT32_MAX
		       ? place + 1
		       : 0;
}

static void push_frame(struct v8 *v8, const json_t *node)
{
	static const char anonymous[] = "(anonymous)";
	const json_t *frame = json_object_get(node, "callFrame");
	struct named_frame named = {
		.name = json_text_string(frame, "functionName"),
		.file = json_text_string(frame, "url"),
		.line = place_of(frame, "lineNumber"),
		.column = place_of(frame, "columnNumber"),
		.mapping = PROFILE_NONE,
	};

	if (cursor_at_end(&named.name))
		named.name = cursor_make(anonymous, sizeof(anonymous) - 1);
	named_stack_push(&v8->stack, &named);
}

/* Returns the bytes of a node; sets *out_ok to false if they are not a number from 0 to 2^62. */
static int64_t size_of(const json_t *node, bool *out_ok)
{
	const json_t *size = json_object_get(node, "selfSize");

	if (!json_is_number(size) || json_number_value(size) < 0 ||
	    json_number_value(size) >= 0x1p62) {
		*out_ok = false;
		return 0;
	}
	return json_is_integer(size) ? json_integer_value(size) : (int64_t)json_real_value(size);
}

/* Adds what a node has allocated itself. The root of the tree is left out. */
static void add_sample(struct v8 *v8, int64_t size)
{
	struct profile_sample key = {0};

	for (size_t i = v8->depth; i > 1; i--)
		push_frame(v8, v8->path[i - 1]);
	key.stack = named_stack_take(&v8->stack);
	profile_add_sample(v8->profile, key, &size);
}

/* Reads a node and those that it called; there are at most DEPTH_MAX below each other. */
static int read_node(struct v8 *v8, const json_t *node) // NOLINT(misc-no-recursion)
{
	const json_t *children = json_object_get(node, "children"), *child;
	bool is_ok = json_is_object(json_object_get(node, "callFrame")) && json_is_array(children);
	int64_t size = size_of(node, &is_ok);
	size_t i;
	int r = 0;

	if (!is_ok)
		return corrupt(v8, "expected a node with callFrame, selfSize and children");
	if (v8->depth == DEPTH_MAX)
		return corrupt(v8, "a stack of more than 1024 frames");
	v8->path[v8->depth++] = node;
	if (size)
		add_sample(v8, size);
	json_array_foreach(children, i, child)
	{
		r = read_node(v8, child);
		if (r)
			break;
	}
	v8->depth--;
	return r;
}

static int read_v8(struct profile *profile, struct input *input, struct diag *diag)
{
	struct v8 v8 = {.profile = profile, .diag = diag};
	json_t *root = NULL;
	int r = json_text_read(input, &root, diag);

	if (r)
		return r;
	profile_add_sample_type(profile, "inuse_space", "bytes");
	profile->default_sample_type = profile_intern(profile, "inuse_space");
	profile->tool = "V8";
	named_stack_init(&v8.stack, profile);
	r = read_node(&v8, json_object_get(root, "head"));
	named_stack_deinit(&v8.stack);
	json_decref(root);
	return r;
}

static enum probe probe_v8(struct cursor head)
{
	return json_text_begins(head, (const char *const[]){"{", "\"head\"", ":", "{", NULL});
}

const struct reader reader_v8_heapprofile = {
	.name = "v8-heapprofile",
	.summary = "a sampling heap profile of V8, .heapprofile, as Node.js and Chromium write it",
	.group = READER_PROFILERS,
	.made_by = "node --heap-prof --heap-prof-name=FILE SCRIPT",
	.probe = probe_v8,
	.read = read_v8,
};
