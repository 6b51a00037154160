/* SPDX-License-Identifier: MIT */
/* An extension for PostgreSQL. audit_note(text) notes what a session did last. */
#include <postgres.h>
#include <fmgr.h>
#include <utils/memutils.h>

PG_MODULE_MAGIC;

#define NOTE_SIZE 4096

static char *last_note; /* in TopMemoryContext, to outlive the query */

PG_FUNCTION_INFO_V1(audit_note);

/* The defect: it does not pfree() the previous note. */
Datum audit_note(PG_FUNCTION_ARGS)
{
	text *note = PG_GETARG_TEXT_PP(0);
	int length = Min(VARSIZE_ANY_EXHDR(note), NOTE_SIZE - 1);
	MemoryContext before = MemoryContextSwitchTo(TopMemoryContext);

	last_note = palloc(NOTE_SIZE);
	memcpy(last_note, VARDATA_ANY(note), length);
	last_note[length] = '\0';
	MemoryContextSwitchTo(before);
	PG_RETURN_VOID();
}
