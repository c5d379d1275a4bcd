/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grid: tables whose columns are as wide as their widest cell, two spaces apart. Widths count characters of UTF-8. What an
 * agent or a policy says is shown, never obeyed: control characters become '?'.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

#define COLUMNS_MAX 16

struct cell {
	char *text;
	enum gl_tint tint;
};

struct gl_grid {
	size_t columns;
	bool right[COLUMNS_MAX];
	struct cell *cells;	/* row by row; the first row is the headers */
	size_t n, size;
	bool failed;
};

static const char *const tints[] = { "", "\033[32m", "\033[33m", "\033[31m", "\033[2m" };

static bool is_control(const char *c)
{
	unsigned char b = (unsigned char)*c;

	/* C1 controls are 0xc2 0x80 .. 0xc2 0x9f in UTF-8 */
	return b < 0x20 || b == 0x7f ||
	       (b == 0xc2 && (unsigned char)c[1] >= 0x80 && (unsigned char)c[1] < 0xa0);
}

void gl_grid_text(FILE *f, const char *text)
{
	for (; *text; text++) {
		if (!is_control(text)) {
			fputc(*text, f);
			continue;
		}
		fputc('?', f);
		if ((unsigned char)*text == 0xc2)
			text++;
	}
}

void gl_tint_text(FILE *f, bool colour, enum gl_tint tint, const char *text)
{
	if (colour)
		fputs(tints[tint], f);
	gl_grid_text(f, text);
	if (colour && tint != GL_TINT_NONE)
		fputs("\033[0m", f);
}

static size_t width_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++) {
		n += ((unsigned char)*text & 0xc0) != 0x80;
		if (is_control(text) && (unsigned char)*text == 0xc2)
			text++;		/* one '?' for two bytes */
	}
	return n;
}

static void add(struct gl_grid *g, enum gl_tint tint, const char *text, size_t len)
{
	struct cell *cells;

	if (g->n == g->size) {
		cells = realloc(g->cells, (g->size * 2 + 64) * sizeof(*cells));
		if (!cells) {
			g->failed = true;
			return;
		}
		g->cells = cells;
		g->size = g->size * 2 + 64;
	}
	g->cells[g->n] = (struct cell){ strndup(text, len), tint };
	if (!g->cells[g->n].text)
		g->failed = true;
	else
		g->n++;
}

struct gl_grid *gl_grid_new(const char *headers)
{
	struct gl_grid *g = calloc(1, sizeof(*g));
	size_t len;

	while (g && g->columns < COLUMNS_MAX) {
		g->right[g->columns] = *headers == '>';
		headers += *headers == '>';
		len = strcspn(headers, "|");
		add(g, GL_TINT_DIM, headers, len);
		g->columns++;
		if (!headers[len])
			break;
		headers += len + 1;
	}
	return g;
}

void gl_grid_tint(struct gl_grid *g, enum gl_tint tint, const char *text)
{
	if (!g)
		return;
	if (!text || !*text)
		text = "-";
	add(g, tint, text, strlen(text));
}

void gl_grid_add(struct gl_grid *g, const char *text)
{
	gl_grid_tint(g, GL_TINT_NONE, text);
}

void gl_grid_addf(struct gl_grid *g, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	gl_grid_add(g, text);
}

static void pad(FILE *f, size_t n)
{
	while (n--)
		fputc(' ', f);
}

static void write_cells(struct gl_grid *g, FILE *f, bool colour)
{
	size_t width[COLUMNS_MAX] = {}, i, column, w;
	bool last;

	for (i = 0; i < g->n; i++) {
		w = width_of(g->cells[i].text);
		if (w > width[i % g->columns])
			width[i % g->columns] = w;
	}
	for (i = 0; i < g->n; i++) {
		column = i % g->columns;
		last = column == g->columns - 1 || i == g->n - 1;
		w = width_of(g->cells[i].text);
		if (g->right[column])
			pad(f, width[column] - w);
		gl_tint_text(f, colour, g->cells[i].tint, g->cells[i].text);
		if (last)
			fputc('\n', f);
		else
			pad(f, (g->right[column] ? 0 : width[column] - w) + 2);
	}
}

void gl_grid_end(struct gl_grid *g, FILE *f, bool colour)
{
	size_t i;

	if (!g)
		return;
	if (!g->failed)
		write_cells(g, f, colour);
	for (i = 0; i < g->n; i++)
		free(g->cells[i].text);
	free(g->cells);
	free(g);
}
