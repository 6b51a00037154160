/* SPDX-License-Identifier: MIT */
/* Prints the completions for bash and zsh, from the rows that arguments are parsed by.
 */
#include <string.h>

#include "cli/command.h"

/* Returns whether an option's argument is a path, which its name in the help shows. */
static bool takes_path(const struct option_row *row)
{
	static const char *const names[] = {"FILE", "FOLDER", "PREFIX"};

	for (size_t i = 0; row->argument && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(row->argument, names[i]) == 0)
			return true;
	return false;
}

/* Returns the pattern of the words that choose a command. */
static const char *command_pattern(const struct command *command)
{
	return command->is_for_ids ? "[0-9]*" : command->name;
}

/* --- bash ---------------------------------------------------------------------------------- */

/* Prints `before` and a pattern of the options whose arguments are paths, or of those with other
 * arguments, if there are any. Returns whether there are. */
static bool print_bash_pattern(const struct command *command, bool of_paths, const char *before,
			       FILE *stream)
{
	bool is_first = true;

	for (const struct option_row *row = command->options; row->name; row++) {
		if (!row->argument || takes_path(row) != of_paths)
			continue;
		fprintf(stream, "%s--%s", is_first ? before : "|", row->name);
		if (row->letter)
			fprintf(stream, "|-%c", row->letter);
		is_first = false;
	}
	return !is_first;
}

static const char *bash_arguments(const struct command *command)
{
	switch (command->argument_kind) {
	case ARGUMENTS_COMMAND:
		return "-c -f";
	case ARGUMENTS_TARGET:
		return "-c -f -W \"$(cd /proc && echo [0-9]*)\"";
	case ARGUMENTS_FILES:
		return "-f";
	case ARGUMENTS_NONE:
		break;
	}
	return "-W ''";
}

/* Prints a loop over the words before the current one, which sets `ended` at "--" and at the first
 * word that is neither an option nor an option's argument, and `operand` at the latter. Later words
 * belong to the command that is to be run. */
static void print_bash_search(const struct command *command, FILE *stream)
{
	fputs("\t\tprevious_option=\n"
	      "\t\tfor word in \"${COMP_WORDS[@]:2:COMP_CWORD - 2}\"; do\n"
	      "\t\t\tcase $previous_option in\n\t\t\t",
	      stream);
	if (print_bash_pattern(command, false /* others */, "", stream))
		putc('|', stream);
	if (!print_bash_pattern(command, true /* paths */, "", stream))
		putc('=', stream); /* never an option */
	fputs(") [[ $word == = ]] || previous_option= ;;\n"
	      "\t\t\t*)\n"
	      "\t\t\t\tprevious_option=$word\n"
	      "\t\t\t\t[[ $word == -* ]] && [[ $word != -- ]] && continue\n"
	      "\t\t\t\tended=1\n"
	      "\t\t\t\t[[ $word == -- ]] && continue\n"
	      "\t\t\t\toperand=1 previous=\n"
	      "\t\t\t\tbreak\n"
	      "\t\t\t\t;;\n"
	      "\t\t\tesac\n"
	      "\t\tdone\n",
	      stream);
}

static void print_bash_command(const struct command *command, FILE *stream)
{
	fprintf(stream, "\t%s)\n", command_pattern(command));
	if (command->argument_kind == ARGUMENTS_COMMAND)
		print_bash_search(command, stream);
	fputs("\t\tcase $previous in\n", stream);
	if (print_bash_pattern(command, true /* paths */, "\t\t", stream))
		fputs(") kinds=(-f) ;;\n", stream);
	if (print_bash_pattern(command, false /* others */, "\t\t", stream))
		fputs(") kinds=(-W '') ;;\n", stream);
	fputs("\t\t*)\n\t\t\tif [[ $operand ]]; then\n\t\t\t\tkinds=(-f)\n"
	      "\t\t\telif [[ $current == -* && ! $ended ]]; then\n\t\t\t\tkinds=(-W '",
	      stream);
	for (const struct option_row *row = command->options; row->name; row++)
		fprintf(stream, "%s--%s", row == command->options ? "" : " ", row->name);
	fprintf(stream,
		"')\n\t\t\telse\n\t\t\t\tkinds=(%s)\n\t\t\tfi\n\t\t\t;;\n\t\tesac\n\t\t;;\n",
		bash_arguments(command));
}

static void print_patterns(const struct program *program, FILE *stream)
{
	for (size_t i = 0; program->commands[i]; i++)
		fprintf(stream, "%s%s", i ? "|" : "", command_pattern(program->commands[i]));
}

/* Prints the names, each with a space after it. */
static void print_names(const struct program *program, FILE *stream)
{
	for (size_t i = 0; program->commands[i]; i++)
		if (!program->commands[i]->is_for_ids)
			fprintf(stream, "%s ", program->commands[i]->name);
}

