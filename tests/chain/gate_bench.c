/* SPDX-License-Identifier: MIT */
/* The program whose heap our own gate compares. It reads documents, puts their words into an index
 * that is never freed, and caches the last documents. If LEAK is defined, each document leaks its
 * title. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOINLINE __attribute__((noinline))

enum {
	N_DOCUMENTS = 2000,
	N_WORDS = 50, /* per document */
	N_KNOWN = 3000,
	N_CACHED = 64,
	TITLE_BYTES = 40,
};

struct word {
	struct word *next;
	unsigned number, count;
};

struct document {
	char *title;
	unsigned words[N_WORDS];
};

static struct word *words[N_KNOWN];
static struct document *cache[N_CACHED];
static unsigned random_state = 1;

static void *check(void *p)
{
	if (!p)
		exit(1);
	return p;
}

static unsigned next_random(void)
{
	random_state = random_state * 1664525 + 1013904223;
	return random_state >> 8;
}

static NOINLINE struct document *document_read(unsigned number)
{
	struct document *document = check(malloc(sizeof(*document)));

	document->title = check(malloc(TITLE_BYTES));
	snprintf(document->title, TITLE_BYTES, "document %u", number);
	for (int i = 0; i < N_WORDS; i++)
		document->words[i] = next_random() % N_KNOWN;
	return document;
}

static NOINLINE void document_free(struct document *document)
{
	if (!document)
		return;
#ifndef LEAK
	free(document->title);
#endif
	free(document);
}

static NOINLINE void index_add(unsigned number)
{
	if (!words[number]) {
		words[number] = check(calloc(1, sizeof(struct word)));
		words[number]->number = number;
	}
	words[number]->count++;
}

static NOINLINE void cache_put(struct document *document, unsigned number)
{
	struct document **place = &cache[number % N_CACHED];

	document_free(*place);
	*place = document;
}

int main(void)
{
	for (unsigned i = 0; i < N_DOCUMENTS; i++) {
		struct document *document = document_read(i);

		for (int j = 0; j < N_WORDS; j++)
			index_add(document->words[j]);
		cache_put(document, i);
	}
	return 0;
}
