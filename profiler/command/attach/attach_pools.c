/* SPDX-License-Identifier: MIT */
#include "command/attach/attach_pools.h"

#include <string.h>

#include "inject/host.h"

#define TOP_NAME "TopMemoryContext"

/* --- the server ---------------------------------------------------------------------------- */

/* Returns whether the image has these bytes in a segment of that kind. */
static bool has_segment(const struct hp_image *image, uint64_t at, uint64_t size, bool is_code)
{
	for (size_t i = 0; i < image->n_headers; i++) {
		const ElfW(Phdr) *h = &image->headers[i];
		uint64_t start = image->bias + h->p_vaddr;

		if (h->p_type == PT_LOAD && !!(h->p_flags & PF_X) == is_code && at >= start &&
		    at - start <= h->p_memsz && h->p_memsz - (at - start) >= size)
			return true;
	}
	return false;
}

struct context { /* the fields of a context, from its pointer to the functions on */
	uint64_t functions, parent, first_child, previous, next, name, ident;
};

static bool is_named_top(struct hp_target *t, uint64_t name)
{
	char text[sizeof(TOP_NAME)];

	return hp_target_read(t, name, text, sizeof(text)) &&
	       memcmp(text, TOP_NAME, sizeof(text)) == 0;
}

static bool is_table(struct hp_target *t, const struct hp_image *image, uint64_t at)
{
	uint64_t functions[HP_ATTACHED_N_CONTEXT_FUNCTIONS];
	bool is_good = at % sizeof(uint64_t) == 0 &&
		       has_segment(image, at, sizeof(functions), false) &&
		       hp_target_read(t, at, functions, sizeof(functions));

	for (size_t i = 0; is_good && i < HP_ATTACHED_N_CONTEXT_FUNCTIONS; i++)
		is_good = has_segment(image, functions[i], 1, true);
	return is_good;
}

/* Finds where the pointer to the functions is: from version 13 on, a counter of bytes is before it.
 */
static bool find_functions(struct hp_target *t, const struct hp_image *image,
			   struct hp_attached_contexts *out)
{
	static const uint32_t places[] = {16, 8};
	struct context context;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		out->functions_at = places[i];
		if (hp_target_read(t, out->top + places[i], &context, sizeof(context)) &&
		    !context.parent && is_named_top(t, context.name) &&
		    is_table(t, image, context.functions))
			return true;
	}
	return false;
}

static bool find_makers(struct hp_target *t, const struct hp_image *image,
			struct hp_attached_contexts *out)
{
	static const char *const names[HP_ATTACHED_N_CONTEXT_KINDS] = {
		[HP_ATTACHED_ALLOC_SET] = "AllocSetContextCreateInternal",
		[HP_ATTACHED_GENERATION] = "GenerationContextCreate",
		[HP_ATTACHED_SLAB] = "SlabContextCreate",
		[HP_ATTACHED_BUMP] = "BumpContextCreate",
	};

	for (size_t i = 0; i < HP_ATTACHED_N_CONTEXT_KINDS; i++) {
		out->makers[i].start = hp_image_symbol(t, image, names[i], &out->makers[i].size);
		if (!out->makers[i].start && i != HP_ATTACHED_BUMP)
			return false;
	}
	return true;
}

static bool find_server(struct hp_target *t, struct hp_image *out, uint64_t *out_top)
{
	size_t position = 0;

	while (hp_image_next(t, &position, out)) {
		*out_top = hp_image_symbol(t, out, TOP_NAME, NULL);
		if (*out_top)
			return true;
	}
	return false;
}

int attach_pools_find(struct hp_target *t, struct hp_attached_contexts *out)
{
	struct hp_image image;
	uint64_t pointer;

	*out = (struct hp_attached_contexts){.version = HP_ATTACHED_VERSION, .size = sizeof(*out)};
	if (!find_server(t, &image, &pointer))
		return hp_target_error(
			t, "is not a process of a PostgreSQL server: it has no " TOP_NAME
			   "; attach without --pools");
	if (!hp_target_read(t, pointer, &out->top, sizeof(out->top)))
		return hp_target_explain(t);
	if (!out->top)
		return hp_target_error(t, "has not made its memory contexts yet; try again");
	if (!find_functions(t, &image, out) || !find_makers(t, &image, out))
		return hp_target_error(t, "has memory contexts of a form that this heapprof does "
					  "not know; attach without --pools");
	out->context_of = hp_image_symbol(t, &image, "GetMemoryChunkContext", NULL);
	return 0;
}

