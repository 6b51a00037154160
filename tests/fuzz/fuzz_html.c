/* SPDX-License-Identifier: MIT */
/* Writes pages. The parts of an input are profiles of any format; the page is of all of them.
 * Nothing between the page's own parts may be markup. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "consumers.h"
#include "parts.h"
#include "reports/html/html_page.h"
#include "reports/html/html_small.h"

#define PROFILES_MAX 3

/* So few that stacks and functions are merged. */
static const struct html_limits limits = {.nodes = 4, .functions = 2, .records = 8};

/* Checks that the bytes between the page's own parts have no character that begins markup. */
static void check_page(const char *page, size_t size)
{
	const char *title = page + strlen(html_before_title);
	const char *end = page + size - strlen(html_after_data), *data;

	if (size < strlen(html_before_title) + strlen(html_before_data) + strlen(html_after_data))
		abort();
	data = memmem(title, (size_t)(end - title), html_before_data, strlen(html_before_data));
	if (!data || memchr(title, '<', (size_t)(data - title)))
		abort();
	data += strlen(html_before_data);
	for (const char *bad = "<>&'`"; *bad; bad++)
		if (memchr(data, *bad, (size_t)(end - data)))
			abort();
	if (memcmp(end, html_after_data, strlen(html_after_data)) != 0)
		abort();
}

static void write_page(const struct html_page *page)
{
	int file = memfd_create("page", MFD_CLOEXEC);
	struct output *output = NULL;
	struct diag diag = {0};
	off_t size;
	void *map;

	if (file < 0 || output_open_file(&output, file, "page", &diag))
		abort();
	html_page_write(page, output);
	if (output_commit(output, &diag))
		abort();
	output_free(output);
	diag_deinit(&diag);
	size = lseek(file, 0, SEEK_END);
	map = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, file, 0);
	if (map == MAP_FAILED)
		abort();
	check_page(map, (size_t)size);
	munmap(map, (size_t)size);
	close(file);
}

static void make_page(struct profile *const *profiles, size_t n, const char *name)
{
	const struct html_rules rules = {.matches_moved_files = true};
	const char *names[PROFILES_MAX] = {name, name, name};
	struct html_model model;
	char *warnings[] = {(char *)name};
	struct html_page page = {.model = &model,
				 .names = names,
				 .type = name,
				 .confidence = 0.95,
				 .warnings = warnings,
				 .n_warnings = 1};

	if (!html_model_init(&model, (const struct profile *const *)profiles, n, &rules)) {
		write_page(&page);
		if (!html_small_merge(&model, &limits))
			write_page(&page);
	}
	html_model_deinit(&model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct part rest = {data, size}, part;
	struct profile *profiles[PROFILES_MAX];
	char name[64];
	size_t n = 0;

	part_text(&rest, name, sizeof(name));
	while (rest.size && n < PROFILES_MAX) {
		part = part_take(&rest);
		profiles[n] = consume_bytes(NULL, part.data, part.size);
		if (!profiles[n])
			break;
		n++;
	}
	if (n > 0)
		make_page(profiles, n, name);
	for (size_t i = 0; i < n; i++)
		profile_free(profiles[i]);
	return 0;
}
