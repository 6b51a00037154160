/* SPDX-License-Identifier: MIT */
#include "model/metadata_line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/utf8.h"

#define MARK "heapprof:"

/* The keys that a person looks for come first. */
static const char *const first_keys[] = {"program", "pid", "dump", "reason", "sample_interval"};

#define N_FIRST (sizeof(first_keys) / sizeof(first_keys[0]))

/* key = letter { letter | digit | "_" }. Returns its size, or 0 if there is none. */
static size_t key_size(const char *text)
{
	size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return size && text[0] >= 'a' && text[0] <= 'z' ? size : 0;
}

/* Returns whether a comment is "KEY: VALUE". A note is a sentence for people, and no metadata. */
static bool is_metadata(const char *text)
{
	size_t size = key_size(text);

	return size && strncmp(text + size, ": ", 2) == 0 && strncmp(text, "note: ", 6) != 0;
}

/* --- packing ------------------------------------------------------------------------------- */

/* Returns the place of a comment's key among the first keys, or N_FIRST. */
static size_t rank_of(const char *text)
{
	size_t size = key_size(text), i = 0;

	while (i < N_FIRST &&
	       (strncmp(text, first_keys[i], size) != 0 || first_keys[i][size] != '\0'))
		i++;
	return i;
}

static void write_value(const char *value, FILE *stream)
{
	size_t left = strlen(value);

	while (left) {
		size_t n = utf8_printable(value, left);

		if (n && *value != ' ' && *value != '%') {
			fwrite(value, 1, n, stream);
		} else {
			n = 1;
			fprintf(stream, "%%%02x", (unsigned char)*value);
		}
		value += n;
		left -= n;
	}
}

static void write_comments(const struct profile *profile, size_t rank, FILE *stream)
{
	vec_foreach (comment, &profile->comments) {
		const char *text = profile_string(profile, *comment);
		size_t size = key_size(text);

		if (!is_metadata(text) || rank_of(text) != rank)
			continue;
		fprintf(stream, " %.*s=", (int)size, text);
		write_value(text + size + 2, stream);
	}
}

int metadata_line_pack(const struct profile *profile, char **out_line, comment_vec *out_rest)
{
	bool is_ours = profile_metadata(profile, "program") || profile_metadata(profile, "run");
	char *line = NULL;
	size_t size;
	FILE *stream;
	int r = 0;

	*out_line = NULL;
	vec_foreach (comment, &profile->comments)
		if (!r && !(is_ours && is_metadata(profile_string(profile, *comment))))
			r = vec_push(out_rest, *comment);
	if (r || !is_ours)
		return r;
	stream = open_memstream(&line, &size);
	if (!stream)
		return -ENOMEM;
	fputs(MARK, stream);
	for (size_t rank = 0; rank <= N_FIRST; rank++)
		write_comments(profile, rank, stream);
	if (fclose(stream) != 0) {
		free(line);
		return -ENOMEM;
	}
	*out_line = line;
	return 0;
}

/* --- unpacking ----------------------------------------------------------------------------- */

struct unpacking {
	struct profile *profile;
	comment_vec comments;
	VEC(bool) seen; /* for each string: whether it is a comment */
	VEC(char) text;
};

static int add(struct unpacking *unpacking, uint32_t string)
{
	int r = 0;

	while (!r && unpacking->seen.n <= string)
		r = vec_push(&unpacking->seen, false);
	if (r || unpacking->seen.items[string])
		return r;
	unpacking->seen.items[string] = true;
	return vec_push(&unpacking->comments, string);
}

/* Appends a value. A % without the digits of a byte is text. */
static int append_value(struct unpacking *unpacking, const char *value, size_t size)
{
	int r = 0;

	for (size_t i = 0; !r && i < size; i++) {
		int high = value[i] == '%' && i + 2 < size
				   ? cursor_hex_digit((unsigned char)value[i + 1])
				   : -1;
		int low = high >= 0 ? cursor_hex_digit((unsigned char)value[i + 2]) : -1;

		if (low >= 0 && high * 16 + low > 0) {
			r = vec_push(&unpacking->text, (char)(high * 16 + low));
			i += 2;
		} else {
			r = vec_push(&unpacking->text, value[i]);
		}
	}
	return r;
}

/* pair = key "=" value. Other words are left out. */
static int add_pair(struct unpacking *unpacking, const char *word, size_t size)
{
	size_t key = key_size(word);
	int r;

	if (!key || key >= size || word[key] != '=')
		return 0;
	unpacking->text.n = 0;
	r = vec_append(&unpacking->text, word, key);
	r = r ? r : vec_append(&unpacking->text, ": ", 2);
	r = r ? r : append_value(unpacking, word + key + 1, size - key - 1);
	return r ? r
		 : add(unpacking, profile_intern_bytes(unpacking->profile, unpacking->text.items,
						       unpacking->text.n));
}

/* line = "heapprof:" { " " pair } */
static int add_comment(struct unpacking *unpacking, uint32_t comment)
{
	const char *text = profile_string(unpacking->profile, comment);
	int r = 0;

	if (strncmp(text, MARK " ", strlen(MARK " ")) != 0)
		return add(unpacking, comment);
	for (text += strlen(MARK); !r && *text; text += strcspn(text, " ")) {
		text += strspn(text, " ");
		r = add_pair(unpacking, text, strcspn(text, " "));
	}
	return r;
}

void metadata_line_unpack(struct profile *profile)
{
	struct unpacking unpacking = {.profile = profile};
	int r = 0;

	for (size_t i = 0; !r && i < profile->comments.n; i++)
		r = add_comment(&unpacking, profile->comments.items[i]);
	if (r)
		profile_fail(profile, r);
	profile->comments.n = 0;
	vec_foreach (comment, &unpacking.comments)
		if (!r)
			r = vec_push(&profile->comments, *comment);
	vec_deinit(&unpacking.comments);
	vec_deinit(&unpacking.seen);
	vec_deinit(&unpacking.text);
}
