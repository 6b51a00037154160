/* SPDX-License-Identifier: MIT */
/* Plans for functions of a few bytes, and for all entries of the allocators that are installed:
 * these are patched in this process, and called. */
#include "inject/entry_patch.h"
#include "test.h"
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	FUNCTION = 0x10000000,
	SLOT = 0x20000000,
	PAGE = 4096,
};

static const uint64_t HOOK = 0x7f0000001000;

#define PAD 0xf3, 0x0f, 0x1e, 0xfa

/* Plans a patch of these bytes. */
#define PLAN(p, ...) \
	plan((p), (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static enum hp_entry_refusal plan(struct hp_entry_patch *p, const uint8_t *bytes, size_t size)
{
	const struct hp_entry_code function = {FUNCTION, bytes, size};

	return hp_entry_patch_plan(p, &function, SLOT, HOOK);
}

/* Checks the bytes of the trampoline after its landing pad. */
#define CHECK_MOVED(p, ...)                                                               \
	CHECK(memcmp((p)->code + HP_ENTRY_TRAMPOLINE + 4, (const uint8_t[]){__VA_ARGS__}, \
		     sizeof((const uint8_t[]){__VA_ARGS__})) == 0)

static void test_plain_instructions(void)
{
	struct hp_entry_patch p;
	uint64_t hook;

	/* push %rbp; mov %rsp,%rbp; push %rbx; ret */
	CHECK_INT_EQ(PLAN(&p, 0x55, 0x48, 0x89, 0xe5, 0x53, 0xc3), HP_ENTRY_PLANNED);
	CHECK(!p.has_landing_pad);
	CHECK_HEX_EQ(p.entry, FUNCTION);
	CHECK_HEX_EQ(p.at, FUNCTION);
	CHECK_UINT_EQ(p.size, 5);
	CHECK(memcmp(p.before, (const uint8_t[]){0x55, 0x48, 0x89, 0xe5, 0x53}, 5) == 0);
	/* jmp SLOT */
	CHECK(memcmp(p.after, (const uint8_t[]){0xe9, 0xfb, 0xff, 0xff, 0x0f}, 5) == 0);
	CHECK(p.code[0] == 0xff && p.code[1] == 0x25);
	memcpy(&hook, p.code + 6, sizeof(hook));
	CHECK_HEX_EQ(hook, HOOK);
	CHECK(memcmp(p.code + HP_ENTRY_TRAMPOLINE, (const uint8_t[]){PAD}, 4) == 0);
	/* The same, then jmp FUNCTION + 5: from SLOT + 16 + 4 + 5 + 5. */
	CHECK_MOVED(&p, 0x55, 0x48, 0x89, 0xe5, 0x53, 0xe9, 0xe7, 0xff, 0xff, 0xef);
	CHECK_HEX_EQ(hp_entry_patch_trampoline(&p), SLOT + HP_ENTRY_TRAMPOLINE);
}

static void test_a_landing_pad_stays(void)
{
	struct hp_entry_patch p;

	CHECK_INT_EQ(PLAN(&p, PAD, 0x31, 0xc0, 0x48, 0x83, 0xc0, 0x01, 0xc3), HP_ENTRY_PLANNED);
	CHECK(p.has_landing_pad);
	CHECK_HEX_EQ(p.entry, FUNCTION);
	CHECK_HEX_EQ(p.at, FUNCTION + 4);
	CHECK_MOVED(&p, 0x31, 0xc0, 0x48, 0x83, 0xc0, 0x01, 0xe9);
	CHECK(hp_entry_patch_conflict(&p) == NULL);

	CHECK_INT_EQ(PLAN(&p, 0x31, 0xc0, 0x48, 0x83, 0xc0, 0x01, 0xc3), HP_ENTRY_PLANNED);
	CHECK_STR_EQ(hp_entry_patch_conflict(&p),
		     "does not begin with endbr64: a uprobe that is set on it meanwhile ends the "
		     "process");
}

static void test_memory_relative_to_the_instruction(void)
{
	struct hp_entry_patch p;
	int32_t d;

	/* mov 0x100(%rip),%rax; ret */
	CHECK_INT_EQ(PLAN(&p, 0x48, 0x8b, 0x05, 0x00, 0x01, 0x00, 0x00, 0xc3), HP_ENTRY_PLANNED);
	CHECK_MOVED(&p, 0x48, 0x8b, 0x05);
	memcpy(&d, p.code + HP_ENTRY_TRAMPOLINE + 4 + 3, sizeof(d));
	CHECK_HEX_EQ(SLOT + HP_ENTRY_TRAMPOLINE + 4 + 7 + (uint64_t)(int64_t)d,
		     FUNCTION + 7 + 0x100);
	/* cmpl $7,0x100(%rip); ret: bytes follow the distance */
	CHECK_INT_EQ(PLAN(&p, 0x83, 0x3d, 0x00, 0x01, 0x00, 0x00, 0x07, 0xc3), HP_ENTRY_PLANNED);
	CHECK_MOVED(&p, 0x83, 0x3d);
	memcpy(&d, p.code + HP_ENTRY_TRAMPOLINE + 4 + 2, sizeof(d));
	CHECK_HEX_EQ(SLOT + HP_ENTRY_TRAMPOLINE + 4 + 7 + (uint64_t)(int64_t)d,
		     FUNCTION + 7 + 0x100);
	CHECK(p.code[HP_ENTRY_TRAMPOLINE + 4 + 6] == 7);
}

static void check_branch(const struct hp_entry_patch *p, size_t at, size_t opcode_size, uint64_t to)
{
	int32_t d;

	memcpy(&d, p->code + at + opcode_size, sizeof(d));
	CHECK_HEX_EQ(SLOT + at + opcode_size + 4 + (uint64_t)(int64_t)d, to);
}

static void test_branches(void)
{
	struct hp_entry_patch p;
	size_t first = HP_ENTRY_TRAMPOLINE + 4;

	/* test %rdi,%rdi; je +16; ret */
	CHECK_INT_EQ(PLAN(&p, 0x48, 0x85, 0xff, 0x74, 0x10, 0xc3), HP_ENTRY_PLANNED);
	CHECK_MOVED(&p, 0x48, 0x85, 0xff, 0x0f, 0x84);
	check_branch(&p, first + 3, 2, FUNCTION + 5 + 16);
	check_branch(&p, first + 3 + 6, 1, FUNCTION + 5);
	/* jne +0x12345; ret */
	CHECK_INT_EQ(PLAN(&p, 0x0f, 0x85, 0x45, 0x23, 0x01, 0x00, 0xc3), HP_ENTRY_PLANNED);
	CHECK_MOVED(&p, 0x0f, 0x85);
	check_branch(&p, first, 2, FUNCTION + 6 + 0x12345);
	/* jmp elsewhere: nothing follows */
	CHECK_INT_EQ(PLAN(&p, 0xe9, 0x00, 0x10, 0x00, 0x00), HP_ENTRY_PLANNED);
	check_branch(&p, first, 1, FUNCTION + 5 + 0x1000);
	CHECK_UINT_EQ(p.code[first + 5], 0xcc);
	/* nop; nop; nop; jmp +0x20 */
	CHECK_INT_EQ(PLAN(&p, 0x90, 0x90, 0x90, 0xeb, 0x20), HP_ENTRY_PLANNED);
	check_branch(&p, first + 3, 1, FUNCTION + 5 + 0x20);
}

static void test_refusals(void)
{
	struct hp_entry_patch p;

	CHECK_INT_EQ(plan(&p, NULL, 0), HP_ENTRY_TOO_SHORT);
	CHECK_INT_EQ(PLAN(&p, 0x31, 0xc0, 0x90, 0xc3), HP_ENTRY_TOO_SHORT);
	CHECK_INT_EQ(PLAN(&p, PAD, 0x31, 0xc0, 0x90, 0xc3), HP_ENTRY_TOO_SHORT);
	CHECK_INT_EQ(PLAN(&p, 0x31, 0xc0, 0xc3, 0x90, 0x90, 0x90), HP_ENTRY_ENDS);
	CHECK_INT_EQ(PLAN(&p, 0xeb, 0x20, 0x90, 0x90, 0x90, 0x90), HP_ENTRY_ENDS);
	CHECK_INT_EQ(PLAN(&p, 0xff, 0xe0, 0x90, 0x90, 0x90, 0x90), HP_ENTRY_ENDS); /* jmp *%rax */
	CHECK_INT_EQ(PLAN(&p, 0x06, 0x90, 0x90, 0x90, 0x90), HP_ENTRY_UNKNOWN);
	CHECK_INT_EQ(PLAN(&p, 0x31, 0xc0, 0x48, 0x8b, 0x05), HP_ENTRY_UNKNOWN); /* cut off */
	CHECK_INT_EQ(PLAN(&p, 0xcc, 0x89, 0xe5, 0x53, 0xc3), HP_ENTRY_BREAKPOINT);
	CHECK_INT_EQ(PLAN(&p, PAD, 0xcc, 0x89, 0xe5, 0x53, 0xc3), HP_ENTRY_BREAKPOINT);
	CHECK_INT_EQ(PLAN(&p, 0xcd, 0x80, 0x90, 0x90, 0x90), HP_ENTRY_UNMOVABLE);    /* int $0x80 */
	CHECK_INT_EQ(PLAN(&p, 0x0f, 0x05, 0x90, 0x90, 0x90), HP_ENTRY_UNMOVABLE);    /* syscall */
	CHECK_INT_EQ(PLAN(&p, 0xc7, 0xf8, 0, 0x10, 0, 0, 0xc3), HP_ENTRY_UNMOVABLE); /* xbegin */
	CHECK_INT_EQ(PLAN(&p, 0xe8, 0, 0x10, 0, 0, 0xc3), HP_ENTRY_CALL);
	CHECK_INT_EQ(PLAN(&p, 0x90, 0x90, 0xff, 0xd0, 0x90, 0xc3), HP_ENTRY_CALL); /* call *%rax */
	CHECK_INT_EQ(PLAN(&p, 0xe2, 0x20, 0x90, 0x90, 0x90, 0xc3), HP_ENTRY_LOOP);
	CHECK_INT_EQ(PLAN(&p, 0xe3, 0x20, 0x90, 0x90, 0x90, 0xc3), HP_ENTRY_LOOP); /* jrcxz */
	for (int i = 1; i < HP_ENTRY_N_REFUSALS; i++)
		CHECK(strlen(hp_entry_patch_sentence((enum hp_entry_refusal)i)) > 20);
}

static void test_branches_back(void)
{
	struct hp_entry_patch p;

	/* From byte 5, and from the moved instructions: to bytes 0 to 4, and to byte 5. */
	for (int to = 0; to <= 5; to++) {
		enum hp_entry_refusal expected = to < 5 ? HP_ENTRY_BRANCH_INTO : HP_ENTRY_PLANNED;

		CHECK_INT_EQ(
			PLAN(&p, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x75, (uint8_t)(to - 8), 0xc3),
			expected);
		CHECK_INT_EQ(PLAN(&p, 0x90, 0x90, 0x74, (uint8_t)(to - 4), 0x90, 0x90, 0xc3),
			     expected);
		CHECK_INT_EQ(PLAN(&p, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0xe9, (uint8_t)(to - 11),
				  0xff, 0xff, 0xff, 0xc3),
			     expected);
	}
	/* A call of the function itself is a call. */
	CHECK_INT_EQ(PLAN(&p, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0xe8, (uint8_t)-11, 0xff, 0xff,
			  0xff, 0xc3),
		     HP_ENTRY_PLANNED);
	/* After the jump there are bytes that are not code: branches might be among them. */
	CHECK_INT_EQ(PLAN(&p, 0x90, 0x90, 0x90, 0x90, 0x90, 0xc3, 0x06), HP_ENTRY_UNKNOWN);
}

static void test_too_far(void)
{
	static const uint8_t code[] = {0x48, 0x8b, 0x05, 0x00, 0x01, 0x00, 0x00, 0xc3};
	static const uint8_t branch[] = {0x74, 0x10, 0x90, 0x90, 0x90, 0xc3};
	static const uint8_t far[] = {0x48, 0x8b, 0x05, 0xf0, 0xff, 0xff, 0x7f, 0xc3};
	const struct hp_entry_code function = {FUNCTION, code, sizeof(code)};
	const struct hp_entry_code branches = {FUNCTION, branch, sizeof(branch)};
	const struct hp_entry_code refers_far = {FUNCTION, far, sizeof(far)};
	struct hp_entry_patch p;

	CHECK_INT_EQ(hp_entry_patch_plan(&p, &function, FUNCTION + ((uint64_t)1 << 32), HOOK),
		     HP_ENTRY_TOO_FAR);
	CHECK_INT_EQ(hp_entry_patch_plan(&p, &branches, FUNCTION + ((uint64_t)1 << 32), HOOK),
		     HP_ENTRY_TOO_FAR);
	CHECK_INT_EQ(hp_entry_patch_plan(&p, &function, FUNCTION + HP_ENTRY_NEAR, HOOK),
		     HP_ENTRY_PLANNED);
	CHECK_INT_EQ(hp_entry_patch_plan(&p, &refers_far, FUNCTION + HP_ENTRY_NEAR, HOOK),
		     HP_ENTRY_PLANNED);
	CHECK_INT_EQ(hp_entry_patch_plan(&p, &refers_far, FUNCTION - 0x100000, HOOK),
		     HP_ENTRY_TOO_FAR);
}

static void test_program_counters(void)
{
	struct hp_entry_patch p;
	uint64_t moved = SLOT + HP_ENTRY_TRAMPOLINE + 4;

	/* push %rbp; je +16; nop; sub $8,%rsp; ret: the end is at byte 8 */
	CHECK_INT_EQ(PLAN(&p, PAD, 0x55, 0x74, 0x10, 0x90, 0x48, 0x83, 0xec, 0x08, 0xc3),
		     HP_ENTRY_PLANNED);
	CHECK_HEX_EQ(hp_entry_patch_pc_in(&p, FUNCTION), FUNCTION);
	CHECK_HEX_EQ(hp_entry_patch_pc_in(&p, FUNCTION + 4), FUNCTION + 4);
	CHECK_HEX_EQ(hp_entry_patch_pc_in(&p, FUNCTION + 5), moved + 1);
	CHECK_HEX_EQ(hp_entry_patch_pc_in(&p, FUNCTION + 7), moved + 7);
	CHECK_HEX_EQ(hp_entry_patch_pc_in(&p, FUNCTION + 8), moved + 8);
	CHECK_HEX_EQ(hp_entry_patch_pc_in(&p, FUNCTION + 12), FUNCTION + 12);
	CHECK_HEX_EQ(hp_entry_patch_pc_back(&p, moved), FUNCTION + 4);
	CHECK_HEX_EQ(hp_entry_patch_pc_back(&p, moved + 1), FUNCTION + 5);
	CHECK_HEX_EQ(hp_entry_patch_pc_back(&p, moved + 7), FUNCTION + 7);
	CHECK_HEX_EQ(hp_entry_patch_pc_back(&p, moved + 8), FUNCTION + 8);
	CHECK_HEX_EQ(hp_entry_patch_pc_back(&p, moved + 12), FUNCTION + 12); /* the jump back */
	CHECK_HEX_EQ(hp_entry_patch_pc_back(&p, SLOT), FUNCTION + 4);
	CHECK_HEX_EQ(hp_entry_patch_pc_back(&p, SLOT + HP_ENTRY_TRAMPOLINE), FUNCTION + 4);
	CHECK_HEX_EQ(hp_entry_patch_pc_back(&p, SLOT - 1), SLOT - 1);
	CHECK_HEX_EQ(hp_entry_patch_pc_back(&p, SLOT + HP_ENTRY_SLOT_SIZE),
		     SLOT + HP_ENTRY_SLOT_SIZE);
	CHECK(!hp_entry_patch_is_inside(&p, FUNCTION));
	CHECK(!hp_entry_patch_is_inside(&p, FUNCTION + 4));
	CHECK(hp_entry_patch_is_inside(&p, FUNCTION + 5));
	CHECK(hp_entry_patch_is_inside(&p, FUNCTION + 8));
	CHECK(!hp_entry_patch_is_inside(&p, FUNCTION + 9));
}

/* Any bytes end in a plan or in a refusal, and a plan keeps to its slot. */
static void test_any_bytes(void)
{
	uint64_t random = 88172645463325252u;
	int n_planned = 0;

	for (int round = 0; round < 200000; round++) {
		uint8_t bytes[64];
		struct hp_entry_patch p;

		for (size_t i = 0; i < sizeof(bytes); i++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			bytes[i] = (uint8_t)(random >> 24);
		}
		if (plan(&p, bytes, 1 + random % 12) != HP_ENTRY_PLANNED)
			continue;
		n_planned++;
		CHECK(p.n_places >= 2 && p.n_places <= HP_ENTRY_PLACES_MAX);
		CHECK(p.places[p.n_places - 1].original >= p.size);
		CHECK(p.places[p.n_places - 1].moved + 5 <= HP_ENTRY_SLOT_SIZE);
	}
	CHECK_INT_LT(1000, n_planned);
}

/* --- functions of this process ---------------------------------------------------------------- */

static const char *const family[] = {"malloc",         "free",     "calloc",
				     "realloc",        "memalign", "aligned_alloc",
				     "posix_memalign", "valloc",   "pvalloc"};

enum {
	N_FAMILY = sizeof(family) / sizeof(family[0])
};

/* What the hooks call: the trampolines. */
static void *next[N_FAMILY];
static int n_calls[N_FAMILY];

static void *hook_malloc(size_t size)
{
	n_calls[0]++;
	return ((void *(*)(size_t))next[0])(size);
}

static void hook_free(void *p)
{
	n_calls[1]++;
	((void (*)(void *))next[1])(p);
}

static void *hook_calloc(size_t n, size_t size)
{
	n_calls[2]++;
	return ((void *(*)(size_t, size_t))next[2])(n, size);
}

static void *hook_realloc(void *p, size_t size)
{
	n_calls[3]++;
	return ((void *(*)(void *, size_t))next[3])(p, size);
}

static void *hook_memalign(size_t alignment, size_t size)
{
	n_calls[4]++;
	return ((void *(*)(size_t, size_t))next[4])(alignment, size);
}

static void *hook_aligned_alloc(size_t alignment, size_t size)
{
	n_calls[5]++;
	return ((void *(*)(size_t, size_t))next[5])(alignment, size);
}

static int hook_posix_memalign(void **out, size_t alignment, size_t size)
{
	n_calls[6]++;
	return ((int (*)(void **, size_t, size_t))next[6])(out, alignment, size);
}

static void *hook_valloc(size_t size)
{
	n_calls[7]++;
	return ((void *(*)(size_t))next[7])(size);
}

static void *hook_pvalloc(size_t size)
{
	n_calls[8]++;
	return ((void *(*)(size_t))next[8])(size);
}

static void *const hooks[N_FAMILY] = {
	(void *)hook_malloc,         (void *)hook_free,     (void *)hook_calloc,
	(void *)hook_realloc,        (void *)hook_memalign, (void *)hook_aligned_alloc,
	(void *)hook_posix_memalign, (void *)hook_valloc,   (void *)hook_pvalloc};

struct patched {
	struct hp_entry_patch patches[N_FAMILY];
	void *functions[N_FAMILY];
	size_t n;
	uint8_t *slots;
};

/* Maps memory within reach of the address. */
static uint8_t *map_near(uint64_t address)
{
	for (uint64_t d = 1 << 20; d < HP_ENTRY_NEAR; d += 1 << 20) {
		void *p = mmap((void *)(((address - d) & ~(uint64_t)(PAGE - 1))), PAGE,
			       PROT_READ | PROT_WRITE | PROT_EXEC,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

		if (p != MAP_FAILED)
			return p;
	}
	return NULL;
}

static bool plan_one(struct patched *all, const char *library, size_t i, void *function)
{
	const ElfW(Sym) * symbol;
	Dl_info info;
	enum hp_entry_refusal refusal;

	if (!dladdr1(function, &info, (void **)&symbol, RTLD_DL_SYMENT) || !symbol)
		return false;
	const struct hp_entry_code code = {(uintptr_t)function, function, symbol->st_size};

	if (!all->slots)
		all->slots = map_near(code.address);
	refusal = hp_entry_patch_plan(&all->patches[i], &code,
				      (uintptr_t)all->slots + HP_ENTRY_SLOT_SIZE * i,
				      (uintptr_t)hooks[i]);
	if (refusal != HP_ENTRY_PLANNED)
		printf("# %s: %s %s\n", library, family[i], hp_entry_patch_sentence(refusal));
	return refusal == HP_ENTRY_PLANNED;
}

static bool is_known(const struct patched *all, size_t n, const void *function)
{
	for (size_t i = 0; i < n; i++)
		if (all->functions[i] == function)
			return true;
	return false;
}

/* Returns the library's own function, or NULL: dlsym() also looks into the libraries that it needs.
 */
static void *find(void *handle, size_t i)
{
	void *function = dlsym(handle, family[i]);
	Dl_info own, info;

	if (!function || !dladdr(dlsym(handle, "malloc"), &own) || !dladdr(function, &info))
		return NULL;
	return info.dli_fbase == own.dli_fbase ? function : NULL;
}

/* Plans for all functions of the library. Returns the number that could not be planned. */
static int plan_all(struct patched *all, const char *library, void *handle)
{
	int n_refused = 0;

	for (size_t i = 0; i < N_FAMILY; i++) {
		void *function = find(handle, i);

		if (!function || is_known(all, i, function)) /* some are one function */
			continue;
		if (plan_one(all, library, i, function)) {
			all->functions[i] = function;
			all->n++;
		} else {
			n_refused++;
		}
	}
	for (size_t i = 0; i < N_FAMILY; i++) {
		next[i] = NULL;
		n_calls[i] = 0;
		if (!all->functions[i])
			continue;
		memcpy(all->slots + HP_ENTRY_SLOT_SIZE * i, all->patches[i].code,
		       HP_ENTRY_SLOT_SIZE);
		next[i] = (void *)(uintptr_t)hp_entry_patch_trampoline(&all->patches[i]);
	}
	return n_refused;
}

static void write_code(uint64_t address, const void *bytes, size_t size)
{
	uintptr_t start = address & ~(uintptr_t)(PAGE - 1);

	if (mprotect((void *)start, (size_t)2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC))
		abort();
	memcpy((void *)(uintptr_t)address, bytes, size);
	if (mprotect((void *)start, (size_t)2 * PAGE, PROT_READ | PROT_EXEC))
		abort();
}

static void write_patches(const struct patched *all, bool is_undo)
{
	for (size_t i = 0; i < N_FAMILY; i++) {
		const struct hp_entry_patch *p = &all->patches[i];

		if (all->functions[i])
			write_code(p->at, is_undo ? p->before : p->after, p->size);
	}
}

/* Calls all functions that the library has. The sizes lead into the paths that branches at the
 * beginning of a function choose. */
static bool use(void *const functions[N_FAMILY])
{
	static const size_t sizes[] = {0, 1, 100, 5000, 300000, (size_t)1 << 26};
	void (*release)(void *) = (void (*)(void *))functions[1];
	bool is_right = true;

	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		char *blocks[8] = {NULL};

		blocks[0] = ((void *(*)(size_t))functions[0])(sizes[k]);
		blocks[1] = ((void *(*)(size_t, size_t))functions[2])(sizes[k] % 7777, 3);
		is_right = is_right && blocks[0] && blocks[1];
		for (size_t j = 0; is_right && j < sizes[k] % 7777 * 3; j++)
			is_right = blocks[1][j] == 0;
		if (is_right && sizes[k])
			blocks[0][0] = 'a', blocks[0][sizes[k] - 1] = 'b';
		blocks[0] = ((void *(*)(void *, size_t))functions[3])(blocks[0], sizes[k] + 100);
		is_right = is_right && blocks[0] &&
			   (!sizes[k] || *blocks[0] == (sizes[k] > 1 ? 'a' : 'b'));
		if (functions[4])
			blocks[2] = ((void *(*)(size_t, size_t))functions[4])(256, sizes[k] + 1);
		if (functions[5])
			blocks[3] = ((void *(*)(size_t, size_t))functions[5])(256, 512);
		if (functions[6] && ((int (*)(void **, size_t, size_t))functions[6])(
					    (void **)&blocks[4], 4096, sizes[k] + 1))
			is_right = false;
		if (functions[7])
			blocks[5] = ((void *(*)(size_t))functions[7])(sizes[k] + 1);
		if (functions[8])
			blocks[6] = ((void *(*)(size_t))functions[8])(sizes[k] + 1);
		for (size_t j = 2; j < 7; j++)
			is_right = is_right && ((uintptr_t)blocks[j] & 0xf) == 0;
		for (size_t j = 0; j < 8; j++)
			release(blocks[j]);
	}
	errno = 0;
	is_right = is_right && !((void *(*)(size_t))functions[0])(SIZE_MAX / 2) && errno != 0;
	return is_right;
}

/* A sanitizer's allocator is a part of the program, and reports what is tried here. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED true
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED true
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED false
#endif

/* Calls the allocator's functions by the trampolines while nothing is patched, then by the patched
 * entries, then after the patches are undone. */
static void check_allocator(void)
{
	struct patched all = {0};
	void *functions[N_FAMILY], *by_trampoline[N_FAMILY];
	int n_without_pad = 0;
	bool is_right;
	Dl_info info;

	CHECK(dladdr(find(RTLD_DEFAULT, 0), &info));
	CHECK_INT_EQ(plan_all(&all, info.dli_fname, RTLD_DEFAULT), 0);
	for (size_t i = 0; i < N_FAMILY; i++) {
		functions[i] = find(RTLD_DEFAULT, i);
		by_trampoline[i] = all.functions[i] ? next[i] : functions[i];
		n_without_pad += all.functions[i] && !all.patches[i].has_landing_pad;
	}
	CHECK(use(by_trampoline));
	for (size_t i = 0; i < N_FAMILY; i++)
		CHECK_INT_EQ(n_calls[i], 0);
	write_patches(&all, false);
	is_right = use(functions);
	write_patches(&all, true);
	CHECK(is_right);
	for (size_t i = 0; i < N_FAMILY; i++)
		if (all.functions[i])
			CHECK_INT_LT(0, n_calls[i]);
	memset(n_calls, 0, sizeof(n_calls));
	CHECK(use(functions));
	for (size_t i = 0; i < N_FAMILY; i++)
		CHECK_INT_EQ(n_calls[i], 0);
	printf("# %s: %zu entries, %d of them without endbr64\n", info.dli_fname, all.n,
	       n_without_pad);
	munmap(all.slots, PAGE);
}

static void test_allocator_of_this_process(void)
{
	if (IS_SANITIZED)
		printf("# not tested with a sanitizer's allocator\n");
	else
		check_allocator();
}

/* Runs the test above in a process that has another allocator, if that is installed. */
static void check_preloaded(const char *library)
{
	char command[256], line[512];
	bool is_there = false;
	FILE *child;

	snprintf(command, sizeof(command),
		 "LD_PRELOAD=%s exec /proc/%d/exe test_allocator_of_this_process 2>&1", library,
		 (int)getpid());
	child = popen(command, "r");
	CHECK(child != NULL);
	while (child && fgets(line, sizeof(line), child)) {
		is_there = is_there || (strstr(line, library) && strstr(line, " entries, "));
		if (!strstr(line, "# SKIP"))
			printf("# %s", line);
		if (strstr(line, "cannot be preloaded"))
			is_there = true;
	}
	CHECK_INT_EQ(child ? pclose(child) : -1, 0);
	CHECK(is_there);
}

static void test_other_allocators(void)
{
	if (IS_SANITIZED)
		return;
	check_preloaded("libjemalloc.so.2");
	check_preloaded("libtcmalloc_minimal.so.4");
	check_preloaded("libtcmalloc.so.4");
	check_preloaded("libmimalloc.so.2");
}

TEST_MAIN(TEST(test_plain_instructions), TEST(test_a_landing_pad_stays),
	  TEST(test_memory_relative_to_the_instruction), TEST(test_branches), TEST(test_refusals),
	  TEST(test_branches_back), TEST(test_too_far), TEST(test_program_counters),
	  TEST(test_any_bytes), TEST(test_allocator_of_this_process), TEST(test_other_allocators))
