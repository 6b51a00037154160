/* SPDX-License-Identifier: MIT */
#include "inject/thread_layout.h"
#include <Zydis/Zydis.h>

enum {
	CODE_BYTES = 64, /* of a function, in which the instruction is expected */
};

const uint64_t hp_thread_layout_old_id = 0x2d0, hp_thread_layout_old_specific = 0x510;

uint64_t hp_thread_layout_first_address(struct hp_target *t, uint64_t function)
{
	ZydisDecodedInstruction i;
	ZydisDecoder decoder;
	uint8_t code[CODE_BYTES];

	if (!hp_target_read(t, function, code, sizeof(code)))
		return 0;
	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	for (size_t at = 0; ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder, NULL, code + at,
								       sizeof(code) - at, &i));
	     at += i.length)
		if (i.mnemonic == ZYDIS_MNEMONIC_LEA && i.attributes & ZYDIS_ATTRIB_IS_RELATIVE)
			return function + at + i.length + (uint64_t)i.raw.disp.value;
	return 0;
}
