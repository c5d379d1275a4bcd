/* SPDX-License-Identifier: Apache-2.0 */
/* help: what --help says, made from the dispatch table, and guesses at mistyped words. */
#include <string.h>

#include "cli/cli.h"

const struct gl_option gl_global_options[] = {
	{ 's', "socket", "PATH",
	  "the agent's socket (default " GL_CLI_SOCKET ", or $GRAYLINK_SOCKET)" },
	{ 'n', "namespace", "NAME", "namespace of the release (default: any)" },
	{ 'o', "output", "FORMAT", "table, wide, json or yaml" },
	{ 'h', "help", NULL, "this text, or that of a verb" },
	{ 0, "version", NULL, "version of this program" },
	{ 0, NULL, NULL, NULL },
};

const struct gl_option gl_message_option = { 'm', "message", "TEXT",
					     "why; kept in the history beside your name" };

#define OPTION_WIDTH 22		/* of "-s, --socket PATH" in a list */

/* Writes @text, whose first character stands in column @column, with breaks before column 80; @indent for later lines. */
static void show_wrapped(FILE *f, const char *text, size_t column, int indent)
{
	size_t len;

	for (; *text; text += len + (text[len] != '\0')) {
		len = strcspn(text, " ");
		if (column > (size_t)indent && column + 1 + len >= 80) {
			fprintf(f, "\n%*s", indent, "");
			column = indent;
		} else if (column > (size_t)indent) {
			fputc(' ', f);
			column++;
		}
		fwrite(text, 1, len, f);
		column += len;
	}
	fputc('\n', f);
}

static void show_option(FILE *f, const struct gl_option *o)
{
	char left[64];

	snprintf(left, sizeof(left), "%c%c%s --%s%s%s", o->letter ? '-' : ' ',
		 o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name, o->value ? " " : "",
		 o->value ? o->value : "");
	fprintf(f, "  %-*s ", OPTION_WIDTH, left);
	show_wrapped(f, o->help, OPTION_WIDTH + 3, OPTION_WIDTH + 3);
}

static void show_options(FILE *f, const struct gl_option *options)
{
	for (; options && options->name; options++)
		show_option(f, options);
}

static void show_aliases(FILE *f, const struct gl_command *command)
{
	const struct gl_alias *a;
	const char *sep = "Also called ";

	for (a = gl_aliases; a->name; a++) {
		if (!strcmp(a->command, command->name)) {
			fprintf(f, "%s%s", sep, a->name);
			sep = ", ";
		}
	}
	if (sep[0] == ',')
		fputs(".\n", f);
}

void gl_help_command(FILE *f, const struct gl_command *c)
{
	fprintf(f, "usage: graylinkctl %s%s%s%s\n\n", c->name, *c->usage ? " " : "", c->usage,
		c->options || c->changes ? " [OPTION]..." : "");
	fprintf(f, "%c%s.\n",
		c->summary[0] - ('a' <= c->summary[0] && c->summary[0] <= 'z' ? 32 : 0),
		c->summary + 1);
	if (c->details)
		show_wrapped(f, c->details, 0, 0);
	show_aliases(f, c);
	if (c->options || c->changes)
		fputs("\nOptions:\n", f);
	show_options(f, c->options);
	if (c->changes)
		show_option(f, &gl_message_option);
	fputs("\nEverywhere:\n", f);
	show_options(f, gl_global_options);
}

void gl_help_all(FILE *f)
{
	const char *group = "";
	size_t i;

	fputs("usage: graylinkctl [-s PATH] [-n NAMESPACE] [-o table|wide|json|yaml] VERB ...\n\n"
	      "Controls the graylink agent of this node.\n",
	      f);
	for (i = 0; gl_commands[i]; i++) {
		const struct gl_command *c = gl_commands[i];

		if (strcmp(group, c->group))
			fprintf(f, "\n%s\n", c->group);
		group = c->group;
		fprintf(f, "  %-11s %s\n", c->name, c->summary);
	}
	fputs("\nOptions:\n", f);
	show_options(f, gl_global_options);
	fputc('\n', f);
	show_wrapped(
		f,
		"`graylinkctl VERB --help` says more. Data goes to stdout, messages to stderr. Exit status: 0 done, "
		"1 refused or failed, 2 the command line is wrong. Colours only on a terminal and without NO_COLOR.",
		0, 0);
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Edits (insert, delete, replace, swap of neighbours) from @a to @b; words longer than a row are far away. */
static size_t distance(const char *a, const char *b)
{
	enum { ROW = 24 };
	size_t d[3][ROW + 1], n = strlen(b), i, j, cost;

	if (n > ROW || strlen(a) > ROW)
		return ROW;
	for (j = 0; j <= n; j++)
		d[0][j] = j;
	for (i = 1; a[i - 1]; i++) {
		size_t *now = d[i % 3], *last = d[(i + 2) % 3], *before = d[(i + 1) % 3];

		now[0] = i;
		for (j = 1; j <= n; j++) {
			cost = a[i - 1] != b[j - 1];
			now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
	}
	return d[(i - 1) % 3][n];
}

const char *gl_help_nearest(const char *word, const char *const *names, size_t n)
{
	const char *best = NULL;
	size_t least = strlen(word) <= 3 ? 2 : 3, i, d; /* one edit in short words, two in longer ones */

	for (i = 0; i < n; i++) {
		d = distance(word, names[i]);
		if (d >= least && strlen(word) >= 3 && !strncmp(word, names[i], strlen(word)))
			d = least - 1;
		if (d < least) {
			least = d;
			best = names[i];
		}
	}
	return best;
}

const char *gl_help_guess(const char *near, const char *prefix, char *buf, size_t size)
{
	buf[0] = '\0';
	if (near)
		snprintf(buf, size, " (did you mean %s%s?)", prefix, near);
	return buf;
}

const char *gl_help_nearest_command(const char *word)
{
	const char *names[64];
	const struct gl_alias *a;
	size_t n = 0, i;

	for (i = 0; gl_commands[i] && n < 64; i++)
		names[n++] = gl_commands[i]->name;
	for (a = gl_aliases; a->name && n < 64; a++)
		names[n++] = a->name;
	return gl_help_nearest(word, names, n);
}
