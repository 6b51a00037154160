/* SPDX-License-Identifier: MIT */
#include "command/prefix_names.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NUMBER_MAX 999999999 /* the highest number that the library takes into account */

struct path {
	char *text;
	size_t size;
	bool is_cut;
};

static void put(struct path *path, const char *text)
{
	size_t size = strlen(text);

	if (path->size + size >= PATH_MAX) {
		path->is_cut = true;
		return;
	}
	memcpy(path->text + path->size, text, size + 1);
	path->size += size;
}

static void put_number(struct path *path, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	put(path, text);
}

static void put_program(struct path *path, const char *program)
{
	if (path->size && path->text[path->size - 1] == '/')
		program += strspn(program, ".");
	put(path, *program ? program : "program");
}

static void put_host(struct path *path)
{
	char host[256] = "";

	gethostname(host, sizeof(host) - 1);
	put(path, host);
}

static void put_expansion(struct path *path, char letter, const struct prefix_values *values)
{
	switch (letter) {
	case 'p':
		put_number(path, (uint64_t)values->pid);
		break;
	case 'e':
		put_program(path, values->program);
		break;
	case 'h':
		put_host(path);
		break;
	case 't':
		put_number(path, values->start_seconds);
		break;
	case '%':
		put(path, "%");
		break;
	default: /* unknown: not expanded */
		put(path, (char[]){'%', letter, '\0'});
	}
}

bool prefix_expand(const char *pattern, const struct prefix_values *values, char out[PATH_MAX])
{
	struct path path = {.text = out};

	*out = '\0';
	for (const char *p = pattern; *p; p++)
		if (p[0] == '%' && p[1])
			put_expansion(&path, *++p, values);
		else
			put(&path, (char[]){*p, '\0'});
	return !path.is_cut;
}

static bool is_folder(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

char *prefix_complete(const char *prefix)
{
	size_t size = strlen(prefix);
	bool has_slash = size && prefix[size - 1] == '/';
	char *whole;

	if (asprintf(&whole, "%s%s%s", prefix, !has_slash && is_folder(prefix) ? "/" : "",
		     has_slash || is_folder(prefix) ? "%e" : "") < 0)
		return NULL;
	return whole;
}

bool prefix_has(const char *pattern, char letter)
{
	for (const char *p = pattern; *p && p[1]; p++) {
		if (p[0] != '%')
			continue;
		if (p[1] == letter)
			return true;
		p++;
	}
	return false;
}

/* --- numbers ------------------------------------------------------------------------------- */

/* name = base "." digit+ ".heap". Returns the number, or 0 for another name. */
static uint64_t parse_number(const char *name, const char *base)
{
	size_t size = strlen(base);
	uint64_t number;
	char *end;

	if (strncmp(name, base, size) != 0 || name[size] != '.' || name[size + 1] < '0' ||
	    name[size + 1] > '9')
		return 0;
	number = strtoull(name + size + 1, &end, 10);
	return strcmp(end, ".heap") == 0 && number <= NUMBER_MAX ? number : 0;
}

uint64_t prefix_last_number(const char *prefix)
{
	const char *slash = strrchr(prefix, '/'), *base = slash ? slash + 1 : prefix;
	char place[PATH_MAX];
	struct dirent *entry;
	uint64_t last = 0;
	DIR *folder;

	snprintf(place, sizeof(place), "%.*s", slash ? (int)(slash + 1 - prefix) : 1,
		 slash ? prefix : ".");
	folder = opendir(place);
	while (folder && (entry = readdir(folder)) != NULL) {
		uint64_t number = parse_number(entry->d_name, base);

		if (number > last)
			last = number;
	}
	if (folder)
		closedir(folder);
	return last;
}
