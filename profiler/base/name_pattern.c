/* SPDX-License-Identifier: MIT */
#include "base/name_pattern.h"
#include <stddef.h>

/* One pattern of a list: the characters from `at` to before `end`. */
struct range {
	const char *at, *end;
	bool has_open_set; /* an earlier "[" was never closed, so later ones are literal too */
};

/* member = char [ "-" char ]. Advances past the member; returns true if it contains `c`. */
static bool match_member(struct range *p, unsigned char c)
{
	unsigned char low = (unsigned char)*p->at++, high = low;

	if (p->end - p->at >= 2 && p->at[0] == '-' && p->at[1] != ']') {
		high = (unsigned char)p->at[1];
		p->at += 2;
	}
	return low <= c && c <= high;
}

/* set = "[" [ "!" | "^" ] member+ "]". Advances past the set, sets *out_is_matched to whether the
 * set matches `c`, and returns true. Returns false, and leaves p->at alone, if no bracket closes
 * the set. */
static bool parse_set(struct range *p, unsigned char c, bool *out_is_matched)
{
	struct range rest = {.at = p->at + 1, .end = p->end};
	bool is_negated = rest.at < rest.end && (*rest.at == '!' || *rest.at == '^');
	bool is_found = false;

	rest.at += is_negated;
	for (bool is_first = true; rest.at < rest.end; is_first = false) {
		if (*rest.at == ']' && !is_first) {
			p->at = rest.at + 1;
			*out_is_matched = is_found != is_negated;
			return true;
		}
		is_found |= match_member(&rest, c);
	}
	p->has_open_set = true;
	return false;
}

/* one = "?" | set | "\" char | char. Advances past it; returns true if it matches `c`. */
static bool match_one(struct range *p, unsigned char c)
{
	bool is_matched;

	if (*p->at == '?') {
		p->at++;
		return true;
	}
	if (*p->at == '[' && !p->has_open_set && parse_set(p, c, &is_matched))
		return is_matched;
	if (*p->at == '\\' && p->end - p->at >= 2)
		p->at++;
	return (unsigned char)*p->at++ == c;
}

/* pattern = ( "*" | one )*. After a mismatch only the last star is tried again, with one more
 * character: the characters that an earlier star could match in addition, the last star can match
 * as well. */
static bool match(struct range p, const char *name)
{
	const char *after_star = NULL, *name_at_star = NULL;

	for (;;) {
		if (p.at < p.end && *p.at == '*') {
			after_star = ++p.at;
			name_at_star = name;
		} else if (*name == '\0' && p.at == p.end) {
			return true;
		} else if (*name != '\0' && p.at < p.end && match_one(&p, (unsigned char)*name)) {
			name++;
		} else if (after_star && *name_at_star != '\0') {
			p.at = after_star;
			name = ++name_at_star;
		} else {
			return false;
		}
	}
}

/* Returns the first pattern of `list`, which ends at the first comma that is not escaped by a
 * backslash. The part up to the pattern's last slash is left out. */
static struct range next_pattern(const char *list)
{
	struct range p = {.at = list, .end = list};

	for (; *p.end != '\0' && *p.end != ','; p.end++)
		if (*p.end == '\\' && p.end[1] != '\0')
			p.end++;
		else if (*p.end == '/')
			p.at = p.end + 1;
	return p;
}

bool hp_name_pattern_matches(const char *list, const char *name)
{
	for (;;) {
		struct range p = next_pattern(list);

		if (p.at < p.end && match(p, name))
			return true;
		if (*p.end == '\0')
			return false;
		list = p.end + 1;
	}
}
