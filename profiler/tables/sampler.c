/* SPDX-License-Identifier: MIT */
/* Poisson sampling of bytes.
 *
 * The marks on the sequence of all bytes that a thread allocates are a Poisson process of rate 1/R:
 * gaps between marks are exponential with mean R. A block of s bytes is recorded if at least one
 * mark falls on it, with probability
 *
 *	p(s) = 1 - exp(-s/R),
 *
 * so a recorded block represents 1/p(s) blocks and s/p(s) bytes: the sum over recorded blocks is an
 * unbiased estimate of all blocks (Horvitz and Thompson 1952). Marks beyond the first on one block
 * are not counted, and since the process has no memory the next gap may start at the end of the
 * recorded block, not at its mark.
 *
 * Positions are whole bytes. With X exponential, byte number ceil(X) carries the mark, and a block
 * of s bytes covers it if ceil(X) <= s, which is X <= s: p(s) holds exactly.
 *
 * A sample interval may grow while the program runs. Let X be the distance from a block's start to
 * its first mark, not rounded. At another interval R' the marks would be R'/R times as far apart,
 * and the block would be a sample if X R'/R <= s. So R' = R s/X is the largest interval at which it
 * is one: the level is log2(R s/X), rounded down. Where everything is recorded there are no marks,
 * and an exponential number e takes the place of X/R: the block is a sample at R' > 1 if R' e <= s,
 * and at R' = 1 in any case. For all levels j > log2(R) the chance that a sample has level j or
 * more is p(s) at 2^j, divided by its chance of being one at R. It is important that X is not a
 * whole number: with X = 1 no block of 1 byte would have a level above that of R.
 *
 * A gap is R times an exponential number of mean 1, made by algorithm SA of Ahrens and Dieter
 * (1972): in integers, without a logarithm. Such a number is n ln 2 + Y, with Y below ln 2. n is
 * how many zeroes a random number begins with. Y has the density 2 exp(-y) = exp(ln 2 - y), by the
 * series of exp the sum over k = 1, 2, ... of
 *
 *	(ln 2)^k/k!  times  k/ln 2 (1 - y/ln 2)^(k-1):
 *
 * with the chance (ln 2)^k/k! it is the least of k uniform numbers, times ln 2. And for k = 1 that
 * is the uniform number by which k was chosen, for it was below ln 2. */
#include "tables/sampler.h"

typedef unsigned __int128 uint128_t;

#define LN2_Q64 0xb17217f7d1cf79abull /* ln(2) 2^64 */

/* Exponential numbers are fixed-point numbers below 64: 6 integer bits and this many fractional
 * bits. */
#define EXPONENTIAL_BITS 58

static uint64_t multiply_high(uint64_t a, uint64_t b)
{
	return (uint128_t)a * b >> 64;
}

