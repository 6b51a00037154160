/* SPDX-License-Identifier: MIT */
#include "command/dump_reason.h"
#include "test.h"

/* Returns the text after the reason was set. */
static const char *set(const char *from, const char *reason)
{
	static char out[256];
	size_t size = strlen(from);
	char *text = strdup(from);

	CHECK_INT_EQ(dump_reason_set(&text, &size, reason), 0);
	snprintf(out, sizeof(out), "%.*s", (int)size, text);
	free(text);
	return out;
}

static void test_set(void)
{
	CHECK_STR_EQ(set("head\n# a: b\n# reason: outside\n# c\n1: 2\n", "outside: rss"),
		     "head\n# a: b\n# reason: outside: rss\n# c\n1: 2\n");
	CHECK_STR_EQ(set("head\n# reason: outside\n", "x"), "head\n# reason: x\n");
}

static void test_texts_without_the_line(void)
{
	static const char *const texts[] = {
		"",
		"head",
		"head\n",
		"head\n# reason: exit\n",
		"head\n1: 2\n# reason: outside\n", /* not in the metadata */
		"# reason: outside\n",
		"head\n# reason: outside",
		"head\n# reason: outsider\n",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		CHECK_STR_EQ(set(texts[i], "x"), texts[i]);
}

TEST_MAIN(TEST(test_set), TEST(test_texts_without_the_line))
