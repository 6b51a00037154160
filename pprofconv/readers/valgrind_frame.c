/* SPDX-License-Identifier: MIT */
#include "readers/valgrind_frame.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/path.h"

#define OBJECT_NAME_MAX 256

/* Returns where `text` occurs last, or NULL if it doesn't. */
static const char *find_last(struct cursor in, const char *text)
{
	const char *last = NULL;

	for (; cursor_find(&in, text); in.at++)
		last = in.at;
	return last;
}

/* Takes the place from the end of a frame's name. */
static void take_place(struct named_frame *frame, struct cursor *out_object)
{
	static const char in_object[] = " (in ";
	struct cursor place = frame->name, number;
	const char *at;

	if (cursor_at_end(&place) || place.end[-1] != ')')
		return;
	place.end--;
	at = find_last(place, in_object);
	if (at) {
		frame->name.end = at;
		place.at = at + sizeof(in_object) - 1;
		*out_object = place;
		return;
	}
	at = find_last(place, " (");
	if (!at)
		return;
	frame->file = cursor_make(at + 2, (size_t)(place.end - at - 2));
	place.at = memrchr(at, ':', (size_t)(place.end - at));
	number = cursor_make(place.at ? place.at + 1 : "", place.at ? cursor_left(&place) - 1 : 0);
	frame->line = cursor_take_signed(&number);
	if (number.failed || !cursor_at_end(&number)) { /* a part of the name */
		frame->line = 0;
		frame->file = cursor_make("", 0);
		return;
	}
	frame->file.end = place.at;
	frame->name.end = at;
}

/* Cuts "+OFFSET" off a name. */
static void drop_offset(struct cursor *name)
{
	const char *at = name->end;

	while (at > name->at && at[-1] >= '0' && at[-1] <= '9')
		at--;
	if (at < name->end && at - 1 > name->at && at[-1] == '+')
		name->end = at - 1;
}

void valgrind_frame_push_parts(struct named_stack *stack, struct named_frame frame,
			       struct cursor object)
{
	char name[OBJECT_NAME_MAX], path[OBJECT_NAME_MAX - 32];
	size_t size = cursor_left(&object);

	if (cursor_at_end(&frame.name) || cursor_equals(&frame.name, "???")) {
		if (size >= sizeof(path)) { /* its end has the name of the file */
			object.at = object.end - sizeof(path) + 1;
			size = sizeof(path) - 1;
		}
		memcpy(path, size ? object.at : "", size);
		path[size] = '\0';
		snprintf(name, sizeof(name), "%s%s0x%" PRIx64, path_last_part(path),
			 size ? " " : "", frame.address);
		frame.name = cursor_make(name, strlen(name));
	}
	frame.mapping = PROFILE_NONE;
	named_stack_push(stack, &frame);
}

bool valgrind_frame_push(struct named_stack *stack, struct cursor text)
{
	struct named_frame frame = {0};
	struct cursor object = cursor_make("", 0);

	if (!cursor_accept_text(&text, "0x"))
		return false;
	frame.address = cursor_take_hex(&text);
	cursor_expect(&text, ':');
	if (text.failed)
		return false;
	cursor_skip_spaces(&text);
	frame.file = object;
	frame.name = text;
	take_place(&frame, &object);
	drop_offset(&frame.name);
	valgrind_frame_push_parts(stack, frame, object);
	return true;
}
