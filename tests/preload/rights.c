/* SPDX-License-Identifier: MIT */
/* A program that changes its rights or its namespaces, or is ended by a signal. argv[1] names the
 * situation, argv[2] the action. The output must be the same with and without the profiler. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534
#define ASKED  40 /* the signal that asks for a dump */

static void *volatile sink;

static void allocate(void)
{
	for (int i = 0; i < 100; i++)
		free(sink = malloc(1000));
	sink = malloc(1 << 20);
	memset(sink, 1, 1 << 20);
}

static void report(const char *what, long result)
{
	printf("%s: %s\n", what, result == 0 ? "ok" : strerrorname_np(errno));
}

static void report_rights(const char *who)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{0}};
	uid_t uid, euid, suid;
	gid_t gid, egid, sgid;

	getresuid(&uid, &euid, &suid);
	getresgid(&gid, &egid, &sgid);
	syscall(SYS_capget, &header, data);
	printf("%s: %u %u %u, %u %u %u, %d groups, capabilities %x, dumpable %d\n", who, uid, euid,
	       suid, gid, egid, sgid, getgroups(0, NULL), data[0].effective,
	       prctl(PR_GET_DUMPABLE));
}

/* --- actions ------------------------------------------------------------------------------- */

static void act(const char *action)
{
	gid_t group = NOBODY;

	if (strcmp(action, "setuid") == 0)
		report(action, setuid(NOBODY));
	else if (strcmp(action, "setgid") == 0)
		report(action, setgid(NOBODY));
	else if (strcmp(action, "setgroups") == 0)
		report(action, setgroups(1, &group));
	else if (strcmp(action, "setresuid") == 0)
		report(action, setresuid(NOBODY, NOBODY, 0));
	else if (strcmp(action, "initgroups") == 0)
		report(action, initgroups("nobody", NOBODY));
	else if (strcmp(action, "raw") == 0)
		report(action, syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY));
	else if (strcmp(action, "setns") == 0)
		report(action, setns(open("/proc/thread-self/ns/mnt", O_RDONLY), CLONE_NEWNS));
	else if (strcmp(action, "SIGTERM") == 0)
		kill(getpid(), SIGTERM);
	else
		for (int bit = 0; bit < 32; bit++) /* each possible flag */
			if ((1u << bit) & (CLONE_NEWNS | CLONE_VM | CLONE_FS | CLONE_FILES |
					   CLONE_THREAD | CLONE_SIGHAND | CLONE_NEWUSER))
				report(action, unshare(1 << bit));
}

static void ask_for_a_dump(void)
{
	struct sigaction present;

	sigaction(ASKED, NULL, &present);
	if (present.sa_handler != SIG_DFL)
		raise(ASKED);
}

static void act_and_go_on(const char *action)
{
	allocate();
	act(action);
	allocate();
	ask_for_a_dump();
	report_rights("afterwards");
	fflush(stdout);
}

/* --- situations ---------------------------------------------------------------------------- */

static pthread_barrier_t begun, done;
static pthread_t main_thread;

static void *look_on(void *unused)
{
	allocate();
	pthread_barrier_wait(&begun);
	pthread_barrier_wait(&done);
	report_rights("another thread");
	return NULL;
}

static void among_threads(const char *action)
{
	pthread_t other;

	pthread_barrier_init(&begun, NULL, 2);
	pthread_barrier_init(&done, NULL, 2);
	pthread_create(&other, NULL, look_on, NULL);
	pthread_barrier_wait(&begun);
	act_and_go_on(action);
	pthread_barrier_wait(&done);
	pthread_join(other, NULL);
}

static void *outlive_main(void *action)
{
	pthread_join(main_thread, NULL);
	act_and_go_on(action);
	return NULL; /* it was the last thread, so the process ends */
}

static void after_main(char *action)
{
	pthread_t other;

	main_thread = pthread_self();
	pthread_create(&other, NULL, outlive_main, action);
	pthread_exit(NULL);
}

static void in_a_child(const char *action)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		act_and_go_on(action);
		exit(0);
	}
	waitpid(pid, &status, 0);
	printf("child: %d\n", status);
}

/* Drops all effective capabilities except those for changing users and groups. */
static void with_few_capabilities(const char *action)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {
		{.effective = 1 << CAP_SETUID | 1 << CAP_SETGID,
		 .permitted = 1 << CAP_SETUID | 1 << CAP_SETGID | 1 << CAP_CHOWN},
	};

	report("capset", syscall(SYS_capset, &header, data));
	act_and_go_on(action);
}

static void under_a_filter(const char *action)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0 /* the call's number */),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {sizeof(code) / sizeof(code[0]), code};

	report("no new privileges", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	report("filter", prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0));
	act_and_go_on(action);
}

int main(int argc, char **argv)
{
	const char *situation = argv[1];
	char *action = argv[2];

	allocate();
	if (strcmp(situation, "fork") == 0) {
		in_a_child(action);
	} else if (strcmp(situation, "threads") == 0) {
		among_threads(action);
	} else if (strcmp(situation, "main-ended") == 0) {
		after_main(action);
	} else if (strcmp(situation, "daemon") == 0) {
		report(situation, daemon(1 /* no chdir */, 1 /* no close */));
		act_and_go_on(action);
	} else if (strcmp(situation, "capset") == 0) {
		with_few_capabilities(action);
	} else if (strcmp(situation, "keepcaps") == 0) {
		report(situation, prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
		act_and_go_on(action);
	} else if (strcmp(situation, "seccomp") == 0) {
		under_a_filter(action);
	} else {
		act_and_go_on(action);
	}
	return 0;
}
