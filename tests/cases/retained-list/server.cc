// SPDX-License-Identifier: MIT
// A search service over HTTP. It chooses a port of the loopback interface and prints it. It has one
// thread. At SIGTERM it frees everything and ends.
#include "pool.h"

#include <arpa/inet.h>
#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <unordered_map>

struct Hit {
	std::uint64_t document, snippet, length;
	double score;
};

static std::uint64_t mix(std::uint64_t x)
{
	x = (x ^ (x >> 31)) * 0x9e3779b97f4a7c15;
	x = (x ^ (x >> 29)) * 0xbf58476d1ce4e5b9;
	return x ^ (x >> 32);
}

// Few words are common: half of all are in 1 of 1024 documents, a quarter in 2, an eighth in 4, and so on.
static unsigned commonness(std::uint64_t query)
{
	return 1u << __builtin_ctzll(mix(query) | 1 << 10);
}

class Service {
public:
	std::string answer(std::uint64_t query)
	{
		auto list = lists.take();
		auto best = search(query, *list);
		auto text = std::to_string(list->size()) + " hits, the best is " +
			    std::to_string(best) + "\n";

		lists.give_back(std::move(list));
		return text;
	}

private:
	std::uint64_t search(std::uint64_t query, ResultList<Hit> &list)
	{
		auto limit = commonness(query);
		std::size_t n = 0;

		for (std::size_t i = 0; i < documents.size(); i++) {
			documents[i] = unsigned(mix(query ^ i << 32) % 1024);
			n += documents[i] < limit;
		}
		auto *hits = list.resize(n), *hit = hits, *best = hits;

		for (std::size_t i = 0; i < documents.size(); i++)
			if (documents[i] < limit)
				*hit++ = {i, i << 10, 100, double(documents[i])};
		for (hit = hits; hit < hits + n; hit++)
			if (hit->score < best->score)
				best = hit;
		return n > 0 ? best->document : 0;
	}

	std::array<unsigned, 4096> documents;
	Pool<ResultList<Hit>> lists{4096};
};

static void die(const char *what)
{
	std::perror(what);
	std::exit(1);
}

class Server {
public:
	Server()
	{
		sigset_t signals;

		sigemptyset(&signals);
		sigaddset(&signals, SIGTERM);
		sigprocmask(SIG_BLOCK, &signals, nullptr);
		stop = signalfd(-1, &signals, SFD_CLOEXEC);
		poll = epoll_create1(EPOLL_CLOEXEC);
		listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		address.sin_family = AF_INET;
		address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		if (bind(listener, reinterpret_cast<sockaddr *>(&address), sizeof(address)) < 0 ||
		    listen(listener, 128) < 0)
			die("listen");
		watch(stop);
		watch(listener);
	}

	int port()
	{
		socklen_t length = sizeof(address);

		if (getsockname(listener, reinterpret_cast<sockaddr *>(&address), &length) < 0)
			die("getsockname");
		return ntohs(address.sin_port);
	}

	void run()
	{
		epoll_event event;

		for (;;) {
			if (epoll_wait(poll, &event, 1, -1) < 1)
				continue;
			if (event.data.fd == stop)
				break;
			if (event.data.fd == listener)
				watch(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
			else
				receive(event.data.fd);
		}
		for (auto &connection : connections)
			close(connection.first);
	}

private:
	void watch(int fd)
	{
		epoll_event event = {};

		event.events = EPOLLIN;
		event.data.fd = fd;
		if (fd >= 0 && epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) < 0)
			die("epoll_ctl");
	}

	void receive(int fd)
	{
		char buffer[4096];
		auto length = read(fd, buffer, sizeof(buffer));
		auto &text = connections[fd];

		if (length <= 0 || text.size() > sizeof(buffer)) {
			connections.erase(fd);
			close(fd);
			return;
		}
		text.append(buffer, std::size_t(length));
		for (std::size_t end; (end = text.find("\r\n\r\n")) != std::string::npos;) {
			reply(fd, text.substr(0, end));
			text.erase(0, end + 4);
		}
	}

	// request = "GET /search?q=" number " HTTP/1.1" ...
	void reply(int fd, const std::string &request)
	{
		auto at = request.find("q=");
		auto query = at == std::string::npos ? 0 : std::atoll(request.c_str() + at + 2);
		auto body = service.answer(std::uint64_t(query));
		auto text = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) +
			    "\r\n\r\n" + body;

		if (send(fd, text.data(), text.size(), MSG_NOSIGNAL) < 0)
			std::perror("send");
	}

	int stop, poll, listener;
	sockaddr_in address = {};
	std::unordered_map<int, std::string> connections;
	Service service;
};

int main()
{
	Server server;

	std::printf("%d\n", server.port());
	std::fflush(stdout);
	server.run();
}
