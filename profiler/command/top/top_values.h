/* SPDX-License-Identifier: MIT */
/* Values are sums over records of the model. This header is shared by the files of the model. */
#pragma once
#include "command/top/top_model.h"

/* Begins a sum. */
void top_values_begin(const struct top_model *model, struct top_values *values);

/* Adds a record to a sum. */
void top_values_add(const struct top_model *model, struct top_values *values,
		    const struct top_record *record);

/* Returns the chain of a record, with or without the hidden functions. */
uint32_t top_record_chain(const struct top_model *model, const struct top_choice *choice,
			  const struct top_record *record);

/* Returns whether the record counts for the function. PROFILE_NONE is the function of chains that
 * have none. */
bool top_record_is_of(const struct top_model *model, const struct top_choice *choice,
		      const struct top_record *record, uint32_t function);
