/* SPDX-License-Identifier: MIT */
#include "readers/memory_map.h"

#include <errno.h>
#include <stdlib.h>

#define DELETED " (deleted)"

struct entry {
	uint64_t start;
	uint64_t limit;
	uint64_t offset;
	bool is_data; /* the line has permissions, and they have no 'x' */
	bool was_deleted;
	struct cursor file;
	struct cursor build_id;
};

void memory_map_deinit(struct memory_map *map)
{
	vec_foreach (variable, &map->variables) {
		free(variable->name);
		free(variable->value);
	}
	vec_deinit(&map->variables);
	vec_deinit(&map->expanded);
}

/* --- the parts of a line ------------------------------------------------------------------- */

/* address = [ "0x" ] hexadecimal */
static uint64_t take_address(struct cursor *line)
{
	cursor_skip_spaces(line);
	cursor_accept_text(line, "0x");
	return cursor_take_hex(line);
}

/* range = address ( "-" | space ) address [ ":" ] */
static bool take_range(struct cursor *line, struct entry *entry)
{
	entry->start = take_address(line);
	if (!cursor_accept(line, '-') && !cursor_is_space(cursor_peek(line)))
		return false;
	entry->limit = take_address(line);
	cursor_accept(line, ':');
	return !line->failed && entry->start < entry->limit &&
	       (cursor_at_end(line) || cursor_is_space((unsigned char)*line->at));
}

/* permissions = ( "r" | "-" ) ( "w" | "-" ) ( "x" | "-" ) [ "p" | "s" | "-" ] */
static bool is_permissions(const struct cursor *word)
{
	static const char *const allowed[] = {"r-", "w-", "x-", "ps-"};
	size_t n = cursor_left(word);

	if (n != 3 && n != 4)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!word->at[i] || !strchr(allowed[i], word->at[i]))
			return false;
	return true;
}

/* Takes the next word if it is permissions. Other words of the same letters, such as "x", are names
 * of files. */
static void take_permissions(struct cursor *line, struct entry *entry)
{
	struct cursor after = *line, word;

	cursor_skip_spaces(&after);
	word = cursor_take_word(&after);
	if (!is_permissions(&word))
		return;
	entry->is_data = !memchr(word.at, 'x', cursor_left(&word));
	*line = after;
}

/* device = hexadecimal ":" hexadecimal */
static bool take_device(struct cursor *line)
{
	cursor_skip_spaces(line);
	cursor_take_hex(line);
	cursor_expect(line, ':');
	cursor_take_hex(line);
	return !line->failed;
}

static bool drop_suffix(struct cursor *text, const char *suffix)
{
	size_t size = strlen(suffix);

	if (cursor_left(text) < size || memcmp(text->end - size, suffix, size) != 0)
		return false;
	text->end -= size;
	return true;
}

/* maps-rest = offset device inode [ path ], to the end of the line: paths may hold spaces */
static bool take_maps_rest(struct cursor line, struct entry *entry)
{
	uint64_t offset;

	cursor_skip_spaces(&line);
	offset = cursor_take_hex(&line);
	if (!cursor_is_space(cursor_peek(&line)) || !take_device(&line))
		return false;
	if (!cursor_is_space(cursor_peek(&line)))
		return false;
	cursor_skip_spaces(&line);
	cursor_take_decimal(&line);
	if (line.failed || !(cursor_at_end(&line) || cursor_is_space((unsigned char)*line.at)))
		return false;
	cursor_skip_spaces(&line);
	cursor_trim_end(&line);
	entry->offset = offset;
	entry->was_deleted = drop_suffix(&line, DELETED);
	entry->file = line;
	return true;
}

/* at-offset = "(@" hexadecimal ")" */
static bool take_at_offset(struct cursor *line, uint64_t *out_offset)
{
	struct cursor after = *line;
	uint64_t offset;

	if (!cursor_accept_text(&after, "(@"))
		return false;
	offset = cursor_take_hex(&after);
	cursor_expect(&after, ')');
	if (after.failed)
		return false;
	*out_offset = offset;
	*line = after;
	return true;
}

/* build-id = hexadecimal, a whole word */
static bool take_build_id(struct cursor *line, struct cursor *out_build_id)
{
	struct cursor after = *line, word;

	cursor_skip_spaces(&after);
	word = cursor_take_word(&after);
	for (const char *digit = word.at; digit < word.end; digit++)
		if (cursor_hex_digit((unsigned char)*digit) < 0)
			return false;
	*out_build_id = word;
	*line = after;
	return true;
}

/* path at-offset [ build-id ] */
static bool take_with_offset(struct cursor line, struct entry *entry)
{
	struct cursor path = line;

	if (!cursor_find(&line, " (@"))
		return false;
	path.end = line.at++;
	if (!take_at_offset(&line, &entry->offset))
		return false;
	cursor_skip_spaces(&path);
	cursor_trim_end(&path);
	entry->file = path;
	take_build_id(&line, &entry->build_id);
	return true;
}

/* brief-rest = [ path [ at-offset ] [ build-id ] ]; if there is no offset, a build ID is recognized
 * only after a path that is one word; otherwise the path goes to the end of the line. Paths may
 * hold spaces: a path that is cut at a space would be the path of another file. */