static uint64_t splitmix64(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

void hp_sampler_init(struct hp_sampler *s, uint64_t interval, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		s->rng[i] = splitmix64(&seed);
	s->interval = interval;
}

static uint64_t rotate_left(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

/* The random number generator xoshiro256++ of Blackman and Vigna. */
static uint64_t rng_next(uint64_t s[4])
{
	uint64_t result = rotate_left(s[0] + s[3], 23) + s[0];
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate_left(s[3], 45);
	return result;
}

/* Returns Y 2^64 for k > 1. k is the first number for which the chances of 1 to k add up to more
 * than `chosen`, a random number. */
static uint64_t least_of_several(uint64_t rng[4], uint64_t chosen)
{
	uint64_t sum = LN2_Q64, term = LN2_Q64, least = rng_next(rng);

	for (int k = 2; chosen >= sum && term > 0; k++) {
		uint64_t other = rng_next(rng);

		term = multiply_high(term, LN2_Q64) / k;
		sum += term;
		least = other < least ? other : least;
	}
	return multiply_high(least, LN2_Q64);
}

/* Takes 90 instructions on average; computing a logarithm bit by bit took 620. */
static uint64_t next_exponential(uint64_t rng[4])
{
	uint64_t u = rng_next(rng) | 1;
	int n_zeroes = __builtin_clzll(u);
	uint64_t rest = u << n_zeroes << 1; /* the bits after the first 1, which are random again */
	uint64_t y = rest < LN2_Q64 ? rest : least_of_several(rng, rest);

	return ((uint128_t)LN2_Q64 * n_zeroes + y) >> (64 - EXPONENTIAL_BITS);
}

uint64_t hp_sampler_next_gap(struct hp_sampler *s)
{
	if (s->interval == 1)
		return 1;
	uint128_t one = (uint128_t)1 << EXPONENTIAL_BITS;
	uint128_t distance = (uint128_t)next_exponential(s->rng) * s->interval;
	uint64_t gap = (distance + one - 1) >> EXPONENTIAL_BITS;

	gap = gap > 0 ? gap : 1;
	s->rest = ((uint128_t)gap << EXPONENTIAL_BITS) - distance;
	return gap;
}

static uint32_t n_bits(uint128_t x)
{
	uint64_t high = x >> 64, low = x;

	return high ? 128 - __builtin_clzll(high) : low ? 64 - __builtin_clzll(low) : 0;
}

/* Returns log2(a/b), rounded down, or 0 if a is below b. b is not 0. */
static uint32_t log2_of_quotient(uint128_t a, uint128_t b)
{
	if (a < b)
		return 0;
	uint32_t n = n_bits(a) - n_bits(b);

	return n - (b << n > a);
}

uint32_t hp_sampler_level(struct hp_sampler *s, uint64_t size, uint64_t gap)
{
	const uint64_t size_max = UINT64_C(1) << 62; /* so that it has room with its fraction */
	uint128_t whole = (uint128_t)(size < size_max ? size : size_max) << EXPONENTIAL_BITS;
	uint32_t own = __builtin_ctzll(s->interval);
	uint128_t distance = s->interval == 1 ? next_exponential(s->rng)
					      : ((uint128_t)gap << EXPONENTIAL_BITS) - s->rest;
	uint32_t level = own + log2_of_quotient(whole, distance > 0 ? distance : 1);

	return level < HP_LEVEL_MAX ? level : HP_LEVEL_MAX;
}

/* Returns z coth(z), by Lambert's continued fraction 1 + z^2/(3 + z^2/(5 + ...)), in Q32; z must be
 * below 10. */
static uint64_t z_coth_q32(uint64_t z_squared_q32)
{
	/* z^2 is below 100 and has 39 bits; the quotient needs 24 more. For small z few terms are
	 * enough. */
	const int n_terms = z_squared_q32 >> 32 < 1 ? 6 : z_squared_q32 >> 32 < 16 ? 12 : 20;
	uint64_t t = (uint64_t)(2 * n_terms + 1) << 32;

	for (int k = n_terms - 1; k >= 0; k--)
		t = ((uint64_t)(2 * k + 1) << 32) + (z_squared_q32 << 24) / (t >> 8);
	return t;
}

uint64_t hp_sampler_weight_bytes(uint64_t size, uint64_t interval)
{
	if (interval == 1 || size / interval >= 20)
		return size;
	/* s/(1 - exp(-s/R)) = s/2 + R z coth(z) with z = s/2R */
	uint128_t x_q32 = ((uint128_t)size << 32) / interval;
	uint64_t z_squared_q32 = (x_q32 * x_q32 >> 32) / 4;
	uint128_t weight_q32 =
		((uint128_t)size << 31) + (uint128_t)interval * z_coth_q32(z_squared_q32);

	return (weight_q32 + (UINT64_C(1) << 31)) >> 32;
}

/* Returns log2(x) in sixteenths, rounded down; x is not 0. Squaring a number in [1, 2) again and
 * again yields the bits of its base-2 logarithm one by one. */
static uint32_t log2_sixteenths(uint64_t x)
{
	int n_zeroes = __builtin_clzll(x);
	uint64_t y = x << n_zeroes; /* 1 <= y 2^-63 < 2 */
	uint32_t log2 = 63 - n_zeroes;

	for (int i = 0; i < 4; i++) {
		uint128_t square = (uint128_t)y * y >> 63;
		bool bit = square >> 64;

		y = square >> bit;
		log2 = log2 << 1 | bit;
	}
	return log2;
}

uint32_t hp_sampler_size_class(uint64_t size, uint64_t interval)
{
	if (interval == 1 || size == 0)
		return 0;
	return 1 + log2_sixteenths(size);
}
