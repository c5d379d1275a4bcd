// SPDX-License-Identifier: Apache-2.0
/* text: times and addresses as the interface writes them. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "control/agent.h"

const char *gl_time_text(char buf[GL_TIME_TEXT], uint64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / 1000000000ULL);
	unsigned int ms = (unsigned int)(wall_ns / 1000000ULL % 1000);
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(buf, GL_TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, GL_TIME_TEXT - n, ".%03uZ", ms);
	return buf;
}

const char *gl_address_text(char buf[GL_ADDRESS_TEXT], const struct gl_addr *addr, __be16 port)
{
	char host[INET6_ADDRSTRLEN] = "?";
	bool v4 = !addr->w[0] && !addr->w[1] && addr->w[2] == htonl(0xffff);

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? &addr->w[3] : &addr->w[0], host, sizeof(host));
	snprintf(buf, GL_ADDRESS_TEXT, v4 ? "%s:%u" : "[%s]:%u", host, ntohs(port));
	return buf;
}
