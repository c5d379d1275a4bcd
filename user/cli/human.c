/* SPDX-License-Identifier: Apache-2.0 */
/* human: numbers as people read them; pure. Each result fits GL_HUMAN bytes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static const char *word(const char *text, char *buf)
{
	snprintf(buf, GL_HUMAN, "%s", text);
	return buf;
}

static const char *none(char *buf)
{
	return word("-", buf);
}

const char *gl_human_percent(double fraction, char *buf)
{
	if (isnan(fraction))
		return none(buf);
	/* a share that is not quite nothing or not quite all must not look so */
	if (fraction > 0 && fraction < 0.00005)
		return word("<0.01%", buf);
	if (fraction < 1 && fraction > 0.99995)
		return word(">99.99%", buf);
	snprintf(buf, GL_HUMAN, "%.2f%%", fraction * 100);
	return buf;
}

const char *gl_human_weight(double percent, char *buf)
{
	if (isnan(percent))
		return none(buf);
	snprintf(buf, GL_HUMAN, "%.7g%%", percent);
	return buf;
}

const char *gl_human_seconds(double s, char *buf)
{
	if (isnan(s))
		return none(buf);
	if (s < 0.0009995)
		snprintf(buf, GL_HUMAN, "%.0fus", s * 1e6);
	else if (s < 0.9995)
		snprintf(buf, GL_HUMAN, "%.3gms", s * 1e3);
	else
		snprintf(buf, GL_HUMAN, "%.3gs", s);
	return buf;
}

const char *gl_human_count(double n, char *buf)
{
	char digits[GL_HUMAN];
	int len, i, out = 0;

	if (isnan(n))
		return none(buf);
	if (n >= 1e15 || n < 0) {
		snprintf(buf, GL_HUMAN, "%.4g", n);
		return buf;
	}
	len = snprintf(digits, sizeof(digits), "%.0f", n);
	for (i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			buf[out++] = ',';
		buf[out++] = digits[i];
	}
	buf[out] = '\0';
	return buf;
}

const char *gl_human_rate(double n, char *buf)
{
	if (isnan(n))
		return none(buf);
	if (n >= 99.95)
		return gl_human_count(n, buf);
	snprintf(buf, GL_HUMAN, "%.1f", n);
	return buf;
}

const char *gl_human_duration(double seconds, char *buf)
{
	static const struct {
		double seconds;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	size_t i;
	double left;

	if (isnan(seconds))
		return none(buf);
	seconds = floor(seconds < 0 ? 0 : seconds);
	for (i = 0; i < 3 && seconds < units[i].seconds; i++)
		;
	left = i < 3 ? floor(fmod(seconds, units[i].seconds) / units[i + 1].seconds) : 0;
	if (left > 0)
		snprintf(buf, GL_HUMAN, "%.0f%c%.0f%c", floor(seconds / units[i].seconds),
			 units[i].unit, left, units[i + 1].unit);
	else
		snprintf(buf, GL_HUMAN, "%.0f%c", floor(seconds / units[i].seconds), units[i].unit);
	return buf;
}

/* Seconds since 1970, NAN: not a time. Fractions are cut. */
static double read_time(const char *text)
{
	struct tm tm = {};

	return text && strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) ? (double)timegm(&tm) : NAN;
}

const char *gl_human_age(const char *text, time_t now, char *buf)
{
	return gl_human_duration((double)now - read_time(text), buf);
}

const char *gl_human_until(const char *text, time_t now, char *buf)
{
	return gl_human_duration(read_time(text) - (double)now, buf);
}

double gl_human_parse_duration(const char *text)
{
	double total = 0, n;
	char *end;

	if (!*text)
		return -1;
	while (*text) {
		if (!strchr("0123456789.", *text))
			return -1;
		n = strtod(text, &end);
		if (end == text)
			return -1;
		if (!strncmp(end, "ms", 2)) {
			n /= 1000;
			end += 2;
		} else if (*end == 'h' || *end == 'm' || *end == 's' || *end == 'd') {
			n *= *end == 'd' ? 86400 : *end == 'h' ? 3600 : *end == 'm' ? 60 : 1;
			end++;
		} else if (*end) {
			return -1;
		}
		total += n;
		text = end;
	}
	return total;
}

enum gl_tint gl_tint_of_state(const char *state)
{
	if (!strcmp(state, "Completed") || !strcmp(state, "Progressing"))
		return GL_TINT_GOOD;
	if (!strcmp(state, "Waiting") || !strcmp(state, "Paused"))
		return GL_TINT_WARN;
	if (!strcmp(state, "RolledBack"))
		return GL_TINT_BAD;
	return GL_TINT_DIM;
}
