/* SPDX-License-Identifier: MIT */
/* A frame is one return address of a stack, as a 64-bit number: the address in the lower 48 bits,
 * and the number of its module (see modules.h) above them. If the module is neither permanent nor
 * unknown, the address is an offset from the start of the module's code. */
#pragma once
#include <stdint.h>

static inline uint64_t hp_frame_make(uintptr_t pc, uint16_t module)
{
	return (uint64_t)module << 48 | (pc & 0xffffffffffff);
}

static inline uintptr_t hp_frame_pc(uint64_t frame)
{
	return frame & 0xffffffffffff;
}

static inline uint16_t hp_frame_module(uint64_t frame)
{
	return frame >> 48;
}
