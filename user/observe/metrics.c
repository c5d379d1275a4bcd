/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics: Prometheus text 0.0.4 in the names of DESIGN section 8. Only series that exist are written, and for services of
 * releases the few that stand at zero before the first request, so that rate() sees the first one. The order is
 * that of the keys: two scrapes differ in numbers only.
 *
 * Keys may carry more than a metric's labels say (the service of an unsteered connection): keys that look alike
 * through the labels are summed.
 */
#include <errno.h>
#include <stdlib.h>

#include "graylink/reason.h"
#include "observe/state.h"
#include "observe/text.h"

#define WORD(n, w, d) w,
static const char *const reasons[] = { GL_REASONS(WORD) };
static const char *const pins[] = { GL_PINS(WORD) };
static const char *const fallbacks[] = { GL_FALLBACKS(WORD) };
static const char *const unsteered[] = { GL_UNSTEERED(WORD) };
static const char *const drops[] = { GL_DROPS(WORD) };
static const char *const failures[] = { GL_FAILURES(WORD) };
static const char *const directions[] = { "to_base", "to_gray" };

/* Labels of a metric, in the order in which they are written. */
enum {
	BY_SERVICE = 1,
	BY_LANE = 2,
	BY_SERVED = 4,
	BY_WHY = 8,
	BY_CODE = 16,
};

static const struct family {
	u8 kind;			/* enum gl_series */
	const char *name;
	const char *help;
	u32 labels;
	const char *why_label;
	const char *const *words;
	u32 words_n;
	bool zero;			/* stands at 0 for declared services */
} families[] = {
#define WHY(label, list) \
	.why_label = label, .words = list, .words_n = sizeof(list) / sizeof((list)[0])
	{ GL_SERIES_REQUESTS, "graylink_requests_total",
	  "Requests, by the lane that they belong to, the lane that served them, why they have their lane, and status.",
	  BY_SERVICE | BY_LANE | BY_SERVED | BY_WHY | BY_CODE, WHY("reason", reasons) },
	{ GL_SERIES_FAILURES, "graylink_request_failures_total",
	  "Requests that found no server or got no whole answer.", BY_SERVICE | BY_SERVED | BY_WHY,
	  WHY("cause", failures) },
	{ GL_SERIES_FALLBACKS, "graylink_fallbacks_total",
	  "Requests of a lane that base served instead.", BY_SERVICE | BY_LANE | BY_WHY,
	  WHY("cause", fallbacks) },
	{ GL_SERIES_LEGS_OPENED, "graylink_legs_opened_total",
	  "Connections opened to endpoints of a lane.", BY_SERVICE | BY_LANE, .zero = true },
	{ GL_SERIES_PINNED, "graylink_pinned_total",
	  "Connections that are no longer steered per request.", BY_SERVICE | BY_WHY,
	  WHY("cause", pins) },
	{ GL_SERIES_UNSTEERED, "graylink_unsteered_connections_total",
	  "Connections to services that were never steered.", BY_WHY, WHY("cause", unsteered) },
	{ GL_SERIES_DROPS, "graylink_drops_total",
	  "Packets of translated connections that were dropped; senders repeat them.", BY_WHY,
	  WHY("cause", drops) },
	{ GL_SERIES_COLOUR_LOST, "graylink_colour_lost_total",
	  "Requests whose lane may have been lost on the way.", BY_SERVICE | BY_WHY,
	  WHY("cause", fallbacks) },
	{ GL_SERIES_CROSSINGS, "graylink_crossings_total",
	  "Requests that reached a pod of another lane than theirs.", BY_SERVICE | BY_LANE | BY_WHY,
	  WHY("direction", directions) },
#undef WHY
};

/* One line to be: the key as its labels see it, and the sum. */
struct row {
	struct gl_series_key key;
	u64 value;
};

struct rows {
	struct row *row;
	u32 n;
};

static void write_service(struct gl_observe *o, FILE *f, char *sep, u32 id)
{
	const char *name, *namespace = "";
	char number[16];

	if (!o->names.service || !o->names.service(o->names.ctx, id, &name, &namespace)) {
		snprintf(number, sizeof(number), "id-%u", id);
		name = id ? number : "unknown";
	}
	gl_text_label(f, sep, "destination_service_name", name);
	gl_text_label(f, sep, "destination_service_namespace", namespace);
}

static void write_lane(struct gl_observe *o, FILE *f, char *sep, const char *label, u32 id)
{
	const char *name = o->names.lane && id != GL_LANE_BASE ? o->names.lane(o->names.ctx, id) :
								 NULL;
	char number[16];

	snprintf(number, sizeof(number), "id-%u", id);
	gl_text_label(f, sep, label, id == GL_LANE_BASE ? "base" : name ? name : number);
}

