/* SPDX-License-Identifier: MIT */
/* A library with places for pointers, which is opened at run time. */

void *plugin_global;
static __thread void *in_thread;

void **plugin_in_thread(void);

void **plugin_in_thread(void)
{
	return &in_thread;
}
