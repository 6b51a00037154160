/* SPDX-License-Identifier: MIT */
#include "commands/command.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/input.h"
#include "base/output.h"
#include "commands/notes.h"
#include "commands/outside.h"
#include "commands/progress.h"
#include "readers/reader.h"
#include "symbolize/whole_name.h"
#include "writers/writer.h"

/* Sets *out_reader to the format that --from names. Without --from, sets it to NULL: then the
 * content decides. Returns the exit status. */
static int find_reader(const struct settings *settings, const struct reader **out_reader)
{
	*out_reader = NULL;
	if (!settings->from)
		return EXIT_DONE;
	*out_reader = reader_find(settings->from);
	if (!*out_reader)
		return command_error("--from: unknown format '%s'; '" PROGRAM
				     " formats' lists the formats",
				     settings->from);
	return EXIT_DONE;
}

/* --- reading and writing ------------------------------------------------------------------- */

static int read_input(const struct settings *settings, const struct reader *reader,
		      struct input *input, struct profile **out_profile, struct diag *diag)
{
	const struct reader_wish wish = {
		.reader = reader,
		.report = settings->nth,
		.keeps_samples = settings->is_reproducible || settings->takes_samples,
	};
	struct progress progress;
	int r;

	progress_begin(&progress, diag->file, !settings->quiet);
	input_on_progress(input, progress_read, &progress);
	r = reader_read_wish(out_profile, &wish, input, diag);
	progress_end(&progress);
	return r;
}

/* Reads a dump in memory. The caller keeps `text`. */
static int load_text(const struct settings *settings, const char *name, const char *text,
		     size_t size, struct profile **out_profile, struct diag *diag)
{
	_cleanup_(input_freep) struct input *input = NULL;
	int r = input_open_memory(&input, name, text, size, settings->max_input_bytes, diag);

	return r ? r : read_input(settings, NULL, input, out_profile, diag);
}

static int load_process(const struct settings *settings, const char *name, int pid,
			struct profile **out_profile, struct diag *diag)
{
	_cleanup_(freep) void *text = NULL;
	size_t size = 0;
	char *read = NULL;
	int task, r;

	r = settings->stop ? outside_read_stopped(pid, &task, &read, &size, diag)
			   : outside_read_process(pid, &task, &read, &size, diag);
	text = read;
	if (!r)
		r = load_text(settings, name, text, size, out_profile, diag);
	if (!r)
		(*out_profile)->process = task; /* the first thread may have no root */
	return r;
}

void command_note_owner(struct profile *profile, const char *path)
{
	struct stat status;

	if (stat(path, &status))
		return;
	profile->is_of_core = true;
	profile->core_uid = status.st_uid;
	profile->core_gid = status.st_gid;
}

static int load_core(const struct settings *settings, struct input *input,
		     struct profile **out_profile, struct diag *diag)
{
	_cleanup_(freep) void *text = NULL;
	size_t size = 0;
	char *read = NULL;
	int r = outside_read_core(input, &read, &size, diag);

	text = read;
	if (!r)
		r = load_text(settings, diag->file, text, size, out_profile, diag);
	if (!r)
		command_note_owner(*out_profile, diag->file);
	return r;
}

static int refuse_from(const char *kind, struct diag *diag)
{
	return diag_error(diag, READER_E_UNSUPPORTED,
			  "%s has none of the formats of --from; leave out --from", kind);
}

static int load_profile(const struct settings *settings, const char *path,
			struct profile **out_profile, struct diag *diag)
{
	_cleanup_(input_freep) struct input *input = NULL;
	const struct reader *reader;
	int r = find_reader(settings, &reader), pid = outside_pid(path);

	diag->file = path;
	if (!r && outside_is_wrong_pid(path))
		return diag_error(diag, -ENOENT, OUTSIDE_WRONG_PID, path);
	if (!r && pid)
		return reader ? refuse_from("a process", diag)
			      : load_process(settings, path, pid, out_profile, diag);
	if (!r)
		r = input_open(&input, path, settings->max_input_bytes, diag);
	if (!r && outside_is_core(input))
		return reader ? refuse_from("a core", diag)
			      : load_core(settings, input, out_profile, diag);
	if (!r && !reader && outside_cut_size(input))
		return diag_error(diag, READER_E_CORRUPT,
				  "a core or a program of which only %zu bytes are there; copy it "
				  "again",
				  outside_cut_size(input));
	if (!r)
		r = read_input(settings, reader, input, out_profile, diag);
	return r;
}