static void write_row(struct gl_observe *o, FILE *f, const struct family *fam,
		      const struct row *row)
{
	const struct gl_series_key *k = &row->key;
	char sep = '{', code[8] = "none";

	fputs(fam->name, f);
	if (fam->labels & BY_SERVICE)
		write_service(o, f, &sep, k->service);
	if (fam->labels & BY_LANE)
		write_lane(o, f, &sep, "lane", k->lane);
	if (fam->labels & BY_SERVED)
		write_lane(o, f, &sep, "served_by", k->served);
	if (fam->labels & BY_WHY)
		gl_text_label(f, &sep, fam->why_label,
			      k->why < fam->words_n ? fam->words[k->why] : "unknown");
	if (fam->labels & BY_CODE) {
		if (k->code)
			snprintf(code, sizeof(code), "%03u", k->code);
		gl_text_label(f, &sep, "code", code);
	}
	fprintf(f, "} %llu\n", (unsigned long long)row->value);
}

static int compare_rows(const void *a, const void *b)
{
	const struct gl_series_key *x = &((const struct row *)a)->key,
				   *y = &((const struct row *)b)->key;
	const u32 xs[] = { x->service, x->lane, x->served, x->why, x->code };
	const u32 ys[] = { y->service, y->lane, y->served, y->why, y->code };
	size_t i;

	for (i = 0; i < sizeof(xs) / sizeof(xs[0]); i++)
		if (xs[i] != ys[i])
			return xs[i] < ys[i] ? -1 : 1;
	return 0;
}

static void add_row(struct rows *rows, const struct family *fam, const struct gl_series_key *key,
		    u64 value)
{
	struct row *row = &rows->row[rows->n++];

	memset(row, 0, sizeof(*row));
	row->value = value;
	if (fam->labels & BY_SERVICE)
		row->key.service = key->service;
	if (fam->labels & BY_LANE)
		row->key.lane = key->lane;
	if (fam->labels & BY_SERVED)
		row->key.served = key->served;
	if (fam->labels & BY_WHY)
		row->key.why = key->why;
	if (fam->labels & BY_CODE)
		row->key.code = key->code;
}

/* Sorts, and sums rows that look alike. */
static void merge_rows(struct rows *rows)
{
	u32 i, n = 0;

	qsort(rows->row, rows->n, sizeof(rows->row[0]), compare_rows);
	for (i = 0; i < rows->n; i++) {
		if (n && !compare_rows(&rows->row[n - 1], &rows->row[i]))
			rows->row[n - 1].value += rows->row[i].value;
		else
			rows->row[n++] = rows->row[i];
	}
	rows->n = n;
}

/* Calls add_row with 0 for every service of every release in base and the release's lane. */
static void add_declared(struct gl_observe *o, struct rows *rows, const struct family *fam)
{
	const struct gl_tracked *t;
	u32 r, s;

	for (r = 0; r < o->releases_n; r++) {
		t = &o->releases[r];
		for (s = 0; s < t->services_n; s++) {
			struct gl_series_key key = { .service = t->services[s].service,
						     .lane = t->lane };

			add_row(rows, fam, &key, 0);
		}
	}
}

static u32 declared_count(const struct gl_observe *o)
{
	u32 r, n = 0;

	for (r = 0; r < o->releases_n; r++)
		n += o->releases[r].services_n;
	return n;
}

static void write_family(struct gl_observe *o, FILE *f, const struct family *fam, struct rows *rows)
{
	const struct gl_total *t;
	u32 i;

	rows->n = 0;
	for (i = 0; i < o->totals.size; i++) {
		t = o->totals.slots[i];
		if (t && t->key.kind == fam->kind)
			add_row(rows, fam, &t->key, t->value);
	}
	if (fam->zero)
		add_declared(o, rows, fam);
	merge_rows(rows);
	if (!rows->n)
		return;
	gl_text_head(f, fam->name, "counter", fam->help);
	for (i = 0; i < rows->n; i++)
		write_row(o, f, fam, &rows->row[i]);
}

/* Open connections: opened minus closed. */
static void write_connections(struct gl_observe *o, FILE *f, struct rows *rows)
{
	static const struct family fam = { .name = "graylink_connections", .labels = BY_SERVICE };
	const struct gl_total *t;
	u32 i;

	rows->n = 0;
	for (i = 0; i < o->totals.size; i++) {
		t = o->totals.slots[i];
		if (t && t->key.kind == GL_SERIES_CONNS_OPENED)
			add_row(rows, &fam, &t->key, t->value);
		else if (t && t->key.kind == GL_SERIES_CONNS_CLOSED)
			add_row(rows, &fam, &t->key, -t->value);
	}
	add_declared(o, rows, &fam);
	merge_rows(rows);
	if (rows->n)
		gl_text_head(f, fam.name, "gauge",
			     "Connections to a service that graylink follows now.");
	for (i = 0; i < rows->n; i++) {
		/* the two totals are read one after the other: a close may be seen before its opening */
		if ((s64)rows->row[i].value < 0)
			rows->row[i].value = 0;
		write_row(o, f, &fam, &rows->row[i]);
	}
}

/* ---- histograms and volumes ---- */

