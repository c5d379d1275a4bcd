/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log: one line per event on stderr, in logfmt: time=... level=... room=... msg="...". Only main and the callbacks of
 * the loop log, once, saying what was tried and what follows. Libraries do not log: they return a negative errno and say
 * why in a struct gl_why.
 */
#ifndef GL_LOG_H
#define GL_LOG_H

#include <stdarg.h>

enum gl_log_level {
	GL_LOG_DEBUG,
	GL_LOG_INFO,
	GL_LOG_WARN,
	GL_LOG_ERROR,
};

/* gl_log_level: lines below @level are not written. Default GL_LOG_INFO. */
void gl_log_level(enum gl_log_level level);

/*
 * gl_log: writes one event. @room is the folder that it is about (datapath, release, control, ...); the message is free
 * text, quoted and escaped here, so that no input can forge a second line. Cut at 2,000 bytes.
 */
void gl_log(enum gl_log_level level, const char *room, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Why something failed, in words for a person: what was tried, what the system said, what to do. Caller-owned. */
struct gl_why {
	char text[768];
};

/*
 * gl_why_set: stores the words in @why (which may be NULL) and returns @err, so that a failing function ends with
 * `return gl_why_set(why, -errno, "open %s: %s", path, strerror(errno));`.
 */
int gl_why_set(struct gl_why *why, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* gl_why_prefix: puts words in front of those that @why holds ("attach veth1: " + ...); returns @err. */
int gl_why_prefix(struct gl_why *why, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