static void print_messages(const struct settings *settings, const struct profile *profile,
			   struct diag *diag)
{
	if (profile)
		notes_warn(profile, diag);
	diag_print(diag, program_name(), !settings->quiet, stderr);
	if (profile && settings->verbose)
		command_error("%s: %s%s%s: %zu samples, %zu stacks, %zu locations", diag->file,
			      profile->format, profile->tool ? ", written by " : "",
			      profile->tool ? profile->tool : "", profile->samples.n,
			      profile->stacks.n, profile->locations.n);
	diag_deinit(diag);
}

struct profile *command_load(const struct settings *settings, const char *path)
{
	struct profile *profile = NULL;
	struct diag diag = {0};

	load_profile(settings, path, &profile, &diag);
	if (profile && whole_name_restore(profile)) {
		diag_errno(&diag, -ENOMEM);
		profile_free(profile);
		profile = NULL;
	}
	print_messages(settings, profile, &diag);
	return profile;
}

struct profile *command_load_text(const struct settings *settings, const char *name,
				  const char *text, size_t size)
{
	struct profile *profile = NULL;
	struct diag diag = {0};

	load_text(settings, name, text, size, &profile, &diag);
	print_messages(settings, profile, &diag);
	return profile;
}

/* An output's content: a profile, or the last one of a series with its moments. */
struct content {
	struct profile *profile;
	const struct writer_moment *moments;
	size_t n_moments; /* 0: not a series */
};

static int write_content(const struct content *content, size_t value, const struct writer *writer,
			 struct output *output)
{
	return content->n_moments ? writer->write_series(content->profile, value, content->moments,
							 content->n_moments, output)
				  : writer->write(content->profile, value, output);
}

static int save_content(const struct settings *settings, const struct content *content,
			size_t value, const struct writer *writer, const char *path,
			struct diag *diag)
{
	_cleanup_(output_freep) struct output *output = NULL;
	struct progress progress;
	int r = output_open(&output, path, diag);

	if (r)
		return r;
	progress_begin(&progress, diag->file, !settings->quiet);
	output_on_progress(output, progress_written, &progress);
	r = write_content(content, value, writer, output);
	r = r ? diag_errno(diag, r) : output_commit(output, diag);
	progress_end(&progress);
	return r;
}

static int save(const struct settings *settings, const struct content *content,
		const struct writer *writer, const char *path)
{
	int value = command_sample_type(settings, content->profile);
	struct diag diag = {0};
	int r;

	if (value < 0)
		return EXIT_BAD;
	if (writer->is_binary && strcmp(path, "-") == 0 && isatty(STDOUT_FILENO))
		return command_error("a terminal cannot show a binary profile; use -o FILE");
	content->profile->keeps_names = settings->full_names;
	r = save_content(settings, content, (size_t)value, writer, path, &diag);
	diag_print(&diag, program_name(), !settings->quiet, stderr);
	if (!r && settings->verbose)
		command_error("%s: written", diag.file);
	diag_deinit(&diag);
	return r ? EXIT_BAD : EXIT_DONE;
}

int command_can_write(const struct profile *profile, const char *input, const struct writer *writer)
{
	struct diag diag = {.file = input};
	int r = writer->check ? writer->check(profile, &diag) : 0;

	diag_print(&diag, program_name(), true /* warnings */, stderr);
	diag_deinit(&diag);
	return r ? EXIT_BAD : EXIT_DONE;
}

int command_save(const struct settings *settings, struct profile *profile,
		 const struct writer *writer, const char *path)
{
	return save(settings, &(struct content){.profile = profile}, writer, path);
}

int command_save_series(const struct settings *settings, struct profile *profile,
			const struct writer_moment *moments, size_t n, const struct writer *writer,
			const char *path)
{
	return save(settings, &(struct content){profile, moments, n}, writer, path);
}

int command_print(int (*write)(const void *what, struct output *output), const void *what)
{
	_cleanup_(output_freep) struct output *output = NULL;
	struct diag diag = {0};
	int r = output_open(&output, "-", &diag);

	if (!r)
		r = write(what, output);
	if (r == -ENOMEM)
		diag_errno(&diag, r);
	if (!r)
		r = output_commit(output, &diag);
	diag_print(&diag, program_name(), true /* warnings */, stderr);
	diag_deinit(&diag);
	return r ? EXIT_BAD : EXIT_DONE;
}

int command_sample_type(const struct settings *settings, const struct profile *profile)
{
	const char *type = settings->sample_type;
	int found;

	if (!type)
		type = profile_string(profile, profile->default_sample_type);
	found = profile_find_sample_type(profile, type);
	if (found >= 0)
		return found;
	if (!settings->sample_type)
		return profile->sample_types.n ? (int)profile->sample_types.n - 1 : 0;
	command_error("--sample-type: the profile has no values of the type '%s'", type);
	return -1;
}
