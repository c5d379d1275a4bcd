// SPDX-License-Identifier: Apache-2.0
/*
 * fuzz_rule: a small policy and a head, both out of the input; the decision is that of a reference
 * which splits the head into strings and walks the policy's matches one by one, and it does not
 * change with the bytes behind the head.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/colour.h"
#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TEXT	8192
/* Ends one head of the input; no head that is accepted holds it. */
#define HEAD_END 0xfe
/* Stands, with the byte behind it, for a condition of the policy as header lines. */
#define CONDITION 0x01

/* The input, byte by byte; 0 when it has ended. */
struct input {
	const uint8_t *at, *end;
};

static unsigned int take(struct input *input, unsigned int below)
{
	return input->at < input->end ? *input->at++ % below : 0;
}

/* The policy ---------------------------------------------------------------------------------- */

static const char *const names[] = { "x-a", "X-B", "x-c", "cookie", "baggage" };
static const char *const keys[] = { "{header: x-a}", "{cookie: uid}", "{cookie: a}",
				    "{header: x-c}" };
static const char *const label_texts[] = { "baggageKey: graylink", "header: x-a",
					   "baggageKey: graylink, trust: [10.0.0.1/32]",
					   "header: x-c, trust: []" };

static void write_value(struct input *input, FILE *out)
{
	static const char letters[] = "ab,1;= ";
	unsigned int len = take(input, 10), i;

	fputc('v', out);
	for (i = 0; i < len; i++)
		fputc(letters[take(input, 7)], out);
	fputc('x', out);
}

static void write_matches(struct input *input, FILE *out)
{
	unsigned int count = take(input, 8), i, j;

	for (i = 0; i < count; i++) {
		unsigned int first = take(input, 5), headers = 1 + take(input, 3);

		fprintf(out, "%s{%sheaders: [", i ? ", " : ", match: [",
			take(input, 4) ? "" : "lane: base, ");
		for (j = 0; j < headers; j++) {
			fprintf(out, "%s{name: %s, ", j ? ", " : "", names[(first + j) % 5]);
			if (take(input, 3)) {
				fputs("value: \"", out);
				write_value(input, out);
				fputs("\"}", out);
			} else {
				fputs("type: Present}", out);
			}
		}
		fputs("]}", out);
	}
	fputs(count ? "]" : "", out);
}

static void write_release(struct input *input, FILE *out, unsigned int number)
{
	unsigned int sticky = take(input, 4);

	fprintf(out,
		"---\napiVersion: graylink.dev/v1alpha1\nkind: GrayRelease\nmetadata: {name: v%u}\n"
		"spec:\n  label: {%s}\n  batches: [{weight: %u}]\n  services:\n"
		"  - {name: web, frontends: [\"10.96.0.1:80\"], gray: {addresses: [\"10.77.%u.1:80\"]}}\n"
		"  - {name: cart, frontends: [\"10.96.0.2:80\"], gray: {addresses: [\"10.77.%u.2:80\"]}}\n"
		"  entries: [{service: web, sticky: [%s, %s]",
		number, label_texts[take(input, 4)], take(input, 51), number, number, keys[sticky],
		keys[(sticky + 1) % 4]);
	write_matches(input, out);
	fputs("}]\n", out);
}

/* The head, as strings ------------------------------------------------------------------------ */

struct text {
	const char *at;
	size_t len;
};

struct line {
	struct text name, value;
};

struct lines {
	struct line list[256];
	size_t count;
};

static struct text trim(struct text text)
{
	while (text.len && (*text.at == ' ' || *text.at == '\t')) {
		text.at++;
		text.len--;
	}
	while (text.len && (text.at[text.len - 1] == ' ' || text.at[text.len - 1] == '\t'))
		text.len--;
	return text;
}

/* Cuts @text at the first @c: returns what is before, leaves what is behind. */
static struct text cut(struct text *text, char c, bool *found)
{
	const char *at = memchr(text->at, c, text->len);
	struct text ret = *text;

