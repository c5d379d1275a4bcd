// SPDX-License-Identifier: Apache-2.0
/* policy: a text to a checked policy. See policy.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/schema.h"

/*
 * Reads all documents that are not empty; releases must have room for them. Returns how many could
 * be read.
 */
static size_t read_documents(struct gl_reader *reader, const struct gl_node *document,
			     struct gl_release_spec *releases)
{
	size_t count = 0;

	for (; document; document = document->next) {
		struct gl_release_spec *spec = &releases[count];
		size_t before = reader->diag->errors;
		bool clean;

		if (document->kind == GL_NODE_NULL)
			continue;
		memset(spec, 0, sizeof(*spec));
		reader->path[0] = '\0';
		reader->path_len = 0;
		if (!gl_schema_read(reader, document, spec) || reader->failed)
			continue;
		clean = reader->diag->errors == before;
		gl_check_release(reader, spec, clean);
		if (!clean)
			continue;
		gl_check_beside(reader, releases, count, spec);
		count++;
	}
	return count;
}

static int read_policy(struct gl_reader *reader, const char *text, size_t len,
		       struct gl_policy *policy)
{
	struct gl_diag_place place = { reader->file, { 1, 1 }, NULL };
	struct gl_release_spec *releases;
	const struct gl_node *document;
	struct gl_node *first;
	size_t documents = 0;
	int err;

	err = gl_tree_read(reader->arena, reader->file, text, len, reader->diag, &first);
	if (err)
		return err;
	for (document = first; document; document = document->next)
		documents += document->kind != GL_NODE_NULL;
	if (!documents) {
		gl_diag_error(reader->diag, &place, NULL, "the file holds no document");
		return -EINVAL;
	}
	releases = gl_arena_alloc(reader->arena, documents * sizeof(*releases));
	if (!releases)
		return -ENOMEM;
	policy->count = read_documents(reader, first, releases);
	policy->releases = releases;
	return reader->failed ? -ENOMEM : 0;
}

int gl_policy_parse(const char *file, const char *text, size_t len, struct gl_diag *diag,
		    struct gl_policy **ret)
{
	struct gl_reader reader = { .diag = diag };
	struct gl_policy *policy = NULL;
	size_t errors = diag->errors, first = diag->count;
	int err = -ENOMEM;

	*ret = NULL;
	reader.arena = gl_arena_new();
	if (!reader.arena)
		return -ENOMEM;
	reader.file = gl_arena_copy(reader.arena, file, strlen(file));
	policy = gl_arena_alloc(reader.arena, sizeof(*policy));
	if (!reader.file || !policy)
		goto out;
	policy->memory = reader.arena;
	err = read_policy(&reader, text, len, policy);
	gl_diag_sort(diag, first);
	if (!err && diag->errors > errors)
		err = -EINVAL;
	if (!err) {
		*ret = policy;
		return 0;
	}
out:
	gl_arena_free(reader.arena);
	return err;
}

void gl_policy_free(struct gl_policy *policy)
{
	if (policy)
		gl_arena_free(policy->memory);
}

const char *gl_weight_format(uint32_t weight_ppm, char *buf, size_t size)
{
	size_t len;

	snprintf(buf, size, "%u.%04u", weight_ppm / 10000, weight_ppm % 10000);
	for (len = strlen(buf); buf[len - 1] == '0'; len--)
		;
	if (buf[len - 1] == '.')
		len--;
	if (len + 1 < size)
		memcpy(buf + len, "%", 2);
	return buf;
}
