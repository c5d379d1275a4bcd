// SPDX-License-Identifier: Apache-2.0
/* net: see net.h. */
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void die(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "svc: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	exit(2);
}

void buf_reserve(struct buf *b, size_t more)
{
	if (b->off && b->len + more > b->cap) {
		memmove(b->data, b->data + b->off, b->len - b->off);
		b->len -= b->off;
		b->off = 0;
	}
	if (b->len + more <= b->cap)
		return;
	b->cap = b->cap * 2 > b->len + more ? b->cap * 2 : b->len + more + 512;
	b->data = realloc(b->data, b->cap);
	if (!b->data)
		die("no memory for %zu bytes", b->cap);
}

void buf_add(struct buf *b, const void *data, size_t len)
{
	buf_reserve(b, len);
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list args, again;
	int len;

	va_start(args, format);
	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	buf_reserve(b, (size_t)len + 1);
	vsnprintf(b->data + b->len, (size_t)len + 1, format, again);
	va_end(again);
	b->len += (size_t)len;
}

void buf_json(struct buf *b, const char *text, size_t len)
{
	buf_add(b, "\"", 1);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			buf_printf(b, "\\u%04x", c);
		else
			buf_add(b, &text[i], 1);
	}
	buf_add(b, "\"", 1);
}

void buf_consume(struct buf *b, size_t len)
{
	b->off += len;
	if (b->off == b->len)
		b->off = b->len = 0;
}

void buf_free(struct buf *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}

int loop_open(struct loop *loop)
{
	loop->released_count = 0;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return loop->epoll_fd < 0 ? -errno : 0;
}

int loop_add(struct loop *loop, struct watch *w)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.ptr = w,
	};

	w->gone = false;
	return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, w->fd, &event) ? -errno : 0;
}

/* Closing the descriptor removes it from the epoll set, but events of this round may still name the watch. */
void loop_release(struct loop *loop, struct watch *w, void *memory)
{
	if (w->gone)
		return;
	w->gone = true;
	close(w->fd);
	w->fd = -1;
	if (!memory)
		return;
	if (loop->released_count == sizeof(loop->released) / sizeof(loop->released[0]))
		die("more than %zu objects released in one round", loop->released_count);
	loop->released[loop->released_count++] = memory;
}

int loop_round(struct loop *loop, int timeout_ms)
{
	struct epoll_event events[256];
	int n = epoll_wait(loop->epoll_fd, events, 256, timeout_ms);

	if (n < 0 && errno != EINTR)
		return -errno;
	for (int i = 0; i < n; i++) {
		struct watch *w = events[i].data.ptr;

		if (!w->gone)
			w->ready(w, events[i].events);
	}
	while (loop->released_count)
		free(loop->released[--loop->released_count]);
	return 0;
}

int address_parse(const char *text, struct address *ret)
{
	char host[64] = "";
	const char *port = strrchr(text, ':');
	size_t len = port ? (size_t)(port - text) : 0;
	long number = strtol(port ? port + 1 : text, NULL, 10);

	memset(ret, 0, sizeof(*ret));
	if (number < 1 || number > 65535 || len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	if (len && host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = 0;
		memmove(host, host + 1, len - 1);
	}
	if (!host[0] || strchr(host, ':')) {
		ret->u.in6.sin6_family = AF_INET6;
		ret->u.in6.sin6_port = htons((uint16_t)number);
		ret->len = sizeof(ret->u.in6);
		return host[0] && inet_pton(AF_INET6, host, &ret->u.in6.sin6_addr) != 1 ? -EINVAL :
											  0;
	}
	ret->u.in.sin_family = AF_INET;
	ret->u.in.sin_port = htons((uint16_t)number);
	ret->len = sizeof(ret->u.in);
	return inet_pton(AF_INET, host, &ret->u.in.sin_addr) != 1 ? -EINVAL : 0;
}

void address_format(const struct address *a, char *text, size_t size)
{
	char host[INET6_ADDRSTRLEN] = "?";

	if (a->u.sa.sa_family == AF_INET) {
		inet_ntop(AF_INET, &a->u.in.sin_addr, host, sizeof(host));
		snprintf(text, size, "%s:%u", host, ntohs(a->u.in.sin_port));
	} else if (IN6_IS_ADDR_V4MAPPED(&a->u.in6.sin6_addr)) {
		inet_ntop(AF_INET, &a->u.in6.sin6_addr.s6_addr[12], host, sizeof(host));
		snprintf(text, size, "%s:%u", host, ntohs(a->u.in6.sin6_port));
	} else {
		inet_ntop(AF_INET6, &a->u.in6.sin6_addr, host, sizeof(host));
		snprintf(text, size, "[%s]:%u", host, ntohs(a->u.in6.sin6_port));
	}
}

int net_listen(const struct address *a)
{
	int one = 1, zero = 0, err;
	int fd = socket(a->u.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (a->u.sa.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (!bind(fd, &a->u.sa, a->len) && !listen(fd, 4096))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int net_connect(const struct address *a)
{
	int one = 1, err;
	int fd = socket(a->u.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (!connect(fd, &a->u.sa, a->len) || errno == EINPROGRESS)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int net_error(int fd)
{
	int err = 0;
	socklen_t len = sizeof(err);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) ? errno : err;
}

int net_read(int fd, struct buf *b, size_t limit)
{
	size_t start = buf_size(b);

	while (buf_size(b) < limit) {
		ssize_t n;

		buf_reserve(b, 16384);
		n = recv(fd, b->data + b->len, b->cap - b->len, 0);
		if (n > 0) {
			b->len += (size_t)n;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (buf_size(b) > start)
			break;		/* what came is handled first; the next read meets the end again */
		return n ? -errno : -EPIPE;
	}
	return (int)(buf_size(b) - start);
}

int net_write(int fd, struct buf *b, size_t most)
{
	while (buf_size(b)) {
		size_t len = buf_size(b) < most ? buf_size(b) : most;
		ssize_t n = send(fd, buf_at(b), len, MSG_NOSIGNAL);

		if (n >= 0)
			buf_consume(b, (size_t)n);
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			return 0;
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* splitmix64 of (seed, index of the 8-byte word): any offset can be made without what comes before it. */
static uint64_t pattern_word(uint64_t seed, uint64_t index)
{
	uint64_t z = seed * 0x9e3779b97f4a7c15ull + (index + 1) * 0xbf58476d1ce4e5b9ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

void pattern_fill(char *data, size_t len, uint64_t seed, uint64_t off)
{
	while (len) {
		uint64_t word = pattern_word(seed, off / 8);
		size_t skip = off % 8, n = 8 - skip < len ? 8 - skip : len;

		memcpy(data, (const char *)&word + skip, n);
		data += n;
		off += n;
		len -= n;
	}
}

bool pattern_check(const char *data, size_t len, uint64_t seed, uint64_t off)
{
	while (len) {
		uint64_t word = pattern_word(seed, off / 8);
		size_t skip = off % 8, n = 8 - skip < len ? 8 - skip : len;

		if (memcmp(data, (const char *)&word + skip, n))
			return false;
		data += n;
		off += n;
		len -= n;
	}
	return true;
}

uint64_t sum_bytes(uint64_t sum, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum = (sum ^ (unsigned char)data[i]) * 0x100000001b3ull;
	return sum;
}
