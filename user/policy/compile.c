// SPDX-License-Identifier: Apache-2.0
/*
 * compile: policies to an image. This file gathers the releases, checks what only all of them show,
 * and calls the parts.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/compile.h"

void gl_compile_error(struct gl_compiler *compiler, const struct gl_release_spec *spec,
		      struct gl_pos pos, const char *field, const char *hint, const char *format,
		      ...)
{
	struct gl_diag_place place = { spec->file, pos, field };
	char *message;
	va_list args;

	va_start(args, format);
	if (vasprintf(&message, format, args) < 0)
		message = NULL;
	va_end(args);
	if (!message) {
		compiler->failed = true;
		return;
	}
	gl_diag_error(compiler->diag, &place, hint, "%s", message);
	free(message);
}

uint32_t gl_compile_alloc(struct gl_compiler *compiler, size_t size)
{
	uint32_t off = compiler->used;

	size = (size + 7) & ~(size_t)7;
	if (compiler->full || size > GL_IMAGE_SIZE - off) {
		compiler->full = true;
		return 0;
	}
	compiler->used += (uint32_t)size;
	return off;
}

void *gl_compile_at(struct gl_compiler *compiler, uint32_t off)
{
	return (uint8_t *)compiler->image + off;
}

uint32_t gl_compile_copy(struct gl_compiler *compiler, const void *data, size_t len)
{
	uint32_t off = gl_compile_alloc(compiler, len);

	if (off)
		memcpy(gl_compile_at(compiler, off), data, len);
	return off;
}

/* Releases ------------------------------------------------------------------------------------ */

/* Precedence: the higher priority, then the names. */
static int compare_active(const void *a, const void *b)
{
	const struct gl_release_spec *x = ((const struct gl_active *)a)->spec,
				     *y = ((const struct gl_active *)b)->spec;
	int diff;

	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	diff = strcmp(x->namespace, y->namespace);
	return diff ? diff : strcmp(x->name, y->name);
}

static struct gl_release_steer steer_of(const struct gl_policy_set *set,
					const struct gl_release_spec *spec)
{
	struct gl_release_steer ret = {
		.namespace = spec->namespace,
		.name = spec->name,
		.lane_active = true,
		.rules = true,
		.weight_ppm = spec->batches[0].weight_ppm,
	};
	size_t i;

	for (i = 0; i < set->nsteer; i++)
		if (!strcmp(set->steer[i].namespace, spec->namespace) &&
		    !strcmp(set->steer[i].name, spec->name))
			return set->steer[i];
	return ret;
}

static int give_ids(struct gl_compiler *compiler, struct gl_active *active)
{
	const struct gl_release_spec *spec = active->spec;
	uint32_t *services = calloc(spec->nservices, sizeof(*services));
	size_t i;
	int err;

	active->services = services;
	if (!services)
		return -ENOMEM;
	err = gl_ids_give_lane(compiler->ids, spec->lane, &active->lane);
	if (err == -ENOSPC)
		gl_compile_error(compiler, spec, spec->lane_pos, "spec.lane",
				 "lanes are remembered while the agent's state lives",
				 "no id is left for lane \"%s\": %d lanes were used", spec->lane,
				 GL_LANES_MAX - 1);
	for (i = 0; !err && i < spec->nservices; i++) {
		err = gl_ids_give_service(compiler->ids, spec->namespace, spec->services[i].name,
					  &services[i]);
		if (err == -ENOSPC)
			gl_compile_error(compiler, spec, spec->services[i].pos, "spec.services",
					 NULL,
					 "no id is left for service %s/%s: %d services were used",
					 spec->namespace, spec->services[i].name,
					 GL_SERVICES_MAX - 1);
	}
	return err == -ENOSPC ? -E2BIG : err;
}

/* All releases in the order of precedence, with ids; those that are gone are left out. */
static int gather(struct gl_compiler *compiler, const struct gl_policy_set *set)
{
	size_t count = 0, i, j;
	int err;

	for (i = 0; i < set->npolicies; i++)
		count += set->policies[i]->count;
	compiler->active = calloc(count + 1, sizeof(*compiler->active));
	if (!compiler->active)
		return -ENOMEM;
	for (i = 0; i < set->npolicies; i++) {
		for (j = 0; j < set->policies[i]->count; j++) {
			struct gl_active *active = &compiler->active[compiler->nactive];

			active->spec = &set->policies[i]->releases[j];
			active->steer = steer_of(set, active->spec);
			if (active->steer.gone)
				continue;
			compiler->nactive++;
			err = give_ids(compiler, active);
			if (err)
				return err;
		}
	}
	qsort(compiler->active, compiler->nactive, sizeof(*compiler->active), compare_active);
	return 0;
}

/* Checks -------------------------------------------------------------------------------------- */

