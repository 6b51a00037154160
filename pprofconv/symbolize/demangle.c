/* SPDX-License-Identifier: MIT */
/* A mangled name of a few hundred bytes can expand to more text than there is memory, because each
 * part may repeat earlier parts. So the demangler's callback form is used, which hands over the
 * text piece by piece. When the text gets too long, longjmp() leaves the demangler; this leaks
 * nothing, because the callback form allocates no memory. */
#include "symbolize/demangle.h"

#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stdbool.h>
#include <string.h>

#include "base/vec.h"

#define MANGLED_MAX   4096
#define DEMANGLED_MAX 65536

/* libiberty refuses C++ names of more than this many characters, which is half its limit on
 * recursion, unless the limit is off. Up to MANGLED_MAX characters the recursion fits into the
 * stack of any main thread. Rust names may refer to themselves without end, so for them the limit
 * stays on; there it limits only the depth. */
#define LIBERTY_CHARACTERS_MAX 1024

struct text {
	VEC(char) bytes;
	jmp_buf too_long;
};

static void append_piece(const char *piece, size_t size, void *opaque)
{
	struct text *text = opaque;

	if (size > DEMANGLED_MAX - text->bytes.n || vec_append(&text->bytes, piece, size))
		longjmp(text->too_long, 1);
}

static bool demangle_into(struct text *text, const char *symbol, int options)
{
	if (setjmp(text->too_long))
		return false;
	return rust_demangle_callback(symbol, options & ~DMGL_NO_RECURSE_LIMIT, append_piece,
				      text) ||
	       cplus_demangle_v3_callback(symbol, options, append_piece, text);
}

static char *demangle_mangled(const char *symbol, size_t size, enum demangle_style style)
{
	int options = style == DEMANGLE_FULL ? DMGL_PARAMS | DMGL_ANSI : DMGL_ANSI;
	struct text text = {0};

	if (size > MANGLED_MAX)
		return NULL;
	if (size > LIBERTY_CHARACTERS_MAX)
		options |= DMGL_NO_RECURSE_LIMIT;
	if (demangle_into(&text, symbol, options) && !vec_push(&text.bytes, '\0'))
		return text.bytes.items;
	vec_deinit(&text.bytes);
	return NULL;
}

/* suffix = "." word ["." digits] */
static bool is_clone_suffix(const char *suffix)
{
	static const char *const words[] = {
		".cold", ".part", ".constprop", ".isra", ".lto_priv", ".llvm", ".localalias",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t size = strlen(words[i]);

		if (strncmp(suffix, words[i], size) == 0 &&
		    (suffix[size] == '.' || suffix[size] == '\0'))
			return true;
	}
	return false;
}

static char *without_clone_suffix(const char *symbol)
{
	for (const char *dot = strchr(symbol, '.'); dot; dot = strchr(dot + 1, '.')) {
		if (dot != symbol && is_clone_suffix(dot))
			return strndup(symbol, dot - symbol);
	}
	return NULL;
}

char *demangle(const char *symbol, enum demangle_style style)
{
	char *name = NULL;

	if (style == DEMANGLE_NONE)
		return NULL;
	if (symbol[0] == '_')
		name = demangle_mangled(symbol, strlen(symbol), style);
	if (!name && style == DEMANGLE_SHORT)
		name = without_clone_suffix(symbol);
	return name;
}