	*found = at;
	if (!at) {
		text->at += text->len;
		text->len = 0;
		return ret;
	}
	ret.len = (size_t)(at - text->at);
	text->at = at + 1;
	text->len -= ret.len + 1;
	return ret;
}

static bool same(struct text text, const char *other)
{
	return text.len == strlen(other) && !memcmp(text.at, other, text.len);
}

static bool split(const char *head, size_t len, struct lines *lines)
{
	struct text rest = { head, len };
	bool found;

	cut(&rest, '\n', &found);
	for (lines->count = 0; rest.len > 2; lines->count++) {
		struct text line = cut(&rest, '\n', &found);

		if (lines->count == 256)
			return false;
		line.len--;
		lines->list[lines->count].name = cut(&line, ':', &found);
		lines->list[lines->count].value = trim(line);
	}
	return true;
}

static bool named(const struct line *line, const char *name)
{
	return line->name.len == strlen(name) && !strncasecmp(line->name.at, name, line->name.len);
}

/* All lines of a name, joined; false: there is none. */
static bool joined(const struct lines *lines, const char *name, char *out)
{
	bool found = false;
	size_t i;

	*out = '\0';
	for (i = 0; i < lines->count; i++) {
		if (!named(&lines->list[i], name))
			continue;
		if (found)
			strcat(out, ",");
		strncat(out, lines->list[i].value.at, lines->list[i].value.len);
		found = true;
	}
	return found;
}

/* The reference ------------------------------------------------------------------------------- */

struct answer {
	const char *lane;
	u8 reason;
	u16 rule;
};

static bool match_holds(const struct gl_match_spec *match, const struct lines *lines)
{
	static char value[GL_HEAD_MAX * 2];
	size_t i;

	for (i = 0; i < match->count; i++) {
		if (!joined(lines, match->headers[i].name, value))
			return false;
		if (match->headers[i].type == GL_MATCH_EXACT &&
		    strcmp(value, match->headers[i].value))
			return false;
	}
	return true;
}

/*
 * The next member called @key of all lines called @name, from number *n on; only so many are looked
 * at.
 */
static bool member(const struct lines *lines, const char *name, const char *key, char delimiter,
		   size_t *n, struct text *ret)
{
	size_t seen = 0, looked = 0, i;
	bool more, equals, found;

	for (i = 0; i < lines->count; i++) {
		struct text rest = lines->list[i].value;

		for (more = named(&lines->list[i], name); more;) {
			struct text one = cut(&rest, delimiter, &more), left;

			if (trim(one).len && ++looked > GL_MEMBER_MAX)
				return false;
			if (delimiter == ',')
				one = cut(&one, ';', &found);
			left = cut(&one, '=', &equals);
			if (!equals || !same(trim(left), key) || seen++ < *n)
				continue;
			*n += 1;
			*ret = trim(one);
			return true;
		}
	}
	return false;
}

static bool label_counts(const struct gl_release_spec *release, struct text value, bool entry,
			 bool trusted_client)
{
	bool trusted = release->label.trust_given ? release->label.ntrust && trusted_client :
						    !entry;

	return same(value, release->lane) && trusted;
}

static const char *reference_label(const struct gl_policy *policy, const struct lines *lines,
				   bool entry, bool trusted_client)
{
	const char *lane = NULL;
	size_t i, n;

	for (i = 0; i < policy->count; i++) {
		const struct gl_release_spec *release = &policy->releases[i];
		struct text value;

		for (n = 0; release->label.header && n < lines->count; n++) {
			if (!named(&lines->list[n], release->label.header) ||
			    !label_counts(release, lines->list[n].value, entry, trusted_client))
				continue;
			if (lane && strcmp(lane, release->lane))
				return NULL;
			lane = release->lane;
		}
		for (n = 0; release->label.baggage_key &&
			    member(lines, "baggage", "graylink", ',', &n, &value);) {
			if (!label_counts(release, value, entry, trusted_client))
				continue;
			if (lane && strcmp(lane, release->lane))
				return NULL;
			lane = release->lane;
		}
	}
	return lane;
}

