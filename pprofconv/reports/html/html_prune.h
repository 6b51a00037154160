/* SPDX-License-Identifier: MIT */
/* Stacks that were merged leave functions, frames, labels and strings that nothing uses any more.
 * Pruning removes these from a model. */
#pragma once
#include "reports/html/html_model.h"

/* Removes what neither a node nor a record nor a rest uses, and numbers what stays anew. A function
 * that only a rest uses keeps one of its frames. No dump can be added to the model afterwards.
 * Returns 0 or -ENOMEM. Call html_model_deinit() on failure too; the model may not be written then.
 */
int html_prune(struct html_model *model);