static void take_brief_rest(struct cursor line, struct entry *entry)
{
	struct cursor after, build_id = {0};

	if (take_with_offset(line, entry))
		return;
	cursor_skip_spaces(&line);
	cursor_trim_end(&line);
	entry->was_deleted = drop_suffix(&line, DELETED);
	after = entry->file = line;
	cursor_take_word(&after);
	entry->file.end = after.at;
	if (take_build_id(&after, &build_id) && cursor_at_end(&after))
		entry->build_id = build_id;
	else
		entry->file.end = line.end;
}

/* entry = range [ permissions ] ( maps-rest | brief-rest ) */
static bool take_entry(struct cursor line, struct entry *entry)
{
	*entry = (struct entry){0};
	if (!take_range(&line, entry))
		return false;
	take_permissions(&line, entry);
	if (!take_maps_rest(line, entry))
		take_brief_rest(line, entry);
	return true;
}

/* log-prefix = file ":" number "]" space: glog puts it before each line */
static void skip_log_prefix(struct cursor *line)
{
	struct cursor prefix = *line;

	if (!cursor_find(&prefix, "]") || prefix.at == line->at ||
	    memchr(line->at, '[', (size_t)(prefix.at - line->at)))
		return;
	for (const char *digit = prefix.at; digit > line->at; digit--) {
		if (digit[-1] == ':' && digit < prefix.at && digit > line->at + 1)
			break;
		if (digit[-1] < '0' || digit[-1] > '9' || digit - 1 == line->at)
			return;
	}
	prefix.at++;
	if (cursor_is_space(cursor_peek(&prefix)))
		line->at = prefix.at + 1;
}

/* --- variables ----------------------------------------------------------------------------- */

static void warn_once(struct memory_map *map, bool *has_warned, const char *what)
{
	if (!*has_warned)
		diag_warn(map->diag, "line %ju: %s", (uintmax_t)input_line_number(map->input),
			  what);
	*has_warned = true;
}

static void add_variable(struct memory_map *map, struct cursor name, struct cursor value)
{
	struct memory_map_variable variable = {
		.value = strndup(value.at, cursor_left(&value)),
	};

	if (asprintf(&variable.name, "$%.*s", (int)cursor_left(&name), name.at) < 0)
		variable.name = NULL;
	if (!variable.name || !variable.value || vec_push(&map->variables, variable) < 0) {
		free(variable.name);
		free(variable.value);
		profile_fail(map->profile, -ENOMEM);
	}
}

/* assignment = name "=" value */
static void take_assignment(struct memory_map *map, struct cursor line)
{
	struct cursor value = line;

	if (map->variables.n == MEMORY_MAP_VARIABLES_MAX || !cursor_find(&value, "="))
		return;
	line.end = value.at++;
	cursor_skip_spaces(&line);
	cursor_trim_end(&line);
	cursor_skip_spaces(&value);
	cursor_trim_end(&value);
	if (cursor_at_end(&line) || cursor_left(&line) > MEMORY_MAP_NAME_MAX)
		return;
	if (cursor_left(&value) > MEMORY_MAP_VALUE_MAX)
		warn_once(map, &map->has_left_out,
			  "a variable is longer than any path and was ignored");
	else
		add_variable(map, line, value);
}

static const struct memory_map_variable *find_variable(const struct memory_map *map,
						       const struct cursor *line)
{
	vec_foreach (variable, &map->variables)
		if (cursor_starts_with(line, variable->name))
			return variable;
	return NULL;
}

/* Appends text to the expanded line. Returns true, or returns false if the line is full and the
 * text was cut. */
static bool append_expanded(struct memory_map *map, const char *text, size_t size)
{
	size_t left = MEMORY_MAP_EXPANDED_MAX - map->expanded.n;

	if (vec_append(&map->expanded, text, size < left ? size : left) < 0)
		profile_fail(map->profile, -ENOMEM);
	if (size > left)
		warn_once(map, &map->has_cut,
			  "longer than any path once its variables are expanded; it was cut");
	return size <= left;
}

/* Returns the line with its variables replaced. */
static struct cursor expand_variables(struct memory_map *map, struct cursor line)
{
	bool fits = true;

	map->expanded.n = 0;
	while (fits && !cursor_at_end(&line)) {
		const struct memory_map_variable *variable =
			*line.at == '$' ? find_variable(map, &line) : NULL;

		if (variable) {
			fits = append_expanded(map, variable->value, strlen(variable->value));
			line.at += strlen(variable->name);
		} else {
			fits = append_expanded(map, line.at, 1);
			line.at++;
		}
	}
	return cursor_make(map->expanded.items, map->expanded.n);
}

void memory_map_add_line(struct memory_map *map, struct cursor line)
{
	struct profile *profile = map->profile;
	struct entry entry;

	skip_log_prefix(&line);
	if (map->variables.n && memchr(line.at, '$', cursor_left(&line)))
		line = expand_variables(map, line);
	if (!take_entry(line, &entry)) {
		take_assignment(map, line);
		return;
	}
	if (entry.is_data)
		return;
	profile_add_mapping(profile,
			    &(struct profile_mapping){
				    .start = entry.start,
				    .limit = entry.limit,
				    .offset = entry.offset,
				    .was_deleted = entry.was_deleted,
				    .file = profile_intern_bytes(profile, entry.file.at,
								 cursor_left(&entry.file)),
				    .build_id = profile_intern_bytes(profile, entry.build_id.at,
								     cursor_left(&entry.build_id)),
			    });
}
