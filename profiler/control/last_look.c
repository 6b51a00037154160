/* SPDX-License-Identifier: MIT */
/* The look is for what no pointer leads to. So what this thread has left in dead places must not
 * hold a block: the stack below the caller's frame, which our own frames then cover in part, and
 * the registers that a call need not keep. */
#include "control/last_look.h"
#include "base/file.h"
#include "base/sys.h"
#include <cpuid.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>

enum {
	PATIENCE_SECONDS = 600, /* of a process; if heapprof ends, the wait does too */
	DEAD_STACK_BYTES = 2048,
	NAME_AT = offsetof(struct sockaddr_un, sun_path) + 1 /* after the NUL of an abstract name */
};

static struct sockaddr_un address;
static uint32_t address_size; /* 0: there is no look */
static bool is_strict;
static bool is_taken;

void hp_last_look_init(const char *value)
{
	const char *name = value ? strchr(value, ':') : NULL;
	size_t size = name ? strlen(++name) : 0;

	if (!size || size > sizeof(address) - NAME_AT)
		return;
	is_strict = strncmp(value, "strict:", 7) == 0;
	if (!is_strict && strncmp(value, "normal:", 7) != 0)
		return;
	address.sun_family = AF_UNIX;
	memcpy(address.sun_path + 1, name, size);
	address_size = NAME_AT + size;
}

bool hp_last_look_is_wanted(void)
{
	return address_size != 0;
}

void hp_last_look_after_fork(void)
{
	is_taken = false;
}

/* Lets heapprof, which has the other end, stop this process with ptrace where the kernel allows
 * that to ancestors only. Its helper is not an ancestor. */
static void allow(int fd)
{
	struct ucred peer = {0};
	uint32_t size = sizeof(peer);

	hp_sys6(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, (long)&peer, (long)&size, 0);
	if (peer.pid > 0)
		hp_sys3(SYS_prctl, PR_SET_PTRACER, peer.pid, 0);
}

static void set_timeout(int fd, int option)
{
	const struct timeval patience = {.tv_sec = PATIENCE_SECONDS};

	hp_sys6(SYS_setsockopt, fd, SOL_SOCKET, option, (long)&patience, sizeof(patience), 0);
}

static bool connect_to_heapprof(int fd)
{
	long r;

	do
		r = hp_sys3(SYS_connect, fd, (long)&address, address_size);
	while (r == -EINTR);
	return r == 0;
}

/* Sends a byte, which asks for the look, and receives one, or the end of the connection. */
static void wait_for_look(int fd)
{
	char byte = 0;
	long n = hp_sys6(SYS_sendto, fd, (long)&byte, sizeof(byte), MSG_NOSIGNAL, 0, 0);

	while (n > 0 || n == -EINTR) {
		n = hp_sys6(SYS_recvfrom, fd, (long)&byte, sizeof(byte), 0, 0, 0);
		if (n > 0)
			break;
	}
}

static __attribute__((noinline)) void ask(void)
{
	int fd = hp_file_move_up(
		(int)hp_sys3(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));

	if (fd < 0)
		return;
	set_timeout(fd, SO_SNDTIMEO); /* of connect, too */
	set_timeout(fd, SO_RCVTIMEO);
	if (connect_to_heapprof(fd)) {
		allow(fd);
		wait_for_look(fd);
		hp_sys3(SYS_prctl, PR_SET_PTRACER, 0, 0);
	}
	hp_sys_close(fd);
}

static __attribute__((noinline)) void clear_dead_stack(void)
{
	volatile char bytes[DEAD_STACK_BYTES];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = 0;
}

/* Sets the vector registers to zero, by restoring them from an image that says that they are. The
 * ABI lets any call change them, but not the modes of floating-point arithmetic. */
static void clear_vector_registers(void)
{
	enum {
		OSXSAVE = 1 << 27,
		VECTORS = 0xe6, /* SSE, AVX, and the three parts of AVX-512 */
		MODES_AT = 24
	};
	char image[832] __attribute__((aligned(64))) = {0};
	uint32_t a, b, c, d;

	__asm__ volatile("stmxcsr %0" : "=m"(*(uint32_t *)(void *)(image + MODES_AT)));
	__cpuid(1, a, b, c, d);
	if (!(c & OSXSAVE))
		return;
	__asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
	__asm__ volatile("xrstor %0" : : "m"(image), "a"(a & VECTORS), "d"(0) : "memory");
}

void hp_last_look_take(enum hp_last_look_time time)
{
	if (!address_size || (is_strict && time != HP_LAST_LOOK_AT_END) ||
	    __atomic_exchange_n(&is_taken, true, __ATOMIC_ACQ_REL))
		return;
	clear_vector_registers();
	clear_dead_stack();
	ask();
}
