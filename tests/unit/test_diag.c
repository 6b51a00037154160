/* SPDX-License-Identifier: MIT */
#include "base/diag.h"

#include <errno.h>

#include "test.h"

/* Returns what diag_print() writes. The caller frees the text. */
static char *printed(const struct diag *diag, bool warnings)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	diag_print(diag, "prog", warnings, stream);
	fclose(stream);
	return text;
}

static void check_printed(struct diag *diag, bool warnings, const char *expected)
{
	char *text = printed(diag, warnings);

	CHECK_STR_EQ(text, expected);
	free(text);
}

static void test_places(void)
{
	struct diag diag = {.file = "a.heap"};

	CHECK_INT_EQ(diag_error_line(&diag, 7, 12, "no %s", "bread"), 7);
	check_printed(&diag, true, "prog: a.heap:12: no bread\n");
	diag_deinit(&diag);
	diag.file = "b.pb";
	diag_error_byte(&diag, 7, 99, "odd");
	check_printed(&diag, true, "prog: b.pb: byte 99: odd\n");
	diag_deinit(&diag);
	diag.file = "c";
	CHECK_INT_EQ(diag_errno(&diag, -ENOENT), -ENOENT);
	check_printed(&diag, true, "prog: c: No such file or directory\n");
	diag_deinit(&diag);
}

static void test_the_first_error_stays(void)
{
	struct diag diag = {0};

	diag_error(&diag, 1, "cause");
	diag_error(&diag, 2, "effect");
	check_printed(&diag, true, "prog: cause\n");
	diag_deinit(&diag);
}

static void test_a_message_is_one_line(void)
{
	struct diag diag = {0};

	diag_error(&diag, 1, "a\nb\033c");
	check_printed(&diag, true, "prog: a?b?c\n");
	diag_deinit(&diag);
}

static void test_long_messages_are_cut(void)
{
	struct diag diag = {.file = "f"};
	char *text;

	diag_error_line(&diag, 1, 1, "%0*d", 4 * DIAG_TEXT_MAX, 0);
	text = printed(&diag, true);
	CHECK_INT_EQ(strlen(text), strlen("prog: ") + DIAG_TEXT_MAX - 1 + strlen("\n"));
	free(text);
	diag_deinit(&diag);
}

static void test_warnings_have_an_end(void)
{
	struct diag diag = {.file = "f"};
	char *text;

	for (int i = 0; i < DIAG_WARNINGS_MAX + 3; i++)
		diag_warn(&diag, "odd %d", i);
	text = printed(&diag, true);
	CHECK(strncmp(text, "prog: f: warning: odd 0\n", 24) == 0);
	CHECK(strstr(text, "prog: 3 more warnings\n") != NULL);
	free(text);
	check_printed(&diag, false, "");
	diag_deinit(&diag);
}

TEST_MAIN(TEST(test_places), TEST(test_the_first_error_stays), TEST(test_a_message_is_one_line),
	  TEST(test_long_messages_are_cut), TEST(test_warnings_have_an_end))
