/* SPDX-License-Identifier: MIT */
#include "reports/html/html_json.h"

#include <unistd.h>

#include "test.h"

/* Returns what `write` writes for `text`, in a buffer of its own. */
static const char *written(void (*write)(struct output *, const char *), const char *text)
{
	static char buffer[256];
	char path[] = "/tmp/test_html_json.XXXXXX";
	struct output *output = NULL;
	struct diag diag = {0};
	int file = mkstemp(path);
	ssize_t n;

	CHECK_INT_EQ(output_open_file(&output, file, "file", &diag), 0);
	write(output, text);
	CHECK_INT_EQ(output_commit(output, &diag), 0);
	output_free(output);
	n = pread(file, buffer, sizeof(buffer) - 1, 0);
	buffer[n > 0 ? n : 0] = '\0';
	close(file);
	unlink(path);
	diag_deinit(&diag);
	return buffer;
}

static void test_text_cannot_end_its_element(void)
{
	CHECK_STR_EQ(written(html_json_text, "</script><!--"),
		     "\"\\u003c/script\\u003e\\u003c!--\"");
	CHECK_STR_EQ(written(html_json_text, "a\"b\\c&d'e`"),
		     "\"a\\u0022b\\u005cc\\u0026d\\u0027e\\u0060\"");
}

static void test_unprintable_characters_are_replaced(void)
{
	CHECK_STR_EQ(written(html_json_text, "a\nb\x1b\x7f"), "\"a\xef\xbf\xbd"
							      "b\xef\xbf\xbd\xef\xbf\xbd\"");
	CHECK_STR_EQ(written(html_json_text, "\xff\xe2\x80"),
		     "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
	CHECK_STR_EQ(written(html_json_text, "\u2028\u2029\u202e\u2066\u200f"),
		     "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
	CHECK_STR_EQ(written(html_json_text, "häß \u2030"), "\"häß \u2030\"");
}

static void test_markup_is_escaped(void)
{
	CHECK_STR_EQ(written(html_json_markup, "</title><img src='x'>&\x01"),
		     "&#60;/title&#62;&#60;img src=&#39;x&#39;&#62;&#38;\xef\xbf\xbd");
}

static void write_integers(struct output *output, const char *text)
{
	(void)text;
	html_json_integer(output, 0);
	html_json_integer(output, -7);
	html_json_integer(output, INT64_MAX);
	html_json_integer(output, INT64_MIN);
}

static void test_integers(void)
{
	CHECK_STR_EQ(written(write_integers, ""), "0-79223372036854775807-9223372036854775808");
}

TEST_MAIN(TEST(test_text_cannot_end_its_element), TEST(test_unprintable_characters_are_replaced),
	  TEST(test_markup_is_escaped), TEST(test_integers))
