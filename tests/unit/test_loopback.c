/* SPDX-License-Identifier: MIT */
#include "command/serve/loopback.h"

#include <netinet/in.h>

#include "test.h"

static struct loopback parsed;

static enum loopback_kind parse(const char *text)
{
	return loopback_parse(text, true /* with a port */, &parsed);
}

static void test_addresses_of_this_machine(void)
{
	const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)&parsed.address;
	const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)&parsed.address;

	CHECK_INT_EQ(parse("127.0.0.1:8080"), LOOPBACK_OURS);
	CHECK_INT_EQ(ipv4->sin_family, AF_INET);
	CHECK_HEX_EQ(ntohl(ipv4->sin_addr.s_addr), 0x7f000001);
	CHECK_INT_EQ(ntohs(ipv4->sin_port), 8080);
	CHECK_STR_EQ(parsed.host, "127.0.0.1");
	CHECK_INT_EQ(parse("127.1.2.3:0"), LOOPBACK_OURS);
	CHECK_HEX_EQ(ntohl(ipv4->sin_addr.s_addr), 0x7f010203);
	CHECK_INT_EQ(parse("LocalHost:1"), LOOPBACK_OURS);
	CHECK_HEX_EQ(ntohl(ipv4->sin_addr.s_addr), 0x7f000001);
	CHECK_INT_EQ(parse("[::1]:65535"), LOOPBACK_OURS);
	CHECK_INT_EQ(ipv6->sin6_family, AF_INET6);
	CHECK_INT_EQ(ntohs(ipv6->sin6_port), 65535);
	CHECK(IN6_IS_ADDR_LOOPBACK(&ipv6->sin6_addr));
}

static void test_addresses_of_others(void)
{
	static const char *const others[] = {
		"0.0.0.0:1",      "126.0.0.1:1",       "128.0.0.1:1",   "10.0.0.1:1",
		"[::]:1",         "[::1%lo]:1",        "[::ffff:1]:1",  "::1:1",
		"127.1:1",        "0x7f.0.0.1:1",      "127.0.0.1.:1",  "localhost.:1",
		"example.com:1",  "localhost.evil:1",  " localhost:1",  ":1",
		"127.0.0.1 :1",   "127.0.0.1@evil:80", "[localhost]:1", "\x7f:1",
		"127.000.0.01:1",
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		enum loopback_kind kind = parse(others[i]);

		if (kind == LOOPBACK_OURS)
			TEST_FAIL("%s is taken for this machine", others[i]);
	}
	CHECK_INT_EQ(parse("example.com:1"), LOOPBACK_OTHER);
}

static void test_ports(void)
{
	CHECK_INT_EQ(parse("127.0.0.1"), LOOPBACK_NO_PORT);
	CHECK_INT_EQ(parse("127.0.0.1:"), LOOPBACK_NO_PORT);
	CHECK_INT_EQ(parse("127.0.0.1:65536"), LOOPBACK_NO_PORT);
	CHECK_INT_EQ(parse("127.0.0.1:-1"), LOOPBACK_NO_PORT);
	CHECK_INT_EQ(parse("127.0.0.1:1x"), LOOPBACK_NO_PORT);
	CHECK_INT_EQ(parse("127.0.0.1:99999999999999999999"), LOOPBACK_NO_PORT);
	CHECK_INT_EQ(parse("[::1]1"), LOOPBACK_NO_PORT);
	CHECK_INT_EQ(parse("[::1"), LOOPBACK_NO_PORT);
	CHECK_INT_EQ(parse(""), LOOPBACK_NO_PORT);
	CHECK_INT_EQ(loopback_parse("[::1]", false, &parsed), LOOPBACK_OURS);
	CHECK_INT_EQ(parsed.port, 0);
	CHECK_INT_EQ(loopback_parse("localhost:7", false, &parsed), LOOPBACK_OURS);
	CHECK_INT_EQ(parsed.port, 7);
	CHECK_INT_EQ(loopback_parse("", false, &parsed), LOOPBACK_OTHER);
	CHECK_INT_EQ(loopback_parse("localhost:", false, &parsed), LOOPBACK_NO_PORT);
}

static void test_a_long_host(void)
{
	char text[4096];

	memset(text, '1', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	CHECK_INT_EQ(parse(text), LOOPBACK_OTHER);
	for (size_t size = 60; size < 70; size++) {
		memset(text, '1', size);
		strcpy(text + size, ":1");
		CHECK_INT_EQ(parse(text), LOOPBACK_OTHER);
	}
}

TEST_MAIN(TEST(test_addresses_of_this_machine), TEST(test_addresses_of_others), TEST(test_ports),
	  TEST(test_a_long_host))
