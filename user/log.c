// SPDX-License-Identifier: Apache-2.0
/* log: see log.h. One write(2) per line, so that lines of forked children do not mix. */
#include "log.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_LEN 2000

static enum gl_log_level lowest = GL_LOG_INFO;

void gl_log_level(enum gl_log_level level)
{
	lowest = level;
}

static const char *level_word(enum gl_log_level level)
{
	static const char *const words[] = { "debug", "info", "warn", "error" };

	return words[level];
}

/* Appends @text as a quoted logfmt value; control characters become \xNN, so that a line stays a line. */
static size_t append_quoted(char *line, size_t at, size_t size, const char *text)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *p;

	line[at++] = '"';
	for (p = (const unsigned char *)text; *p && at + 8 < size; p++) {
		if (*p == '"' || *p == '\\') {
			line[at++] = '\\';
			line[at++] = (char)*p;
		} else if (*p == '\n') {
			line[at++] = '\\';
			line[at++] = 'n';
		} else if (*p < 0x20 || *p == 0x7f) {
			line[at++] = '\\';
			line[at++] = 'x';
			line[at++] = hex[*p >> 4];
			line[at++] = hex[*p & 15];
		} else {
			line[at++] = (char)*p;
		}
	}
	line[at++] = '"';
	return at;
}

void gl_log(enum gl_log_level level, const char *room, const char *fmt, ...)
{
	char msg[LINE_MAX_LEN], line[LINE_MAX_LEN + 128];
	struct timespec ts;
	struct tm tm;
	va_list ap;
	size_t at;
	int n;

	if (level < lowest)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	at = strftime(line, sizeof(line), "time=%Y-%m-%dT%H:%M:%S", &tm);
	n = snprintf(line + at, sizeof(line) - at,
		     ".%03ldZ level=%s room=%s msg=", ts.tv_nsec / 1000000, level_word(level),
		     room);
	at += (size_t)n;
	at = append_quoted(line, at, sizeof(line), msg);
	line[at++] = '\n';
	/* Where stderr is gone there is nobody to tell. */
	if (write(STDERR_FILENO, line, at) < 0)
		return;
}

int gl_why_set(struct gl_why *why, int err, const char *fmt, ...)
{
	va_list ap;

	if (!why)
		return err;
	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return err;
}

int gl_why_prefix(struct gl_why *why, int err, const char *fmt, ...)
{
	struct gl_why old;
	va_list ap;
	size_t at;
	int n;

	if (!why)
		return err;
	old = *why;
	va_start(ap, fmt);
	n = vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	at = n < 0 ? 0 : (size_t)n;
	if (at >= sizeof(why->text))
		at = sizeof(why->text) - 1;
	if (at + 3 < sizeof(why->text))
		snprintf(why->text + at, sizeof(why->text) - at, ": %.*s",
			 (int)(sizeof(why->text) - at - 3), old.text);
	return err;
}