static int compare_volumes(const void *a, const void *b)
{
	const struct gl_latency_key *x = &(*(struct gl_volume *const *)a)->key;
	const struct gl_latency_key *y = &(*(struct gl_volume *const *)b)->key;

	if (x->service != y->service)
		return x->service < y->service ? -1 : 1;
	if (x->lane != y->lane)
		return x->lane < y->lane ? -1 : 1;
	return x->served < y->served ? -1 : x->served > y->served;
}

static void write_volume_labels(struct gl_observe *o, FILE *f, char *sep,
				const struct gl_latency_key *key)
{
	write_service(o, f, sep, key->service);
	write_lane(o, f, sep, "lane", key->lane);
	write_lane(o, f, sep, "served_by", key->served);
}

static void write_histogram(struct gl_observe *o, FILE *f, const char *name,
			    const struct gl_latency_key *key, const u64 *counts, u64 sum_ns)
{
	u64 below = 0;
	char sep, le[16];
	u32 i;

	for (i = 0; i < GL_LATENCY_BUCKETS; i++) {
		below += counts[i];
		sep = '{';
		snprintf(le, sizeof(le), "%g",
			 i < GL_LATENCY_BUCKETS - 1 ? (double)gl_observe_bounds_us[i] / 1e6 : 0);
		fprintf(f, "%s_bucket", name);
		write_volume_labels(o, f, &sep, key);
		gl_text_label(f, &sep, "le", i < GL_LATENCY_BUCKETS - 1 ? le : "+Inf");
		fprintf(f, "} %llu\n", (unsigned long long)below);
	}
	sep = '{';
	fprintf(f, "%s_sum", name);
	write_volume_labels(o, f, &sep, key);
	fprintf(f, "} %llu.%09llu\n", (unsigned long long)(sum_ns / 1000000000),
		(unsigned long long)(sum_ns % 1000000000));
	sep = '{';
	fprintf(f, "%s_count", name);
	write_volume_labels(o, f, &sep, key);
	fprintf(f, "} %llu\n", (unsigned long long)below);
}

static void write_bytes(struct gl_observe *o, FILE *f, const char *name,
			const struct gl_latency_key *key, u64 bytes)
{
	char sep = '{';

	fputs(name, f);
	write_volume_labels(o, f, &sep, key);
	fprintf(f, "} %llu\n", (unsigned long long)bytes);
}

static int write_volumes(struct gl_observe *o, FILE *f)
{
	struct gl_volume **v = malloc((o->volumes.n + 1) * sizeof(*v));
	u32 i, n = 0;

	if (!v)
		return -ENOMEM;
	for (i = 0; i < o->volumes.size; i++)
		if (o->volumes.slots[i])
			v[n++] = o->volumes.slots[i];
	qsort(v, n, sizeof(*v), compare_volumes);
	if (n)
		gl_text_head(f, "graylink_request_duration_seconds", "histogram",
			     "Time from the head of a request to the last byte of its response.");
	for (i = 0; i < n; i++)
		write_histogram(o, f, "graylink_request_duration_seconds", &v[i]->key,
				v[i]->sum.duration, v[i]->sum.duration_ns);
	if (n)
		gl_text_head(
			f, "graylink_first_byte_seconds", "histogram",
			"Time from the head of a request to the first byte of its final response.");
	for (i = 0; i < n; i++)
		write_histogram(o, f, "graylink_first_byte_seconds", &v[i]->key,
				v[i]->sum.first_byte, v[i]->sum.first_byte_ns);
	if (n)
		gl_text_head(f, "graylink_request_bytes_total", "counter",
			     "Bytes of requests, heads included.");
	for (i = 0; i < n; i++)
		write_bytes(o, f, "graylink_request_bytes_total", &v[i]->key,
			    v[i]->sum.request_bytes);
	if (n)
		gl_text_head(f, "graylink_response_bytes_total", "counter",
			     "Bytes of responses, heads included.");
	for (i = 0; i < n; i++)
		write_bytes(o, f, "graylink_response_bytes_total", &v[i]->key,
			    v[i]->sum.response_bytes);
	free(v);
	return 0;
}

int gl_observe_metrics(struct gl_observe *o, char **ret_text, size_t *ret_len)
{
	FILE *f = open_memstream(ret_text, ret_len);
	struct rows rows = { .row = calloc(o->totals.n + declared_count(o) + 1,
					   sizeof(struct row)) };
	bool failed = !f || !rows.row;
	u32 i;

	if (!failed) {
		gl_observe_write_agent(o, f);
		gl_observe_write_releases(o, f);
		for (i = 0; i < sizeof(families) / sizeof(families[0]); i++)
			write_family(o, f, &families[i], &rows);
		write_connections(o, f, &rows);
		failed = write_volumes(o, f) || ferror(f);
	}
	if (f && fclose(f))
		failed = true;
	free(rows.row);
	if (!failed)
		return 0;
	if (f)
		free(*ret_text);
	*ret_text = NULL;
	return -ENOMEM;
}
