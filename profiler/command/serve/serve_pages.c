/* SPDX-License-Identifier: MIT */
#include "command/serve/serve_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/utf8.h"
#include "command/serve/serve_symbols.h"

#define DELTA_SECONDS_MAX 300
#define CMDLINE_MAX       65536
#define TEXT_TYPE         "text/plain; charset=utf-8"

const char *const serve_post_paths[] = {"/pprof/symbol", "/debug/pprof/symbol", NULL};

/* Answers that the target can't be read. */
static void refuse_reading(struct serve_source *source, struct http_request *request,
			   const struct diag *diag)
{
	char name[NAME_MAX + 32];

	found_target_name(source->target, name, sizeof(name));
	http_refuse(request, HTTP_UNAVAILABLE, "%s: %s", name, diag->error);
}

/* Returns a share of a reading after `base`, or NULL after it has refused the request. */
static struct serve_reading *get_reading(struct serve_source *source,
					 const struct serve_reading *base,
					 struct http_request *request)
{
	struct diag diag = {0};
	struct serve_reading *reading = serve_reading_get(source, base, &diag);

	if (!reading)
		refuse_reading(source, request, &diag);
	diag_deinit(&diag);
	return reading;
}

/* Answers with a text in memory, or an error if it is NULL. */
static void reply_text(struct http_request *request, const char *text, size_t size)
{
	_cleanup_(http_page_freep) struct http_page *page =
		text ? http_page_of_text(text, size, TEXT_TYPE) : NULL;

	http_reply(request, page);
}

/* --- numbers in the query ------------------------------------------------------------------ */

/* Sets *out to the number that an argument has, or to 0 if it is missing or empty. Refuses the
 * request and returns false if it has anything else. */
static bool take_number(struct http_request *request, const char *name, uint64_t *out)
{
	const char *text = http_argument(request, name);
	struct cursor cursor = cursor_make(text, text ? strlen(text) : 0);

	*out = 0;
	if (cursor_at_end(&cursor))
		return true;
	*out = cursor_take_decimal(&cursor);
	if (!cursor.failed && cursor_at_end(&cursor))
		return true;
	http_refuse(request, HTTP_BAD_REQUEST, "'%s' is not a number", name);
	return false;
}

/* Takes the number of seconds, which must be positive where it is given; 0: it is missing. */
static bool take_seconds(struct http_request *request, uint64_t *out)
{
	if (!take_number(request, "seconds", out))
		return false;
	if (!http_argument(request, "seconds") || (*out && *out <= DELTA_SECONDS_MAX))
		return true;
	http_refuse(request, HTTP_BAD_REQUEST, "'seconds' must be from 1 to %d", DELTA_SECONDS_MAX);
	return false;
}

/* --- profiles ------------------------------------------------------------------------------ */

static void drop_base(void *base)
{
	serve_reading_drop(base);
}

static void begin_delta(struct serve_source *source, struct http_request *request, uint64_t seconds)
{
	struct serve_reading *base = get_reading(source, NULL, request);

	if (!base || http_wait(request, (unsigned)seconds, base, drop_base))
		return;
	serve_reading_drop(base);
	http_refuse(request, HTTP_UNAVAILABLE,
		    "too many requests with 'seconds' wait; try again later");
}

static void finish_delta(struct serve_source *source, struct http_request *request,
			 enum serve_page kind)
{
	struct serve_reading *base = request->kept;
	_cleanup_(serve_reading_dropp) struct serve_reading *reading =
		get_reading(source, base, request);

	if (reading)
		http_reply(request, serve_reading_delta(reading, base, kind));
}

static void reply_page(struct serve_source *source, struct http_request *request,
		       enum serve_page kind)
{
	_cleanup_(serve_reading_dropp) struct serve_reading *reading =
		get_reading(source, NULL, request);

	if (reading)
		http_reply(request, serve_reading_page(reading, kind));
}

static void answer_profile(struct serve_source *source, struct http_request *request,
			   enum serve_page kind, enum serve_page text_kind)
{
	uint64_t seconds, debug;

	if (request->kept)
		finish_delta(source, request, kind);
	else if (!take_seconds(request, &seconds) || !take_number(request, "debug", &debug))
		return;
	else if (seconds && debug)
		http_refuse(request, HTTP_BAD_REQUEST, "'seconds' and 'debug' exclude each other");
	else if (seconds)
		begin_delta(source, request, seconds);
	else
		reply_page(source, request, debug ? text_kind : kind);
}

static void answer_heap(struct serve_source *source, struct http_request *request)
{
	answer_profile(source, request, PAGE_HEAP, PAGE_HEAP_TEXT);
}

static void answer_allocs(struct serve_source *source, struct http_request *request)
{
	answer_profile(source, request, PAGE_ALLOCS, PAGE_ALLOCS_TEXT);
}

static void answer_dump(struct serve_source *source, struct http_request *request)
{
	if (http_argument(request, "seconds"))
		http_refuse(request, HTTP_BAD_REQUEST,
			    "a dump can't be a difference; /debug/pprof/heap takes 'seconds'");
	else
		reply_page(source, request, PAGE_DUMP);
}