static int compare_lanes(const void *a, const void *b)
{
	const struct gl_active *x = *(const struct gl_active *const *)a,
			       *y = *(const struct gl_active *const *)b;

	return x->lane != y->lane ? (x->lane < y->lane ? -1 : 1) : x < y ? -1 : 1;
}

static void check_releases(struct gl_compiler *compiler)
{
	const struct gl_active **sorted = calloc(compiler->nactive + 1, sizeof(*sorted));
	size_t i;

	if (!sorted) {
		compiler->failed = true;
		return;
	}
	for (i = 0; i < compiler->nactive; i++) {
		const struct gl_release_spec *spec = compiler->active[i].spec;

		sorted[i] = &compiler->active[i];
		if (i && !compare_active(&compiler->active[i], &compiler->active[i - 1]))
			gl_compile_error(compiler, spec, spec->pos, "metadata.name", NULL,
					 "release %s/%s is given twice", spec->namespace,
					 spec->name);
	}
	qsort(sorted, compiler->nactive, sizeof(*sorted), compare_lanes);
	for (i = 1; i < compiler->nactive; i++) {
		const struct gl_release_spec *spec = sorted[i]->spec, *other = sorted[i - 1]->spec;

		if (sorted[i]->lane == sorted[i - 1]->lane &&
		    compare_active(sorted[i], sorted[i - 1]))
			gl_compile_error(compiler, spec, spec->lane_pos, "spec.lane",
					 "every release has a lane of its own",
					 "lane \"%s\" is that of release %s/%s, too", spec->lane,
					 other->namespace, other->name);
	}
	free(sorted);
}

/* All traffic on fewer pods than served it before is worth a word. */
static void check_capacity(struct gl_compiler *compiler, const struct gl_active *active)
{
	const struct gl_release_spec *spec = active->spec;
	char field[64];
	size_t i;

	if (!active->steer.lane_active || active->steer.weight_ppm < GL_WEIGHT_ONE)
		return;
	for (i = 0; i < spec->nservices; i++) {
		const struct gl_service_spec *service = &spec->services[i];
		const struct gl_diag_place place = { spec->file, service->pos, field };

		snprintf(field, sizeof(field), "spec.services[%zu].gray", i);
		if (service->gray.count && service->gray.count < service->base.count)
			gl_diag_warn(
				compiler->diag, &place, NULL,
				"service \"%s\" gets all traffic on %zu gray endpoints; base has %zu",
				service->name, service->gray.count, service->base.count);
	}
}

static int report_full(struct gl_compiler *compiler)
{
	size_t services = 0, endpoints = 0, i, j;

	for (i = 0; i < compiler->nactive; i++) {
		const struct gl_release_spec *spec = compiler->active[i].spec;

		services += spec->nservices;
		for (j = 0; j < spec->nservices; j++)
			endpoints +=
				spec->services[j].frontends.count + spec->services[j].gray.count;
	}
	gl_compile_error(
		compiler, compiler->active[0].spec, (struct gl_pos){ 0, 0 }, NULL,
		"fewer or shorter matches",
		"the policies are too large for the %u bytes of an image: %zu releases, %zu services, %zu addresses, "
		"%zu matches, %zu different header values",
		GL_IMAGE_SIZE, compiler->nactive, services, endpoints, compiler->nmatches,
		compiler->nexacts);
	return -E2BIG;
}

static int build(struct gl_compiler *compiler)
{
	struct gl_image_head *head = &compiler->image->head;
	size_t i;

	memset(compiler->image, 0, sizeof(*compiler->image));
	head->magic = GL_IMAGE_MAGIC;
	head->schema = GL_SCHEMA;
	compiler->used = sizeof(*head);
	gl_compile_labels(compiler);
	gl_compile_services(compiler);
	gl_compile_frontends(compiler);
	gl_compile_origins(compiler);
	gl_compile_lanes(compiler);
	gl_compile_exacts(compiler);
	head->size = compiler->used;
	for (i = 0; i < compiler->nactive; i++)
		check_capacity(compiler, &compiler->active[i]);
	if (compiler->failed)
		return -ENOMEM;
	return compiler->full ? report_full(compiler) : 0;
}

int gl_policy_compile(const struct gl_policy_set *set, struct gl_ids *ids, struct gl_image *image,
		      struct gl_diag *diag)
{
	struct gl_compiler compiler = { .image = image, .diag = diag, .ids = ids };
	size_t errors = diag->errors, i;
	int err;

	err = gather(&compiler, set);
	if (!err)
		check_releases(&compiler);
	if (!err && diag->errors == errors && !compiler.failed)
		err = build(&compiler);
	if (!err && compiler.failed)
		err = -ENOMEM;
	if (!err && diag->errors > errors)
		err = -EINVAL;
	for (i = 0; compiler.active && i < compiler.nactive; i++)
		free((void *)compiler.active[i].services);
	free(compiler.active);
	free(compiler.exacts);
	return err;
}
