/* SPDX-License-Identifier: MIT */
/* Reads the XML of valgrind's memcheck. It has the records of its searches for leaks, but neither
 * summaries nor the beginning of a search: where the numbers of the records don't rise, the next
 * search begins. The counts of an error's <leakedbytes> include what the record leads to, so they
 * are compared with the headline, which tells the two apart. */
#include <errno.h>

#include "readers/memcheck_record.h"
#include "readers/reader.h"
#include "readers/readers.h"
#include "readers/report_log.h"
#include "readers/valgrind_frame.h"
#include "readers/xml.h"

struct text {
	VEC(char) bytes;
};

struct memcheck_xml {
	struct diag *diag;
	int status;
	struct report_log log;
	struct leak_search search; /* its profile is ours; NULL: no search has begun */
	uint64_t last_number;      /* of the record before, in its search */
	bool is_memcheck, is_finished;
	/* The error that is being read. */
	bool is_record;
	unsigned n_stacks;
	struct loss_record record;
	int64_t leaked_bytes, leaked_blocks;
	uint64_t line;
	/* The frame. Its texts are kept here, since the parser reuses its memory. */
	struct named_frame frame;
	struct text name, file, object;
};

/* --- elements ------------------------------------------------------------------------------ */

static void keep_text(struct memcheck_xml *xml, struct text *to, struct cursor text)
{
	to->bytes.n = 0;
	if (vec_append(&to->bytes, text.at, cursor_left(&text)) < 0)
		xml->status = diag_errno(xml->diag, -ENOMEM);
}

static struct cursor kept(const struct text *text)
{
	return cursor_make(text->bytes.items ? text->bytes.items : "", text->bytes.n);
}

static void begin_frame(struct memcheck_xml *xml)
{
	xml->frame = (struct named_frame){0};
	xml->name.bytes.n = xml->file.bytes.n = xml->object.bytes.n = 0;
}

static void end_frame(struct memcheck_xml *xml)
{
	if (!xml->is_record || xml->n_stacks != 1)
		return;
	xml->frame.name = kept(&xml->name);
	xml->frame.file = kept(&xml->file);
	valgrind_frame_push_parts(&xml->search.stack, xml->frame, kept(&xml->object));
}

static bool begin_search(struct memcheck_xml *xml)
{
	struct profile *profile = report_log_begin(&xml->log);

	if (!profile) {
		xml->status = diag_errno(xml->diag, -ENOMEM);
		return false;
	}
	leak_search_init(&xml->search, profile);
	return true;
}

static void end_search(struct memcheck_xml *xml)
{
	if (!xml->search.profile)
		return;
	named_stack_deinit(&xml->search.stack);
	report_log_end(&xml->log, xml->search.profile);
	xml->search.profile = NULL;
	xml->last_number = 0;
}

/* Reads the text of an error: it is a loss record if it is the headline of one. */
static void read_headline(struct memcheck_xml *xml, struct cursor text, uint64_t line)
{
	struct loss_record record;

	if (!memcheck_take_record(text, &record))
		return;
	if (xml->search.profile && record.number <= xml->last_number)
		end_search(xml);
	if (!xml->search.profile && !begin_search(xml))
		return;
	xml->is_record = true;
	xml->record = record;
	xml->line = line;
	xml->last_number = record.number;
}

static void end_error(struct memcheck_xml *xml)
{
	if (!xml->is_record)
		return;
	xml->is_record = false;
	if (xml->leaked_bytes != xml->record.bytes ||
	    xml->leaked_blocks != xml->record.direct.blocks)
		xml->status =
			diag_error_line(xml->diag, READER_E_CORRUPT, xml->line,
					"the counts of the record differ from those in its text");
	else
		leak_search_add(&xml->search, &xml->record);
}

static int on_begin(void *context, const char *element)
{
	struct memcheck_xml *xml = context;

	if (strcmp(element, "error") == 0) {
		xml->is_record = false;
		xml->n_stacks = 0;
		xml->leaked_bytes = xml->leaked_blocks = -1;
	} else if (strcmp(element, "stack") == 0) {
		xml->n_stacks++;
	} else if (strcmp(element, "frame") == 0) {
		begin_frame(xml);
	}
	return xml->status;
}

