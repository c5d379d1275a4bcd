/* SPDX-License-Identifier: Apache-2.0 */
/* text: see text.h. */
#include "observe/text.h"

static void write_escaped(FILE *f, const char *s)
{
	for (; *s; s++) {
		if (*s == '\n')
			fputs("\\n", f);
		else if (*s == '"' || *s == '\\')
			fprintf(f, "\\%c", *s);
		else
			fputc(*s, f);
	}
}

void gl_text_label(FILE *f, char *sep, const char *name, const char *value)
{
	fprintf(f, "%c%s=\"", *sep, name);
	write_escaped(f, value);
	fputc('"', f);
	*sep = ',';
}

void gl_text_head(FILE *f, const char *name, const char *type, const char *help)
{
	fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}
