/* SPDX-License-Identifier: MIT */
/* A profile without a sample is an answer that explains nothing by itself: the program may have
 * allocated little, or the sample interval was too large for it. */
#pragma once
#include "profile.h"

#define NO_SAMPLES_TEXT_MAX 256

/* Says in one line why the profile has no sample, and what to do, as far as its metadata tell.
 * False, and `text` is "", if it has some. */
bool no_samples_explain(const struct profile *profile, char text[NO_SAMPLES_TEXT_MAX]);