/* --- words --------------------------------------------------------------------------------- */

struct writing {
	struct hp_target *t;
	struct hp_attached_words words;
	bool ours;
};

static uint64_t wanted(const struct writing *w, size_t i)
{
	return w->ours ? w->words.words[i].ours : w->words.words[i].own;
}

static uint64_t expected(const struct writing *w, size_t i)
{
	return w->ours ? w->words.words[i].own : w->words.words[i].ours;
}

/* Returns whether a word may be written: it is in the server's data, and both values are addresses
 * of the right code. */
static bool is_word(const struct hp_attached_word *word, const struct hp_image *server,
		    const struct hp_image *library)
{
	return word->at % sizeof(uint64_t) == 0 &&
	       has_segment(server, word->at, sizeof(uint64_t), false) &&
	       has_segment(server, word->own, 1, true) && has_segment(library, word->ours, 1, true);
}

/* Reads the words that the library has prepared. */
static int read_words(struct writing *w, const struct hp_image *library)
{
	struct hp_image server;
	uint64_t pointer, at = hp_image_symbol(w->t, library, "heapprof_attached_words", NULL);

	w->words.n = 0;
	if (!at)
		return 0; /* a library of an earlier version, which knows no pools */
	if (!hp_target_read(w->t, at, &w->words, sizeof(w->words)))
		return hp_target_explain(w->t);
	if (w->words.n == 0)
		return 0;
	if (w->words.version != HP_ATTACHED_VERSION || w->words.n > HP_ATTACHED_WORDS_MAX ||
	    !find_server(w->t, &server, &pointer))
		return hp_target_error(w->t, "has tables of pools that this heapprof would not "
					     "write; restart it");
	for (size_t i = 0; i < w->words.n; i++)
		if (!is_word(&w->words.words[i], &server, library))
			return hp_target_error(w->t, "has tables of pools that this heapprof would "
						     "not write; restart it");
	return 0;
}

/* Returns how many words have the values that are to be replaced. Sets *out_others to the number of
 * those that are neither the server's nor ours. */
static int count(const struct writing *w, size_t *out_expected, size_t *out_others)
{
	uint64_t now;

	*out_expected = *out_others = 0;
	for (size_t i = 0; i < w->words.n; i++) {
		if (!hp_target_read(w->t, w->words.words[i].at, &now, sizeof(now)))
			return hp_target_explain(w->t);
		*out_expected += now == expected(w, i);
		*out_others += now != expected(w, i) && now != wanted(w, i);
	}
	return 0;
}

static int write_words(const struct writing *w, struct hp_system_call_host *host)
{
	int r = 0;

	for (size_t i = 0; !r && i < w->words.n; i++) {
		uint64_t now, value = wanted(w, i);

		if (!hp_target_read(w->t, w->words.words[i].at, &now, sizeof(now)))
			return hp_target_explain(w->t);
		if (now == expected(w, i))
			r = hp_system_call_write(host, w->words.words[i].at, &value, sizeof(value));
	}
	return r;
}

/* The process is stopped. */
static int check_and_write(const struct writing *w, struct hp_system_call_host *host)
{
	size_t n_expected, n_others;
	int r = count(w, &n_expected, &n_others);

	if (!r && w->ours && n_others)
		r = hp_target_error(w->t, "somebody else has changed the functions of its memory "
					  "contexts; attach without --pools");
	return r ? r : write_words(w, host);
}

static int stop_and_write(const struct writing *w)
{
	static const char failure[] = "no moment was found at which the tables of its pools can be "
				      "written; try again";
	struct hp_system_call_host *host;
	struct hp_stop *stop = NULL;
	int r = hp_host_begin(w->t, &stop, NULL, NULL, failure, &host);

	if (!r) {
		r = check_and_write(w, host);
		hp_host_end(stop, &host);
	}
	hp_stop_end(stop);
	return r;
}

void attach_pools_code(struct hp_target *t, const struct hp_image *library,
		       struct hp_code_range *out)
{
	struct writing w = {.t = t};

	*out = (struct hp_code_range){0};
	if (!read_words(&w, library) && w.words.n > 0)
		*out = (struct hp_code_range){w.words.start, w.words.end};
}

int attach_pools_write(struct hp_target *t, const struct hp_image *library, bool ours)
{
	struct writing w = {.t = t, .ours = ours};
	size_t n_expected = 0, n_others;
	int r = read_words(&w, library);

	if (!r)
		r = count(&w, &n_expected, &n_others);
	return r || n_expected == 0 ? r : stop_and_write(&w);
}
