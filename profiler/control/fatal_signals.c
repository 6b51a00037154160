/* SPDX-License-Identifier: MIT */
#include "control/fatal_signals.h"
#include "base/sys.h"
#include "control/lifecycle.h"
#include "process/process.h"
#include <signal.h>

/* The kernel has set the action to the default by then. The caller of the handler is in any state,
 * so its blocks may not all be known: the look copes with that. */
static void look_and_end(int signal)
{
	hp_lifecycle_exit_by_signal();
	hp_sys3(SYS_tgkill, hp_sys_getpid(), hp_sys_gettid(), signal);
}

static void take(int signal)
{
	const struct sigaction ours = {
		.sa_handler = look_and_end,
		.sa_flags = (int)SA_RESETHAND | SA_NODEFER | SA_ONSTACK | SA_RESTART,
	};
	struct sigaction present;

	if (sigaction(signal, NULL, &present) == 0 && present.sa_handler == SIG_DFL)
		sigaction(signal, &ours, NULL);
}

void hp_fatal_signals_take(void)
{
	take(SIGTERM);
	take(SIGHUP);
	/* Python handles SIGINT only if it finds the default action. */
	if (!hp_process_is_called("python*"))
		take(SIGINT);
}
