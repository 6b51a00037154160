/* SPDX-License-Identifier: MIT */
/* The resources of `heapprof serve`: those that `go tool pprof` and google-pprof ask for. A path is
 * compared with a table; neither a path nor a query is used for anything else. */
#pragma once
#include "command/serve/serve_http.h"
#include "command/serve/serve_reading.h"

/* The paths that take POST; ends with NULL. */
extern const char *const serve_post_paths[];

/* Answers a request. `context` is a struct serve_source. */
void serve_answer(void *context, struct http_request *request);