static u32 reference_share(const struct gl_entry_spec *entry, const struct lines *lines, u32 random)
{
	static struct gl_head_buf scratch;
	const struct line *parent = NULL;
	struct text value;
	size_t i, n, count = 0;

	for (i = 0; i < entry->nsticky; i++) {
		bool found = false;

		n = 0;
		value.len = 0;
		if (entry->sticky[i].kind == GL_STICKY_COOKIE)
			found = member(lines, "cookie", entry->sticky[i].name, ';', &n, &value);
		for (n = 0; entry->sticky[i].kind == GL_STICKY_HEADER && n < lines->count && !found;
		     n++) {
			found = named(&lines->list[n], entry->sticky[i].name);
			value = lines->list[n].value;
		}
		if (found && value.len)
			return gl_hash_millionths(gl_hash_share(value.at, (u32)value.len));
	}
	for (i = 0; i < lines->count; i++) {
		if (named(&lines->list[i], "traceparent")) {
			parent = &lines->list[i];
			count++;
		}
	}
	if (count == 1 && parent->value.len < 200) {
		memcpy(&scratch, parent->value.at, parent->value.len);
		if (gl_trace_valid(&scratch, 0, (u32)parent->value.len))
			return gl_hash_millionths(
				gl_hash_share(parent->value.at + GL_TRACE_ID_OFF, GL_TRACE_ID_LEN));
	}
	return (u32)((u64)random * GL_WEIGHT_ONE >> 32);
}

/* Releases are in the order of their names, which is that of their precedence. */
static struct answer reference(const struct gl_policy *policy, const struct lines *lines,
			       bool entry, unsigned int client, u32 random)
{
	const char *lane = reference_label(policy, lines, entry, client == 1);
	u32 share, below = 0;
	size_t i, j;

	if (lane)
		return (struct answer){ lane, GL_REASON_LABEL, 0 };
	if (client > 1 && client - 2 < policy->count)
		return (struct answer){ policy->releases[client - 2].lane, GL_REASON_ORIGIN, 0 };
	for (i = 0; entry && i < policy->count; i++) {
		const struct gl_entry_spec *spec = &policy->releases[i].entries[0];

		for (j = 0; j < spec->nmatches; j++)
			if (match_holds(&spec->matches[j], lines))
				return (struct answer){ spec->matches[j].base ?
								"base" :
								policy->releases[i].lane,
							GL_REASON_RULE, (u16)(j + 1) };
	}
	/* The keys are those of the first release that has a weight. */
	for (i = 0; i < policy->count && !policy->releases[i].batches[0].weight_ppm; i++)
		;
	if (i == policy->count || !entry)
		return (struct answer){ "base", GL_REASON_DEFAULT, 0 };
	share = reference_share(&policy->releases[i].entries[0], lines, random);
	for (i = 0; i < policy->count; i++) {
		below += policy->releases[i].batches[0].weight_ppm;
		if (share < below)
			return (struct answer){ policy->releases[i].lane, GL_REASON_RATIO, 0 };
	}
	return (struct answer){ "base", GL_REASON_DEFAULT, 0 };
}

/* --------------------------------------------------------------------------------------------- */

static struct gl_image image;
static struct gl_head_buf buf;

/* Writes a condition of the policy as a header line; or, at its commas, as several. */
static void write_condition(const struct gl_policy *policy, unsigned int number, FILE *out)
{
	const struct gl_entry_spec *entry = &policy->releases[number % policy->count].entries[0];
	const struct gl_match_spec *match;
	const struct gl_header_spec *header;
	const char *at;

	if (!entry->nmatches)
		return;
	match = &entry->matches[number / 4 % entry->nmatches];
	header = &match->headers[number / 32 % match->count];
	fprintf(out, "%s: ", header->name);
	for (at = header->value ? header->value : ""; *at; at++) {
		if (*at == ',' && number & 2)
			fprintf(out, "\r\n%s:", header->name);
		else
			fputc(*at, out);
	}
	fputs("\r\n", out);
}

