/* SPDX-License-Identifier: MIT */
/* The hooks for _exit and _Exit. exit() and quick_exit() run our handlers; these two run none, so
 * the last dump is written here. */
#include "base/sys.h"
#include "control/lifecycle.h"
#include "hooks/hooks.h"
#include "process/elf_image.h"
#include <unistd.h>

const char hp_hooks_of_exit;

/* Even if the dump goes wrong the process ends, as the program has asked. */
HOOK void _exit(int status)
{
	hp_lifecycle_exit();
	for (;;)
		hp_sys3(SYS_exit_group, status, 0, 0);
}

HOOK void _Exit(int status) __attribute__((alias("_exit"), noreturn));

/* An ELF note: name-size desc-size type owner version. By this note a copy of the library
 * recognizes another copy: a program that is linked with the archive may also be run under the
 * shared library. */
__asm__(".pushsection .note." HP_NOTE_OWNER ",\"a\",@note\n"
	".balign 4\n"
	".long 2f - 1f, 4f - 3f, 1\n"
	"1: .asciz \"" HP_NOTE_OWNER "\"\n"
	"2: .balign 4\n"
	"3: .asciz \"" HEAPPROF_VERSION "\"\n"
	"4: .balign 4\n"
	".popsection");
