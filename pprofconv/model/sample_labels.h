/* SPDX-License-Identifier: MIT */
/* The labels by which a sample says how it was sampled. Each is a number of bytes. */
#pragma once
#include "model/profile.h"

/* The mean size of the sample's blocks: of those in use if there are any. It has no unit. */
#define SAMPLE_LABEL_SIZE "bytes"

/* The level of the sample's blocks: the largest sample interval at which they would still have been
 * sampled. Dumps of a program whose interval rises have it. */
#define SAMPLE_LABEL_LEVEL "level"

/* The sample interval of this sample, if it is not that of the profile. Profiles that were merged
 * from several may have it. */
#define SAMPLE_LABEL_INTERVAL "sample_interval"

/* The unit of levels and intervals; a label of the same name with another unit is somebody else's.
 */
#define SAMPLE_LABEL_UNIT "bytes"

/* Returns the string of the key `name` of numeric labels with this unit; NULL: with any. Returns 0
 * if the profile has no such label. */
uint32_t sample_labels_key(const struct profile *profile, const char *name, const char *unit);

/* Returns the number of the sample's label with this key, or 0 if it has none above 0. `key` is a
 * string of the profile, or 0. */
int64_t sample_labels_number(const struct profile *profile, size_t sample, uint32_t key);
