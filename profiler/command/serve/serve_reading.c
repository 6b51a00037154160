/* SPDX-License-Identifier: MIT */
#include "command/serve/serve_reading.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/output.h"
#include "commands/command.h"
#include "commands/outside.h"
#include "transform/merge.h"
#include "writers/writer.h"

/* How long a reading is shared. If making it took longer, it is shared for as long as that, so that
 * readings take at most half of the time. */
#define SHARED_MS 100

static const struct {
	const char *writer; /* NULL: the dump as it is */
	const char *sample_type;
	const char *type;
	const char *filename;
} kinds[] = {
	[PAGE_HEAP] = {"pprof", "inuse_space", "application/octet-stream", "heap.pb.gz"},
	[PAGE_ALLOCS] = {"pprof", "alloc_space", "application/octet-stream", "allocs.pb.gz"},
	[PAGE_HEAP_TEXT] = {"text", "inuse_space", "text/plain; charset=utf-8", NULL},
	[PAGE_ALLOCS_TEXT] = {"text", "alloc_space", "text/plain; charset=utf-8", NULL},
	[PAGE_DUMP] = {NULL, NULL, "text/plain; charset=utf-8", NULL},
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- reading ------------------------------------------------------------------------------- */

static int parse(struct serve_reading *reading, const struct serve_source *source,
		 struct diag *diag)
{
	reading->profile = reading_parse(&reading->raw, source->target, source->settings);
	if (!reading->profile || command_symbolize(source->settings, 1, reading->profile))
		return diag_error(diag, -EINVAL, "its tables can't be read as a profile");
	return 0;
}

static int read_target(struct serve_reading *reading, const struct serve_source *source,
		       struct diag *diag)
{
	struct reading *raw = &reading->raw;
	uint64_t begin = now_ms();
	int r = outside_read_process(source->target->pid, &raw->task, &raw->text, &raw->size, diag);

	if (found_target_has_ended(source->target)) {
		diag_deinit(diag);
		return diag_error(diag, -ESRCH, "the process has ended");
	}
	if (!r)
		r = parse(reading, source, diag);
	reading->read_at = now_ms();
	reading->valid_to = reading->read_at + SHARED_MS;
	if (reading->read_at - begin > SHARED_MS)
		reading->valid_to = reading->read_at + (reading->read_at - begin);
	return r;
}

/* Frees the parts that only requests of the reading's own moment need. */
static void shrink(struct serve_reading *reading)
{
	reading_deinit(&reading->raw);
	for (size_t i = 0; i < PAGES_N; i++) {
		http_page_free(reading->pages[i]);
		reading->pages[i] = NULL;
		http_page_free(reading->deltas[i].page);
		reading->deltas[i].page = NULL;
		serve_reading_drop(reading->deltas[i].base);
		reading->deltas[i].base = NULL;
	}
}

void serve_reading_drop(struct serve_reading *reading)
{
	if (!reading || --reading->n_shares)
		return;
	shrink(reading);
	profile_free(reading->profile);
	free(reading);
}

static struct serve_reading *make_reading(const struct serve_source *source, struct diag *diag)
{
	struct serve_reading *reading = calloc(1, sizeof(*reading));

	if (!reading) {
		diag_errno(diag, -ENOMEM);
		return NULL;
	}
	reading->n_shares = 1;
	if (read_target(reading, source, diag) == 0)
		return reading;
	serve_reading_drop(reading);
	return NULL;
}

struct serve_reading *serve_reading_get(struct serve_source *source,
					const struct serve_reading *base, struct diag *diag)
{
	if (!source->last || source->last == base || now_ms() > source->last->valid_to) {
		serve_source_deinit(source);
		source->last = make_reading(source, diag);
	}
	if (source->last)
		source->last->n_shares++;
	return source->last;
}

void serve_source_deinit(struct serve_source *source)
{
	if (source->last)
		shrink(source->last);
	serve_reading_drop(source->last);
	source->last = NULL;
}

/* --- pages --------------------------------------------------------------------------------- */

static int write_profile(struct profile *profile, enum serve_page kind, struct output *output)
{
	int value = profile_find_sample_type(profile, kinds[kind].sample_type);
	uint32_t usual = profile->default_sample_type;
	int r;

	if (value < 0)
		value = 0;
	else
		profile->default_sample_type = profile_intern(profile, kinds[kind].sample_type);
	r = profile_status(profile);
	r = r ? r : writer_find(kinds[kind].writer)->write(profile, (size_t)value, output);
	profile->default_sample_type = usual;
	return r;
}

/* Writes the page to a file. */
static int write_file(int fd, const struct reading *raw, struct profile *profile,
		      enum serve_page kind)
{
	_cleanup_(output_freep) struct output *output = NULL;
	struct diag diag = {0};
	int r = output_open_file(&output, fd, "memory", &diag);

	if (!r && kinds[kind].writer)
		r = write_profile(profile, kind, output);
	else if (!r)
		output_write(output, raw->text, raw->size);
	r = r ? r : output_commit(output, &diag);
	diag_deinit(&diag);
	return r;
}

/* Makes a page, in memory that is not this program's heap: pages come and go, and are large. */
static struct http_page *make_page(const struct reading *raw, struct profile *profile,
				   enum serve_page kind)
{
	int fd = memfd_create("heapprof-serve", MFD_CLOEXEC);

	if (fd < 0)
		return NULL;
	if (write_file(fd, raw, profile, kind) == 0)
		return http_page_of_file(fd, kinds[kind].type, kinds[kind].filename);
	close(fd);
	return NULL;
}

struct http_page *serve_reading_page(struct serve_reading *reading, enum serve_page kind)
{
	if (!reading->pages[kind])
		reading->pages[kind] = make_page(&reading->raw, reading->profile, kind);
	return reading->pages[kind];
}

/* --- differences --------------------------------------------------------------------------- */

/* Returns the new profile minus the base, or NULL if memory is out. Like Go's it has the time of
 * the new profile and lasts as long as the two are apart. */
static struct profile *subtract(const struct serve_reading *new, const struct serve_reading *base)
{
	_cleanup_(merge_freep) struct merge *merge = merge_new();
	const struct copy_between_change negated = {.factor = -1};
	struct profile *delta = NULL;
	struct diag diag = {0};

	if (merge && merge_add(merge, new->profile, &diag) == 0 &&
	    merge_add_changed(merge, base->profile, &negated, &diag) == 0)
		delta = merge_finish(merge);
	diag_deinit(&diag);
	if (!delta)
		return NULL;
	delta->time_nanos = new->profile->time_nanos;
	delta->duration_nanos = (int64_t)(new->read_at - base->read_at) * 1000000;
	return delta;
}

struct http_page *serve_reading_delta(struct serve_reading *reading, struct serve_reading *base,
				      enum serve_page kind)
{
	_cleanup_(profile_freep) struct profile *delta = NULL;

	if (reading->deltas[kind].base == base)
		return reading->deltas[kind].page;
	delta = subtract(reading, base);
	http_page_free(reading->deltas[kind].page);
	serve_reading_drop(reading->deltas[kind].base);
	base->n_shares++;
	reading->deltas[kind].base = base;
	reading->deltas[kind].page = delta ? make_page(&reading->raw, delta, kind) : NULL;
	return reading->deltas[kind].page;
}
