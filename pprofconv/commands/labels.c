/* SPDX-License-Identifier: MIT */
#include "commands/labels.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* key = letter { letter | digit | "_" } */
static size_t key_size(const char *text)
{
	size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return text[0] >= 'a' && text[0] <= 'z' ? size : 0;
}

const char *label_fault(const char *text, size_t size)
{
	size_t key = key_size(text), n;

	if (!key || key >= size || text[key] != '=')
		return "expected KEY=VALUE, with a key of lower-case letters, digits and _";
	if (key > LABEL_KEY_MAX)
		return "the key is longer than 63 bytes";
	text += key + 1;
	size -= key + 1;
	if (size > LABEL_VALUE_MAX)
		return "the value is longer than 1024 bytes";
	for (; size; text += n, size -= n) {
		n = utf8_printable(text, size);
		if (!n)
			return "the value has a tab, a newline or another unprintable byte";
	}
	return NULL;
}

int labels_check(const struct texts *texts)
{
	for (size_t i = 0; i < texts->n; i++) {
		const char *fault = label_fault(texts->items[i], strlen(texts->items[i]));

		if (fault)
			return command_error("--label: '%s': %s", texts->items[i], fault);
	}
	return EXIT_DONE;
}

static int add_one(struct profile *profile, const char *input, const char *text, size_t size)
{
	size_t key = key_size(text);
	char name[LABEL_KEY_MAX + 1], comment[LABEL_KEY_MAX + LABEL_VALUE_MAX + 3];

	snprintf(name, sizeof(name), "%.*s", (int)key, text);
	if (profile_metadata(profile, name))
		return command_error("%s: it has '%s' already; choose another key for the label",
				     input, name);
	snprintf(comment, sizeof(comment), "%s: %.*s", name, (int)(size - key - 1), text + key + 1);
	profile_add_comment(profile, comment, strlen(comment));
	return profile_status(profile) ? command_error("%s", strerror(-profile_status(profile)))
				       : EXIT_DONE;
}

int labels_add(struct profile *profile, const char *input, const struct texts *texts,
	       const char *more)
{
	int status = EXIT_DONE;

	for (size_t i = 0; !status && i < texts->n; i++)
		status = add_one(profile, input, texts->items[i], strlen(texts->items[i]));
	while (!status && more && *more) {
		size_t size = strcspn(more, "\t");

		status = add_one(profile, input, more, size);
		more += size + (more[size] == '\t');
	}
	return status;
}

int labels_add_to_input(struct profile *profile, const struct settings *settings, int input)
{
	return labels_add(profile, settings->inputs[input], &settings->labels,
			  settings->input_labels ? settings->input_labels[input] : NULL);
}
