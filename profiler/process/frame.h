/* SPDX-License-Identifier: MIT */
/* A frame is one return address of a stack, as a 64-bit number: the address in the lower 48 bits,
 * and the number of its module (see modules.h) above them. If the module is neither permanent nor
 * unknown, the address is an offset from the start of the module's code. */
#pragma once
#include <stdbool.h>
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

/* The outermost frame of a stack may be a mark instead of a return address. It says that the stack
 * is that of objects in a pool, or of blocks that a pool has taken from malloc. Its address is
 * twice the number of the pool's name (see pool_names.h), plus 1 for a block. */
enum {
	HP_MODULE_POOL = 0xfffe
};

static inline uint64_t hp_frame_of_pool(uint32_t name, bool is_block)
{
	return hp_frame_make((uintptr_t)name << 1 | is_block, HP_MODULE_POOL);
}

static inline bool hp_frame_is_pool(uint64_t frame)
{
	return hp_frame_module(frame) == HP_MODULE_POOL;
}

static inline bool hp_frame_is_pool_block(uint64_t frame)
{
	return hp_frame_is_pool(frame) && (hp_frame_pc(frame) & 1) != 0;
}

static inline uint32_t hp_frame_pool_name(uint64_t frame)
{
	return (uint32_t)(hp_frame_pc(frame) >> 1);
}
