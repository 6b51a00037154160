/* SPDX-License-Identifier: MIT */
/* Writes text and numbers as JSON within a <script> element: no text can end the element or begin
 * a comment. */
#pragma once
#include <stdint.h>

#include "base/output.h"

/* Writes a string. Characters that have a meaning in HTML are written as escapes. Unprintable ones,
 * and bytes that are not UTF-8, become U+FFFD. */
void html_json_text(struct output *output, const char *text);

/* Writes the text as the content of an HTML element, with the same replacements. */
void html_json_markup(struct output *output, const char *text);

/* Writes an integer, without what printf() costs. */
void html_json_integer(struct output *output, int64_t number);
