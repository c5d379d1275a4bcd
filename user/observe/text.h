/* SPDX-License-Identifier: Apache-2.0 */
/* text: the pieces of Prometheus text 0.0.4 that metrics.c and metrics_agent.c write. */
#ifndef GL_OBSERVE_TEXT_H
#define GL_OBSERVE_TEXT_H

#include <stdio.h>

#include "observe/observe.h"

/* gl_text_head: the HELP and TYPE lines. */
void gl_text_head(FILE *f, const char *name, const char *type, const char *help);
/* gl_text_label: {name="value" or ,name="value": *@sep starts as '{' and becomes ','. The caller closes the brace. */
void gl_text_label(FILE *f, char *sep, const char *name, const char *value);

/* metrics_agent.c */
void gl_observe_write_agent(struct gl_observe *o, FILE *f);
void gl_observe_write_releases(struct gl_observe *o, FILE *f);

#endif
