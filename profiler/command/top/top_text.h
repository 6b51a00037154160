/* SPDX-License-Identifier: MIT */
/* Rounds of text are what `heapprof top` prints where there is no screen. */
#pragma once
#include "command/top/top_session.h"

/* Prints rounds until the process ends, or as many as the session says. Returns the exit status. */
int top_text_run(struct top_session *session);
