/* SPDX-License-Identifier: MIT */
/* An interval label is a sample's own sample interval (SAMPLE_LABEL_INTERVAL). Samples without one
 * have the default interval, in a profile that is complete its period. 0 means that the interval is
 * not known. */
#pragma once
#include "model/profile.h"

/* Changes the labels of all samples so that `to` is the default interval instead of `from`. Samples
 * whose interval is not known get no label. Afterwards samples can no longer be found by their
 * labels, so none may be added. Failures are kept in the profile's status. */
void interval_labels_set_default(struct profile *profile, int64_t from, int64_t to);
