/* SPDX-License-Identifier: MIT */
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/input.h"
#include "command/commands.h"
#include "command/duration.h"
#include "command/top/top_screen.h"
#include "command/top/top_text.h"
#include "commands/compare.h"

static int parse_order(const char *text, enum top_order *out)
{
	static const char *const names[] = {
		[TOP_BY_GROWTH] = "growth",
		[TOP_BY_INUSE] = "inuse",
		[TOP_BY_RATE] = "rate",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(text, names[i]) == 0) {
			*out = (enum top_order)i;
			return EXIT_DONE;
		}
	return command_error("--sort: unknown order '%s'; expected growth, inuse or rate", text);
}

static int check(const struct top_settings *settings)
{
	if (settings->once && settings->n_rounds)
		return command_error("--once and --rounds exclude each other; give one");
	if (settings->stacks && settings->cumulative)
		return command_error("--stacks and --cum exclude each other; give one");
	return EXIT_DONE;
}

static int prepare(const struct top_settings *settings, struct top_session *session)
{
	const char *every = settings->every ? settings->every : "2s";

	*session = (struct top_session){
		.settings = &settings->common,
		.choice.stacks = settings->stacks,
		.choice.cumulative = settings->cumulative,
		.choice.hidden = settings->hide != NULL,
		.n_rounds = settings->once ? 1 : settings->n_rounds,
		.n_lines = settings->n_lines,
		.end_fd = -1,
		.full_names = settings->full_names,
	};
	if (!duration_parse(every, &session->every_seconds))
		return command_error("--every: invalid time '%s'; expected one such as 2s or 5m",
				     every);
	return check(settings) ? EXIT_BAD : parse_order(settings->sort, &session->choice.order);
}

static int run_session(const struct top_settings *settings, struct top_session *session)
{
	const regex_t *hide;
	regex_t regex;
	int status =
		compare_compile("hide", settings->hide ? settings->hide : TOP_HIDE, &regex, &hide);

	if (status)
		return status;
	found_target_name(&session->target, session->name, sizeof(session->name));
	top_model_init(&session->model, session->settings, hide);
	cgroup_mount_find(&session->cgroups);
	setlocale(LC_CTYPE, "");
	status = session->n_rounds || !top_screen_is_possible() ? top_text_run(session)
								: top_screen_run(session);
	top_session_deinit(session);
	regfree(&regex);
	return status;
}

static int run_top(const struct settings *common)
{
	struct top_settings settings = *SETTINGS_OF(struct top_settings, common);
	struct top_session session;
	int status;

	settings.common.quiet = true; /* each round would repeat its warnings */
	status = prepare(&settings, &session);
	if (!status)
		status = target_find_only(common, "top", &session.target);
	if (status)
		return status;
	status = run_session(&settings, &session);
	found_target_deinit(&session.target);
	return status;
}

static const struct option_row options[] = {
	{"once", '1', OPTION_FLAG, offsetof(struct top_settings, once), NULL,
	 "Prints one round as text and ends. It has no growth, and rates are means since recording "
	 "began."},
	{"rounds", 'r', OPTION_COUNT, offsetof(struct top_settings, n_rounds), "N",
	 "Prints N rounds as text and ends; 0 goes on until the process ends. Growth is counted "
	 "from the first."},
	{"every", 'e', OPTION_TEXT, offsetof(struct top_settings, every), "TIME",
	 "The time between two rounds, such as 10s, 5m or 8h. The default is 2s."},
	{"sort", 0, OPTION_TEXT, offsetof(struct top_settings, sort), "ORDER",
	 "Sorts by growth, inuse or rate. The default is growth: rows that grew by more than the "
	 "sampling error come first, then the others by what they hold."},
	{"stacks", 0, OPTION_FLAG, offsetof(struct top_settings, stacks), NULL,
	 "Shows a row for each stack instead of each function."},
	{"cum", 'c', OPTION_FLAG, offsetof(struct top_settings, cumulative), NULL,
	 "Counts for a function also what the functions hold that it called."},
	OPTION_ROW_HIDE(offsetof(struct top_settings, hide)),
	{"full-names", 0, OPTION_FLAG, offsetof(struct top_settings, full_names), NULL,
	 "Does not shorten names, and shows source files. Lines still end at the terminal's edge."},
	{"lines", 'l', OPTION_COUNT, offsetof(struct top_settings, n_lines), "N",
	 "Prints the first N rows of a round; 0 prints all. The default is 20. The screen shows "
	 "all."},
	OPTION_ROWS_SYMBOLS,
	OPTION_ROW_HELP,
	{0},
};

static const struct top_settings defaults = {
	.common.max_input_bytes = INPUT_BYTES_LIMIT,
	.sort = "growth",
	.n_lines = 20,
};

const struct command command_top = {
	.name = "top",
	.arguments = "PID|NAME",
	.summary = "show what a process holds, as it grows",
	.description =
		"Reads the process again and again, from outside, and shows for each function "
		"what it holds, how that has grown since the screen was opened, and what it "
		"allocates per second. The columns with +- are the errors of sampling at 95 %; a * "
		"marks a change beyond the error. Sentences say how much memory grew in blocks of "
		"which size, how often, and where that leads. The key ? lists the keys. Without a "
		"terminal, rounds are printed as text until the process ends. K, M and G are "
		"powers "
		"of 1024.",
	.argument_kind = ARGUMENTS_TARGET,
	.options = options,
	.defaults = &defaults.common,
	.settings_size = sizeof(defaults),
	.run = run_top,
};