static void print_bash_head(const struct program *program, FILE *stream)
{
	fprintf(stream,
		"# bash completion for %s, made from its table of options\n\n"
		"_%s()\n{\n"
		"\tlocal current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
		"\tlocal command='' ended='' operand='' previous_option word\n\tlocal -a kinds\n\n"
		"\tif [[ $current == = ]]; then\n\t\tcurrent=\n"
		"\telif [[ $previous == = ]]; then\n"
		"\t\tprevious=${COMP_WORDS[COMP_CWORD - 2]}\n\tfi\n"
		"\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD - 1}\"; do\n\t\tcase $word in\n\t\t",
		program->name, program->name);
	print_patterns(program, stream);
	fputs(")\n\t\t\tcommand=$word\n\t\t\tbreak\n\t\t\t;;\n\t\tesac\n\tdone\n"
	      "\t[[ \" ${COMP_WORDS[*]:1:COMP_CWORD - 1} \" == *' -- '* ]] && ended=1\n"
	      "\tcase $command in\n",
	      stream);
}

void completion_print_bash(const struct program *program, FILE *stream)
{
	print_bash_head(program, stream);
	for (size_t i = 0; program->commands[i]; i++)
		print_bash_command(program->commands[i], stream);
	fputs("\t*) kinds=(-W '", stream);
	print_names(program, stream);
	fprintf(stream,
		"help --help --version'%s) ;;\n\tesac\n"
		"\tmapfile -t COMPREPLY < <(compgen \"${kinds[@]}\" -- \"$current\")\n}\n"
		"complete -o filenames -F _%s %s\n",
		program->has_default ? " -f" : "", program->name, program->name);
}

/* --- zsh ----------------------------------------------------------------------------------- */

/* Prints the first sentence for a place in single quotes, where [, ] and : have a meaning. */
static void print_zsh_text(const char *text, FILE *stream)
{
	const char *end = strstr(text, ". ");

	for (size_t i = 0; text[i] && (!end || text + i < end); i++) {
		if (!text[i + 1] && text[i] == '.')
			break;
		if (text[i] == '\'')
			fputs("'\\'", stream);
		else if (strchr("[]:\\", text[i]))
			putc('\\', stream);
		putc(text[i], stream);
	}
}

static void print_zsh_option(const struct option_row *row, FILE *stream)
{
	const char *star = row->type == OPTION_TEXTS ? "*" : "";

	fputs(" \\\n\t\t\t", stream);
	if (row->letter && *star)
		fprintf(stream, "'*'{-%c,--%s%s}'", row->letter, row->name,
			row->argument ? "=" : "");
	else if (row->letter)
		fprintf(stream, "'(-%c --%s)'{-%c,--%s%s}'", row->letter, row->name, row->letter,
			row->name, row->argument ? "=" : "");
	else
		fprintf(stream, "'%s--%s%s", star, row->name, row->argument ? "=" : "");
	putc('[', stream);
	print_zsh_text(row->meaning, stream);
	putc(']', stream);
	if (row->argument)
		fprintf(stream, ":%s:%s", row->argument, takes_path(row) ? "_files" : "");
	putc('\'', stream);
}

static const char *zsh_arguments(const struct command *command)
{
	switch (command->argument_kind) {
	case ARGUMENTS_COMMAND:
		return "'(-)*::command:_normal'";
	case ARGUMENTS_TARGET:
		return "'1:target:{ _pids; _command_names -e; _files }'";
	case ARGUMENTS_FILES:
		return "'*:file:_files'";
	case ARGUMENTS_NONE:
		break;
	}
	return NULL;
}

static void print_zsh_command(const struct command *command, FILE *stream)
{
	fprintf(stream, "\t%s)\n\t\t_arguments -s -S", command_pattern(command));
	for (const struct option_row *row = command->options; row->name; row++)
		print_zsh_option(row, stream);
	if (zsh_arguments(command))
		fprintf(stream, " \\\n\t\t\t%s", zsh_arguments(command));
	fputs("\n\t\t;;\n", stream);
}

void completion_print_zsh(const struct program *program, FILE *stream)
{
	fprintf(stream,
		"#compdef %s\n# zsh completion for %s, made from its table of options\n\n"
		"local -a commands\ncommands=(\n",
		program->name, program->name);
	for (size_t i = 0; program->commands[i]; i++) {
		if (program->commands[i]->is_for_ids)
			continue;
		fprintf(stream, "\t'%s:", program->commands[i]->name);
		print_zsh_text(program->commands[i]->summary, stream);
		fputs("'\n", stream);
	}
	fprintf(stream,
		")\nif (( CURRENT == 2 )); then\n\t_describe command commands\n%s\treturn\nfi\n"
		"shift words\n(( CURRENT-- ))\ncase $words[1] in\n",
		program->has_default ? "\t_files\n" : "");
	for (size_t i = 0; program->commands[i]; i++)
		print_zsh_command(program->commands[i], stream);
	fputs("\t*) _files ;;\nesac\n", stream);
}
