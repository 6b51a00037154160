/* SPDX-License-Identifier: MIT */
/* A frame is a return address, with the number of its module (see modules.h) above the 48 bits of
 * the address. In a module that is neither permanent nor unknown the address counts from the start
 * of its code. */
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
