/* SPDX-License-Identifier: MIT */
#include "readers/xml.h"

#include <errno.h>
#include <expat.h>

#include "base/vec.h"
#include "readers/reader.h"

#define DEPTH_MAX  64
#define TEXT_MAX   (1u << 20) /* of one element */
#define PIECE_SIZE (1u << 20)

struct xml {
	XML_Parser parser;
	const struct xml_handlers *handlers;
	void *context;
	struct diag *diag;
	int status;
	unsigned depth;
	VEC(char) text;
};

static uint64_t line_of(const struct xml *xml)
{
	return XML_GetCurrentLineNumber(xml->parser);
}

/* Ends the reading if `status` is an error. */
static void stop(struct xml *xml, int status)
{
	if (!status || xml->status)
		return;
	xml->status = status;
	XML_StopParser(xml->parser, XML_FALSE);
}

static void refuse(struct xml *xml, const char *what)
{
	stop(xml, diag_error_line(xml->diag, READER_E_CORRUPT, line_of(xml), "%s", what));
}

static void on_begin(void *data, const XML_Char *element, const XML_Char **attributes)
{
	struct xml *xml = data;

	if (xml->status)
		return;
	if (++xml->depth > DEPTH_MAX) {
		refuse(xml, "the elements are nested too deeply");
		return;
	}
	xml->text.n = 0;
	stop(xml, xml->handlers->begin(xml->context, element));
}

static void on_end(void *data, const XML_Char *element)
{
	struct xml *xml = data;
	struct cursor text = cursor_make(xml->text.items, xml->text.n);

	if (xml->status)
		return;
	xml->depth--;
	if (!text.at)
		text = cursor_make("", 0);
	cursor_skip_spaces(&text);
	cursor_trim_end(&text);
	stop(xml, xml->handlers->end(xml->context, element, text, line_of(xml)));
	xml->text.n = 0;
}

static void on_text(void *data, const XML_Char *text, int size)
{
	struct xml *xml = data;

	if (xml->status)
		return;
	if (xml->text.n + (size_t)size > TEXT_MAX)
		refuse(xml, "the text of an element is longer than 1 MiB");
	else if (vec_append(&xml->text, text, (size_t)size) < 0)
		stop(xml, diag_errno(xml->diag, -ENOMEM));
}

static void on_doctype(void *data, const XML_Char *name, const XML_Char *system_id,
		       const XML_Char *public_id, int has_internal_subset)
{
	refuse(data, "a document type; no tool whose files are read writes one");
}

static int parse_piece(struct xml *xml, struct cursor piece, bool is_last)
{
	enum XML_Status parsed =
		XML_Parse(xml->parser, piece.at, (int)cursor_left(&piece), is_last);

	if (xml->status || parsed == XML_STATUS_OK)
		return xml->status;
	if (XML_GetErrorCode(xml->parser) == XML_ERROR_NO_MEMORY)
		return diag_errno(xml->diag, -ENOMEM);
	return diag_error_line(xml->diag, READER_E_CORRUPT, line_of(xml), "%s%s",
			       is_last ? "truncated: " : "",
			       XML_ErrorString(XML_GetErrorCode(xml->parser)));
}

static int parse_all(struct xml *xml, struct input *input)
{
	struct cursor some;
	int r = input_take_some(input, &some);

	while (!r && !cursor_at_end(&some)) {
		struct cursor piece = some;

		if (cursor_left(&piece) > PIECE_SIZE)
			piece.end = piece.at + PIECE_SIZE;
		r = parse_piece(xml, piece, false);
		some.at = piece.end;
		if (!r && cursor_at_end(&some))
			r = input_take_some(input, &some);
	}
	return r ? r : parse_piece(xml, cursor_make("", 0), true);
}

int xml_read(struct input *input, const struct xml_handlers *handlers, void *context,
	     struct diag *diag)
{
	struct xml xml = {.handlers = handlers, .context = context, .diag = diag};
	int r;

	xml.parser = XML_ParserCreate(NULL);
	if (!xml.parser)
		return diag_errno(diag, -ENOMEM);
	XML_SetUserData(xml.parser, &xml);
	XML_SetElementHandler(xml.parser, on_begin, on_end);
	XML_SetCharacterDataHandler(xml.parser, on_text);
	XML_SetStartDoctypeDeclHandler(xml.parser, on_doctype);
	r = parse_all(&xml, input);
	XML_ParserFree(xml.parser);
	vec_deinit(&xml.text);
	return r;
}
