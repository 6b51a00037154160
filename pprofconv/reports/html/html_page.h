/* SPDX-License-Identifier: MIT */
/* A page is one HTML file that shows a profile, a comparison or a series. It has its style and its
 * script in itself, and the model as JSON. Its Content-Security-Policy allows nothing else. No text
 * of a profile can become markup or script. */
#pragma once
#include "analysis/dump_series.h"
#include "base/output.h"
#include "reports/html/html_model.h"

struct html_page {
	const struct html_model *model;
	const char *const *names; /* of the dumps' files */
	const char *type;         /* the sample type to show first */
	double confidence;
	bool full_names;                  /* names are whole until the reader shortens them */
	bool std_is_hidden;               /* there are no functions of standard libraries */
	bool is_series;                   /* else a profile, or a base and a new one */
	const struct dump_series *series; /* how functions grow; may be NULL */
	char *const *warnings;
	size_t n_warnings;
};

/* Writes the page. Errors in writing are kept in the output and reported when it is committed. */
void html_page_write(const struct html_page *page, struct output *output);

/* The parts of the page as they are in the file, around its title and around its data. The build
 * makes them from page.html, page.css and the scripts. */
extern const char html_before_title[], html_before_data[], html_after_data[];
