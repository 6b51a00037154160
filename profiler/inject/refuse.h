/* SPDX-License-Identifier: MIT */
/* Says which processes no call is made in, before anything is touched. */
#pragma once
#include "target/target.h"

/* Returns 0 if calls can be made in this process as it is now; or HP_TARGET_E with a message that
 * says why not, and what to do. Processes that can't be read at all are refused when they are
 * opened (target.h). */
int hp_refuse(struct hp_target *t);
