// SPDX-License-Identifier: Apache-2.0
/*
 * plan: what each request of the load client is: its colour, user, body and expected answer. The sequence number of the
 * next request stands in a file that others can read while the client runs: a request whose number is not below what
 * was read there began later than the reading.
 */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static uint64_t state, issued;
static _Atomic uint64_t own_next, *next_seq = &own_next;
static unsigned char *users;		/* bit 0: was on the new version before; bit 1: is now */

/* splitmix64 */
static uint64_t random_next(void)
{
	uint64_t z = (state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static double random_unit(void)
{
	return (double)(random_next() >> 11) / 9007199254740992.0;
}

static void read_users(const char *path)
{
	FILE *file = fopen(path, "r");
	unsigned long user;

	if (!file)
		die("%s: %s", path, strerror(errno));
	while (fscanf(file, "%lu", &user) == 1)
		if (user < LOAD_USERS)
			users[user] |= 1;
	fclose(file);
}

void plan_open(const struct load_options *opt)
{
	state = opt->seed;
	users = calloc(LOAD_USERS, 1);
	if (!users)
		die("no memory for users");
	if (opt->users_in)
		read_users(opt->users_in);
	if (opt->seq_path) {
		int fd = open(opt->seq_path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
		void *map = MAP_FAILED;

		if (fd >= 0 && !ftruncate(fd, sizeof(uint64_t)))
			map = mmap(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
				   0);
		if (map == MAP_FAILED)
			die("%s: %s", opt->seq_path, strerror(errno));
		close(fd);
		next_seq = map;
		*next_seq = 0;
	}
}

bool plan_next(const struct load_options *opt, struct plan *ret)
{
	if (opt->count && issued >= opt->count)
		return false;
	memset(ret, 0, sizeof(*ret));
	ret->seq = issued++;
	atomic_store(next_seq, issued);
	ret->gray = opt->gray_header && random_unit() < opt->gray_share;
	ret->version = ret->gray ? opt->gray_version : opt->base_version;
	ret->user = opt->users ? random_next() % opt->users : 0;
	ret->kind = opt->kind;
	if (opt->kind != LOAD_PLAIN) {
		ret->size = opt->sizes[random_next() % opt->size_count];
		ret->pattern = random_next() >> 16;
	}
	return true;
}

static void add_template(const char *text, const struct plan *plan, struct buf *out)
{
	while (*text) {
		size_t run = strcspn(text, "{");

		buf_add(out, text, run);
		text += run;
		if (!strncmp(text, "{seq}", 5)) {
			buf_printf(out, "%llu", (unsigned long long)plan->seq);
			text += 5;
		} else if (!strncmp(text, "{user}", 6)) {
			buf_printf(out, "%llu", (unsigned long long)plan->user);
			text += 6;
		} else if (!strncmp(text, "{random}", 8)) {
			buf_printf(out, "%016llx", (unsigned long long)random_next());
			text += 8;
		} else if (*text) {
			buf_add(out, text++, 1);
		}
	}
	buf_add(out, "\r\n", 2);
}

void plan_head(const struct load_options *opt, const struct plan *plan, struct buf *out)
{
	const char *colour = plan->gray ? opt->gray_header : opt->base_header;

	if (plan->kind == LOAD_BYTES)
		buf_printf(out, "%s /bytes/%llu?seed=%llu HTTP/1.1\r\n", opt->method,
			   (unsigned long long)plan->size, (unsigned long long)plan->pattern);
	else if (plan->kind == LOAD_ECHO)
		buf_printf(out, "POST /echo HTTP/1.1\r\n");
	else
		buf_printf(out, "%s %s HTTP/1.1\r\n", opt->method, opt->path);
	buf_printf(out, "Host: %s\r\nUser-Agent: load\r\nx-seq: %llu\r\n", opt->host,
		   (unsigned long long)plan->seq);
	if (colour)
		add_template(colour, plan, out);
	for (unsigned int i = 0; i < opt->header_count; i++)
		add_template(opt->headers[i], plan, out);
	if (opt->close)
		buf_printf(out, "Connection: close\r\n");
	if (plan->kind == LOAD_ECHO && opt->chunked)
		buf_printf(out, "Transfer-Encoding: chunked\r\n");
	else if (plan->kind == LOAD_ECHO)
		buf_printf(out, "Content-Length: %llu\r\n", (unsigned long long)plan->size);
	buf_add(out, "\r\n", 2);
}

/* A user whom the new version answered once must not be answered by another one later, in this run or a later one. */
bool plan_sticky(const struct load_options *opt, const struct plan *plan, struct http_text version)
{
	bool gray;

	if (!opt->users || !opt->gray_version || opt->gray_header)
		return true;
	gray = http_is(version, opt->gray_version);
	if (!gray && users[plan->user])
		return false;
	if (gray)
		users[plan->user] |= 2;
	return true;
}

void plan_close(const struct load_options *opt)
{
	FILE *file;

	if (opt->users_out) {
		file = fopen(opt->users_out, "w");
		if (!file)
			die("%s: %s", opt->users_out, strerror(errno));
		for (unsigned long user = 0; user < LOAD_USERS; user++)
			if (users[user])
				fprintf(file, "%lu\n", user);
		fclose(file);
	}
	free(users);
}
