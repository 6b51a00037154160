/* SPDX-License-Identifier: MIT */
/* A page has room for a limited number of functions. Those whose share of every total is too small
 * to matter, and which no node of its tree has, are counted together as the small functions. */
#pragma once
#include "reports/html/html_model.h"

/* Chooses the small functions of a model whose tree has still all stacks. `is_shown` says for each
 * function whether a node that stays has it. About `max` functions with the largest shares stay in
 * addition. Sets out_as[i] to i if function i stays, else to HTML_FUNCTION_SMALL; and sets the
 * model's n_small_functions and function_threshold. Returns 0 or -ENOMEM. */
int html_functions_choose(struct html_model *model, const bool *is_shown, size_t max,
			  uint32_t *out_as);
