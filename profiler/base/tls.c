/* SPDX-License-Identifier: MIT */
#include "base/tls.h"

__thread struct hp_tls hp_tls __attribute__((tls_model("initial-exec")));
