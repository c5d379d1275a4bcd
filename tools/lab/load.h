/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load: the lab's checking client. load.c sends requests and compares every answer with what must have come, plan.c
 * decides what each request is, tally.c counts and prints. The clients of graylink must notice nothing, so anything
 * unusual (a reset, a connection opened anew, an answer to another request, a wrong byte) counts as an error.
 */
#ifndef LAB_LOAD_H
#define LAB_LOAD_H

#include "http.h"
#include "net.h"

#include <stdio.h>

#define LOAD_CONNECTIONS 1024
#define LOAD_HEADERS 16
#define LOAD_SIZES 32
#define LOAD_VERSIONS 16
#define LOAD_USERS 1000000

enum load_error {
	LOAD_CONNECT,
	LOAD_RESET,
	LOAD_CLOSED,
	LOAD_TIMEOUT,
	LOAD_STATUS,
	LOAD_MALFORMED,
	LOAD_VERSION,		/* answered by another version than the request's colour demands */
	LOAD_SEQUENCE,		/* the answer belongs to another request */
	LOAD_BODY,		/* a byte of the body differs, or its length */
	LOAD_STICKY,		/* a user went back to the old version */
	LOAD_ERRORS
};

enum load_kind { LOAD_PLAIN, LOAD_BYTES, LOAD_ECHO };

struct load_options {
	struct address target;
	char host[64], path[256];
	uint64_t count, duration_ns, seed, timeout_ns, think_ns;
	double rate;				/* requests per second, 0: as fast as it goes */
	unsigned int connections;
	bool close, chunked, allow_reopen, stop_on_error;
	const char *method;
	const char *headers[LOAD_HEADERS];	/* templates: {seq} {user} {random} */
	unsigned int header_count;
	const char *gray_header, *base_header;	/* "name: value", sent with the coloured and with the other requests */
	double gray_share;			/* 0..1: requests that carry gray_header */
	const char *gray_version, *base_version;	/* what must answer; NULL: anything */
	unsigned long users;			/* 0: no users */
	const char *users_in, *users_out;	/* who was answered by gray_version before; who is now */
	enum load_kind kind;
	uint64_t sizes[LOAD_SIZES];
	unsigned int size_count;
	size_t write_most;			/* bytes per send(), to spread a request over segments */
	const char *log_path, *seq_path, *expect_status;
};

/* What one request is, and what its answer must be. */
struct plan {
	uint64_t seq, user, size, pattern;
	bool gray;
	const char *version;			/* NULL: any */
	enum load_kind kind;
};

struct load_tally {
	uint64_t requests, answered, errors[LOAD_ERRORS];
	uint64_t connections, reopened, repeated;
	uint64_t sent, received;
	uint64_t start_ns, end_ns;
	struct {
		char name[32];
		uint64_t count;
	} versions[LOAD_VERSIONS];
	uint32_t *histogram;			/* of microseconds, see tally.c */
	uint64_t max_us;
	char first_error[256];
};

/* plan.c */
void plan_open(const struct load_options *opt);
bool plan_next(const struct load_options *opt, struct plan *ret);	/* false: all are given out */
void plan_head(const struct load_options *opt, const struct plan *plan, struct buf *out);
bool plan_sticky(const struct load_options *opt, const struct plan *plan, struct http_text version);
void plan_close(const struct load_options *opt);

/* tally.c */
void tally_open(struct load_tally *tally);
void tally_answer(struct load_tally *tally, struct http_text version, uint64_t ns);
void tally_error(struct load_tally *tally, enum load_error kind, const struct plan *plan,
		 const char *detail);
bool tally_print(const struct load_tally *tally, const struct load_options *opt, FILE *out);	/* true: nothing unusual */

/* options.c */
void load_parse(int argc, char **argv, struct load_options *ret);

int load_main(int argc, char **argv);

#endif