/* Takes a number that is all of the text; returns -1 if it isn't one. */
static int64_t whole_number(struct cursor text)
{
	int64_t value = cursor_take_signed(&text);

	return text.failed || !cursor_at_end(&text) ? -1 : value;
}

static uint64_t take_address(struct cursor text)
{
	uint64_t address;

	if (!cursor_accept_text(&text, "0x"))
		return 0;
	address = cursor_take_hex(&text);
	return text.failed ? 0 : address;
}

static void end_in_frame(struct memcheck_xml *xml, const char *element, struct cursor text)
{
	if (strcmp(element, "ip") == 0)
		xml->frame.address = take_address(text);
	else if (strcmp(element, "obj") == 0)
		keep_text(xml, &xml->object, text);
	else if (strcmp(element, "fn") == 0)
		keep_text(xml, &xml->name, text);
	else if (strcmp(element, "file") == 0)
		keep_text(xml, &xml->file, text);
	else if (strcmp(element, "line") == 0)
		xml->frame.line = whole_number(text) > 0 ? whole_number(text) : 0;
	else if (strcmp(element, "frame") == 0)
		end_frame(xml);
}

static int on_end(void *context, const char *element, struct cursor text, uint64_t line)
{
	struct memcheck_xml *xml = context;

	if (strcmp(element, "tool") == 0 || strcmp(element, "protocoltool") == 0)
		xml->is_memcheck |= cursor_equals(&text, "memcheck");
	else if (strcmp(element, "state") == 0)
		xml->is_finished |= cursor_equals(&text, "FINISHED");
	else if (strcmp(element, "text") == 0)
		read_headline(xml, text, line);
	else if (strcmp(element, "leakedbytes") == 0)
		xml->leaked_bytes = whole_number(text);
	else if (strcmp(element, "leakedblocks") == 0)
		xml->leaked_blocks = whole_number(text);
	else if (strcmp(element, "error") == 0)
		end_error(xml);
	else
		end_in_frame(xml, element, text);
	return xml->status;
}

/* --- the whole ----------------------------------------------------------------------------- */

/* A program without leaks has a search without records. */
static int end_document(struct memcheck_xml *xml)
{
	if (!xml->is_memcheck)
		return diag_error_line(xml->diag, READER_E_UNSUPPORTED, 1,
				       "valgrind's XML, but not of memcheck");
	if (!xml->search.profile && xml->is_finished && !begin_search(xml))
		return -ENOMEM;
	end_search(xml);
	return 0;
}

static int read_memcheck_xml(struct profile *profile, struct input *input, struct diag *diag)
{
	static const struct xml_handlers handlers = {on_begin, on_end};
	struct memcheck_xml xml = {.diag = diag};
	int r;

	report_log_init(&xml.log, profile);
	r = xml_read(input, &handlers, &xml, diag);
	r = r ? r : end_document(&xml);
	r = r ? r : report_log_finish(&xml.log, input, "search for leaks", diag);
	if (!r)
		diag_warn(diag, "valgrind's XML doesn't say what it left out: only the text log "
				"has totals");
	leak_search_deinit(&xml.search);
	profile_free(xml.search.profile);
	report_log_deinit(&xml.log);
	vec_deinit(&xml.name.bytes);
	vec_deinit(&xml.file.bytes);
	vec_deinit(&xml.object.bytes);
	return r;
}

static enum probe probe_memcheck_xml(struct cursor head)
{
	cursor_accept_text(&head, "\xef\xbb\xbf");
	if (!cursor_starts_with(&head, "<?xml") && !cursor_starts_with(&head, "<valgrindoutput"))
		return PROBE_NO;
	return cursor_find(&head, "<valgrindoutput>") ? PROBE_YES : PROBE_NO;
}

const struct reader reader_memcheck_xml = {
	.name = "memcheck-xml",
	.summary = "the XML of valgrind's memcheck",
	.group = READER_LEAKS,
	.made_by = "valgrind --leak-check=full --xml=yes --xml-file=FILE PROGRAM",
	.probe = probe_memcheck_xml,
	.read = read_memcheck_xml,
};