/* --- symbols ------------------------------------------------------------------------------- */

static void answer_symbols(struct serve_source *source, struct http_request *request)
{
	_cleanup_(serve_reading_dropp) struct serve_reading *reading = NULL;
	_cleanup_(freep) void *memory = NULL;
	address_vec addresses = {0};
	size_t size = 0;
	int r;

	if (!request->is_post) {
		reply_text(request, "num_symbols: 1\n", strlen("num_symbols: 1\n"));
		return;
	}
	r = serve_symbols_parse(request->body, request->body_size, &addresses);
	if (r == -EINVAL)
		http_refuse(request, HTTP_BAD_REQUEST,
			    "expected hexadecimal addresses that are joined by +");
	else if (r)
		reply_text(request, NULL, 0);
	else
		reading = get_reading(source, NULL, request);
	if (reading) {
		memory = serve_symbols_answer(reading->profile, &addresses, &size);
		reply_text(request, memory, size);
	}
	vec_deinit(&addresses);
}

/* --- the command line ---------------------------------------------------------------------- */

/* Reads at most CMDLINE_MAX bytes of /proc/PID/cmdline. Returns false if the process has ended. */
static bool read_cmdline(const struct serve_source *source, char *out, size_t *out_size)
{
	char path[64];
	ssize_t n = 1;
	int fd;

	*out_size = 0;
	snprintf(path, sizeof(path), "/proc/%d/cmdline", source->target->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && n > 0 && *out_size < CMDLINE_MAX) {
		n = read(fd, out + *out_size, CMDLINE_MAX - *out_size);
		*out_size += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0)
		close(fd);
	return fd >= 0 && !found_target_has_ended(source->target);
}

/* Puts `gap` after each argument, apart from the last. Unprintable bytes become '?'. */
static void tidy(char *text, size_t size, char gap)
{
	size_t step;

	for (size_t i = 0; i < size; i += step) {
		size_t n = utf8_printable(text + i, size - i);

		step = n ? n : 1;
		if (!n)
			text[i] = text[i] ? '?' : gap;
	}
}

static void answer_cmdline(struct serve_source *source, struct http_request *request, char gap)
{
	char text[CMDLINE_MAX];
	size_t size;

	if (!read_cmdline(source, text, &size)) {
		http_refuse(request, HTTP_UNAVAILABLE, "the command line can't be read");
		return;
	}
	while (size > 0 && !text[size - 1])
		size--;
	tidy(text, size, gap);
	reply_text(request, text, size);
}

static void answer_cmdline_lines(struct serve_source *source, struct http_request *request)
{
	answer_cmdline(source, request, '\n');
}

static void answer_cmdline_go(struct serve_source *source, struct http_request *request)
{
	answer_cmdline(source, request, '\0');
}

/* --- the table ----------------------------------------------------------------------------- */

static void answer_index(struct serve_source *source, struct http_request *request);

static const struct {
	const char *path;
	void (*answer)(struct serve_source *source, struct http_request *request);
	const char *meaning; /* in the index; NULL: not in it */
} resources[] = {
	{"/debug/pprof/heap", answer_heap, "a profile of the memory in use, for go tool pprof"},
	{"/debug/pprof/allocs", answer_allocs, "the same profile; allocated memory comes first"},
	{"/pprof/heap", answer_dump, "the dump, for google-pprof and pprofconv"},
	{"/pprof/symbol", answer_symbols, "names of functions, for google-pprof"},
	{"/pprof/cmdline", answer_cmdline_lines, "the command line"},
	{"/debug/pprof/symbol", answer_symbols, NULL},
	{"/debug/pprof/cmdline", answer_cmdline_go, NULL},
	{"/debug/pprof/", answer_index, NULL},
	{"/debug/pprof", answer_index, NULL},
	{"/", answer_index, NULL},
};

static void answer_index(struct serve_source *source, struct http_request *request)
{
	char name[NAME_MAX + 32], *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	found_target_name(source->target, name, sizeof(name));
	if (stream) {
		utf8_print(name, stream);
		fputs("\n\n", stream);
		for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++)
			if (resources[i].meaning)
				fprintf(stream, "%-22s%s\n", resources[i].path,
					resources[i].meaning);
		fprintf(stream,
			"\nProfiles take ?seconds=N, the difference over N seconds (1 to %d), and\n"
			"?debug=1, a text.\n",
			DELTA_SECONDS_MAX);
		if (fclose(stream) != 0)
			size = 0;
	}
	reply_text(request, size ? text : NULL, size);
	free(text);
}

void serve_answer(void *context, struct http_request *request)
{
	for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++)
		if (strcmp(resources[i].path, request->path) == 0) {
			resources[i].answer(context, request);
			return;
		}
	http_refuse(request, HTTP_NOT_FOUND, "no such page; /debug/pprof/ lists the pages");
}
