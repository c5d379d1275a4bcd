/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net: what the lab's service and its load client share: growing buffers, an epoll loop, addresses, clocks and a byte
 * pattern that can be made and verified at any offset. It knows nothing of HTTP.
 */
#ifndef LAB_NET_H
#define LAB_NET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes data[off..len) are valid. */
struct buf {
	char *data;
	size_t off, len, cap;
};

static inline size_t buf_size(const struct buf *b)
{
	return b->len - b->off;
}

static inline char *buf_at(const struct buf *b)
{
	return b->data + b->off;
}

void buf_reserve(struct buf *b, size_t more);
void buf_add(struct buf *b, const void *data, size_t len);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_json(struct buf *b, const char *text, size_t len);	/* adds a quoted JSON string */
void buf_consume(struct buf *b, size_t len);
void buf_free(struct buf *b);

/* One descriptor in the loop. ready() may free the object that holds the watch only through loop_release(). */
struct watch {
	int fd;
	void (*ready)(struct watch *w, uint32_t events);
	bool gone;		/* released in this round: later events of the round are not delivered */
};

struct loop {
	int epoll_fd;
	void *released[4096];	/* memory to free once the round is over */
	size_t released_count;
};

int loop_open(struct loop *loop);
int loop_add(struct loop *loop, struct watch *w);		/* edge-triggered, in and out */
void loop_release(struct loop *loop, struct watch *w, void *memory);
int loop_round(struct loop *loop, int timeout_ms);		/* waits and delivers one batch of events */

struct address {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} u;
	socklen_t len;
};

int address_parse(const char *text, struct address *ret);	/* "10.0.0.1:80", "[fd00::1]:80", ":80" or "80" */
void address_format(const struct address *a, char *text, size_t size);
int net_listen(const struct address *a);
int net_connect(const struct address *a);	/* descriptor, connecting; or -errno */
int net_error(int fd);				/* pending SO_ERROR, positive errno */

/*
 * Reads until the socket is empty or `limit` bytes are buffered. > 0: bytes read; 0: nothing now; -EPIPE: the peer closed
 * in order; other negative errno: it broke.
 */
int net_read(int fd, struct buf *b, size_t limit);
int net_write(int fd, struct buf *b, size_t most);	/* 0: all or as much as goes; negative errno: broken */

uint64_t now_ns(void);
void pattern_fill(char *data, size_t len, uint64_t seed, uint64_t off);
bool pattern_check(const char *data, size_t len, uint64_t seed, uint64_t off);
uint64_t sum_bytes(uint64_t sum, const char *data, size_t len);	/* FNV-1a, 64 bit; start with SUM_START */
#define SUM_START 0xcbf29ce484222325ull

void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
