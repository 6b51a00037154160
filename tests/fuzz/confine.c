/* SPDX-License-Identifier: MIT */
#include "confine.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

static sigjmp_buf around;
static volatile sig_atomic_t is_inside;
static unsigned long n_crashes;

const char *__asan_default_options(void);
const char *__asan_default_suppressions(void);

/* Leaks of calls that were given up do not count as bugs. The sanitizer leaves the signals of
 * crashes to our handler. */
const char *__asan_default_options(void)
{
	return "detect_leaks=0:handle_segv=0:handle_sigbus=0:handle_sigfpe=0";
}

/* Suppresses reports about bad arguments that libdw and libelf pass to memcpy() and similar
 * functions. */
const char *__asan_default_suppressions(void)
{
	return "interceptor_via_lib:libdw\ninterceptor_via_lib:libelf\n";
}

static uintptr_t crashed_at(const ucontext_t *context)
{
#if defined(__x86_64__)
	return (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
#else
	return (uintptr_t)context->uc_mcontext.pc;
#endif
}

static bool is_of_elfutils(uintptr_t pc)
{
	Dl_info found;

	return dladdr((void *)pc, &found) && found.dli_fname &&
	       (strstr(found.dli_fname, "libdw") || strstr(found.dli_fname, "libelf"));
}

static void on_crash(int number, siginfo_t *info, void *context)
{
	static const char text[] = "crashed outside of elfutils\n";
	uintptr_t pc = crashed_at(context);

	if (is_inside && is_of_elfutils(pc)) {
		Dl_info found;

		dladdr((void *)pc, &found);
		if (n_crashes++ < 100)
			fprintf(stderr, "signal %d in %s+0x%lx (%s)\n", number, found.dli_fname,
				(unsigned long)(pc - (uintptr_t)found.dli_fbase),
				found.dli_sname ? found.dli_sname : "?");
		siglongjmp(around, 1);
	}
	(void)!write(STDERR_FILENO, text, strlen(text));
	abort();
}

static void catch_signals(void)
{
	const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE};
	struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	static char stack[1 << 16];
	const stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
	static bool are_caught;

	if (are_caught)
		return;
	are_caught = true;
	sigaltstack(&alternate, NULL); /* for code that overflows the stack by recursion */
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &action, NULL);
}

bool confine(void (*run)(void *argument), void *argument)
{
	catch_signals();
	if (sigsetjmp(around, 1 /* saves the signal mask as well */)) {
		is_inside = false;
		return false;
	}
	is_inside = true;
	run(argument);
	is_inside = false;
	return true;
}

unsigned long confine_n_crashes(void)
{
	return n_crashes;
}