/*
 * A head out of the rest of the input, in which CONDITION and a byte stand for a condition of the
 * policy.
 */
static int write_head(const struct gl_policy *policy, struct input *input, char *text)
{
	FILE *out = fmemopen(text, TEXT, "w");
	long len;

	fputs("GET / HTTP/1.1\r\nHost: h\r\n", out);
	while (input->at < input->end) {
		if (*input->at != CONDITION) {
			fputc(*input->at++, out);
			continue;
		}
		input->at++;
		write_condition(policy, take(input, 256), out);
	}
	fputs("\r\n\r\n", out);
	fflush(out);
	len = ftell(out);
	fclose(out);
	return (int)len;
}

static void decide(const struct gl_policy *policy, const struct gl_ids *ids, struct input *input)
{
	static const char *const clients[] = { "10.0.0.2", "10.0.0.1", "10.77.0.1", "10.77.1.2" };
	unsigned int client = take(input, 4);
	bool entry = take(input, 4);
	struct gl_colour first = { .service =
					   gl_ids_service(ids, "default", entry ? "web" : "cart") },
			 second;
	struct gl_service_info info = { 0 };
	static struct lines lines;
	struct gl_head head;
	struct answer want;
	char text[TEXT];
	int len, got;

	first.random = take(input, 256) << 24;
	first.client.w[2] = htonl(0xffff);
	inet_pton(AF_INET, clients[client], &first.client.w[3]);
	len = write_head(policy, input, text);
	if (len <= 0 || len >= TEXT)
		return;
	gl_image_service(&image, first.service, &info);
	memset(&buf, 0, sizeof(buf));
	memcpy(&buf, text, (size_t)len);
	gl_head_start(&head, 0, info.interest);
	got = gl_head_scan(&buf, (u32)len, &head);
	if (got <= 0 || !split(text, (size_t)got, &lines))
		return;
	second = first;
	memset(&second.work, 0x5a, sizeof(second.work));
	memset(&second.member, 0xa5, sizeof(second.member));
	gl_colour_decide(&image, &buf, &head, &first);
	memset(buf.b + got, ';', sizeof(buf) - (size_t)got);
	gl_colour_decide(&image, &buf, &head, &second);
	want = reference(policy, &lines, entry, client, first.random);
	if (first.lane != second.lane || first.reason != second.reason ||
	    first.share != second.share || first.flags != second.flags ||
	    strcmp(gl_ids_lane_name(ids, first.lane), want.lane) || first.reason != want.reason ||
	    first.rule != want.rule) {
		fprintf(stderr, "%s\nlane %s, reason %u, rule %u; expected %s, %u, %u\n", text,
			gl_ids_lane_name(ids, first.lane), first.reason, first.rule, want.lane,
			want.reason, want.rule);
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, data + size };
	struct gl_policy *policy = NULL;
	const struct gl_policy *policies[1];
	struct gl_policy_set set = { .policies = policies, .npolicies = 1 };
	struct gl_ids *ids = gl_ids_new();
	struct gl_diag diag;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	unsigned int releases = 1 + take(&input, 2), i;

	for (i = 0; i < releases; i++)
		write_release(&input, out, i);
	fclose(out);
	gl_diag_init(&diag);
	if (gl_policy_parse("fuzz", text, len, &diag, &policy)) {
		fprintf(stderr, "%s\n", text);
		gl_diag_print(&diag, stderr);
		abort();
	}
	policies[0] = policy;
	/*
	 * Refused where the releases' sticky keys differ. One policy serves all heads of the input.
	 */
	if (!gl_policy_compile(&set, ids, &image, &diag)) {
		while (input.at < input.end) {
			const uint8_t *stop =
				memchr(input.at, HEAD_END, (size_t)(input.end - input.at));
			struct input one = { input.at, stop ? stop : input.end };

			decide(policy, ids, &one);
			if (!stop)
				break;
			input.at = stop + 1;
		}
	}
	gl_policy_free(policy);
	gl_ids_free(ids);
	gl_diag_free(&diag);
	free(text);
	return 0;
}
