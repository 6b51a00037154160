/* SPDX-License-Identifier: MIT */
#include "commands/relay.h"
#include "folder.h"
#include "test.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#define TEXT_SIZE (8 << 20) /* more than a socket holds */
#define REFUSED   3         /* the process that the server does not read */

/* A server that runs until its parent kills it, and a process under it. */
struct family {
	pid_t server, child;
};

static int read_big(void *context, int pid, int *out_task, char **out_text, size_t *out_size,
		    struct diag *diag)
{
	if (pid == REFUSED)
		return diag_error(diag, -ESRCH, "not this one");
	*out_task = pid;
	*out_size = TEXT_SIZE;
	*out_text = malloc(TEXT_SIZE);
	memset(*out_text, 'x', TEXT_SIZE);
	return 0;
}

static void serve(int out)
{
	struct relay_server *server = relay_server_new(read_big, NULL);
	pid_t self = getpid(), child = fork();

	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != self) /* it was killed before */
			_exit(1);
		for (;;)
			pause();
	}
	if (!server || write(out, &child, sizeof(child)) < 0)
		_exit(1);
	for (;;) {
		struct pollfd ready = {.fd = relay_server_fd(server), .events = POLLIN};

		poll(&ready, 1, -1);
		relay_server_work(server);
	}
}

static struct family start(void)
{
	struct family family = {0};
	int ends[2];

	setenv("XDG_RUNTIME_DIR", folder, true);
	CHECK_INT_EQ(pipe(ends), 0);
	family.server = fork();
	if (family.server == 0)
		serve(ends[1]);
	close(ends[1]);
	CHECK_INT_EQ(read(ends[0], &family.child, sizeof(family.child)), sizeof(family.child));
	close(ends[0]);
	return family;
}

static void end(const struct family *family)
{
	kill(family->server, SIGKILL);
	waitpid(family->server, NULL, 0);
}

static void test_large_text(void)
{
	struct family family = start();
	struct diag diag = {0};
	size_t size = 0;
	char *text = NULL;
	int task = 0;

	CHECK_INT_EQ(relay_ask(family.child, &task, &text, &size, &diag), 0);
	CHECK_INT_EQ(task, family.child);
	CHECK_UINT_EQ(size, TEXT_SIZE);
	CHECK(text && text[0] == 'x' && text[TEXT_SIZE - 1] == 'x');
	free(text);
	end(&family);
	CHECK_INT_EQ(relay_ask(family.child, &task, &text, &size, &diag), RELAY_NONE);
	CHECK(!diag_has_error(&diag));
}

static int connect_to(const struct family *family)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/heapprof/%d", folder,
		 family->server);
	CHECK_INT_EQ(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void request(int fd, pid_t pid)
{
	const struct relay_request bytes = {RELAY_MAGIC, (uint32_t)pid, 0};

	CHECK_INT_EQ(send(fd, &bytes, sizeof(bytes), MSG_NOSIGNAL), sizeof(bytes));
}

/* Clients that take nothing do not keep the server from answering others. */
static void test_clients_that_do_not_read(void)
{
	struct family family = start();
	struct diag diag = {0};
	int clients[7], task;
	size_t size;
	char *text = NULL;

	for (int i = 0; i < 7; i++) {
		clients[i] = connect_to(&family);
		request(clients[i], family.child);
	}
	CHECK_INT_EQ(relay_ask(family.child, &task, &text, &size, &diag), 0);
	free(text);
	for (int i = 0; i < 7; i++)
		close(clients[i]);
	for (int i = 0; i < 20; i++) { /* their places are free again */
		int fd = connect_to(&family);
		char byte;

		request(fd, REFUSED);
		if (recv(fd, &byte, 1, 0) != 1 && i > 10)
			TEST_FAIL("client %d has no answer", i);
		close(fd);
	}
	end(&family);
}

static void test_message(void)
{
	struct family family = start();
	struct relay_answer answer;
	char text[32] = "";
	int fd = connect_to(&family);

	request(fd, REFUSED);
	CHECK_INT_EQ(recv(fd, &answer, sizeof(answer), MSG_WAITALL), sizeof(answer));
	CHECK_UINT_EQ(answer.is_error, 1);
	CHECK_UINT_EQ(answer.size, strlen("not this one"));
	CHECK_INT_EQ(recv(fd, text, answer.size, MSG_WAITALL), (int64_t)answer.size);
	CHECK_STR_EQ(text, "not this one");
	CHECK_INT_EQ(recv(fd, text, 1, 0), 0);
	close(fd);
	end(&family);
}

static void test_a_server_asks_nobody(void)
{
	struct family family = start();
	struct relay_server *server = relay_server_new(read_big, NULL);
	struct diag diag = {0};
	size_t size;
	char *text;
	int task;

	CHECK(server && relay_is_server());
	CHECK_INT_EQ(relay_ask(family.child, &task, &text, &size, &diag), RELAY_NONE);
	relay_server_free(server);
	CHECK(!relay_is_server());
	relay_server_free(NULL);
	end(&family);
}

TEST_MAIN(TEST(test_large_text), TEST(test_clients_that_do_not_read), TEST(test_message),
	  TEST(test_a_server_asks_nobody))
