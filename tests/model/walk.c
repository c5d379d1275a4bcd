// SPDX-License-Identifier: Apache-2.0
/*
 * walk: see walk.h. A state is known by a 64-bit hash (with 4 million states, two of them share one with a probability of
 * 2^-21). Only the states of two neighbouring depths are kept whole, without their zero words; for the rest it is known
 * from where they came, so that a trace is found by doing the same again.
 */
#include "model/walk.h"

#include <stdio.h>

#define WORDS		(sizeof(struct world) / 8)
#define TABLE		(WALK_STATES * 2)
#define NONE		0xffffffffU

_Static_assert(sizeof(struct world) % 8 == 0, "world");

/* States of one depth, one behind the other: index, bit mask of words that are not 0, the words. */
struct level {
	u64 *words;
	size_t n, room;
};

struct edge {
	u32 from, to;
};

struct walk {
	u64 *hash;		/* table of known states ... */
	u32 *index;		/* ... and their numbers */
	u32 *parent;
	u16 *action;
	u8 *over;
	struct edge *edge;	/* steps for which nothing must go wrong */
	size_t edges, edge_room;
	struct level now, next;
	struct walk_result result;
};

static void *need(void *p)
{
	if (!p) {
		perror("walk");
		exit(1);
	}
	return p;
}

static u64 hash_of(const struct world *w)
{
	const u64 *p = (const u64 *)w;
	u64 h = 0x9e3779b97f4a7c15ULL;

	for (size_t i = 0; i < WORDS; i++) {
		__uint128_t m = (__uint128_t)(h ^ p[i]) * 0xd6e8feb86659fd93ULL;

		h = (u64)m ^ (u64)(m >> 64) ^ (i + 1) * 0xa0761d6478bd642fULL;
	}
	return h ? h : 1;
}

static void level_put(struct level *level, const struct world *w, u32 index)
{
	const u64 *p = (const u64 *)w;
	u64 *mask;

	if (level->n + 1 + WORDS / 64 + 1 + WORDS > level->room) {
		level->room = level->room * 2 + 65536;
		level->words = need(realloc(level->words, level->room * 8));
	}
	level->words[level->n++] = index;
	mask = &level->words[level->n];
	memset(mask, 0, (WORDS / 64 + 1) * 8);
	level->n += WORDS / 64 + 1;
	for (size_t i = 0; i < WORDS; i++) {
		if (!p[i])
			continue;
		mask[i / 64] |= 1ULL << i % 64;
		level->words[level->n++] = p[i];
	}
}

/* The state at *@at, which moves on. Returns its number. */
static u32 level_get(const struct level *level, size_t *at, struct world *ret)
{
	u64 *p = (u64 *)ret;
	const u64 *mask = &level->words[*at + 1];
	u32 index = level->words[*at];

	*at += 1 + WORDS / 64 + 1;
	for (size_t i = 0; i < WORDS; i++)
		p[i] = mask[i / 64] >> i % 64 & 1 ? level->words[(*at)++] : 0;
	return index;
}

/* Number of a state; *ret_new: it was not known. */
static u32 find(struct walk *walk, const struct world *w, bool *ret_new)
{
	u64 h = hash_of(w);
	u32 at = h % TABLE;

	while (walk->hash[at] && walk->hash[at] != h)
		at = (at + 1) % TABLE;
	*ret_new = !walk->hash[at];
	if (*ret_new && walk->result.states < WALK_STATES) {
		walk->hash[at] = h;
		walk->index[at] = walk->result.states++;
		walk->over[walk->index[at]] = world_over(w) ? 1 : world_swept(w) ? 2 : 0;
		level_put(&walk->next, w, walk->index[at]);
	}
	return walk->index[at];
}

/* As bytes: every state is zeroed before it is filled, and its padding stays zero. */
static bool same(const struct world *a, const struct world *b)
{
	return !memcmp((const u8 *)a, (const u8 *)b, sizeof(*a));
}

/* Good steps from @w until there is none that leads to another state, @n at most. */
static void trace_on(struct world *w, u32 n)
{
	struct world next;
	u16 action;
	bool good;

	for (u32 i = 0; n && (action = world_action(i)) != 0xffff; i++) {
		next = *w;
		if (!world_do(&next, action, &good) || !good || same(&next, w))
			continue;
		*w = next;
		printf("  then %s\n", world_name(action));
		world_print(w);
		i = -1U;
		n--;
	}
}

/* How the world came to state @index, and then @last, if it is an action; else how it would go on. */
static void trace(const struct walk *walk, const struct plan *plan, u32 index, u16 last)
{
	u16 path[1000];
	u32 n = 0;
	struct world w;
	bool good;

	if (last != 0xffff)
		path[n++] = last;
	for (; walk->parent[index] != NONE && n < 1000; index = walk->parent[index])
		path[n++] = walk->action[index];
	world_begin(&w, plan);
	while (n--) {
		world_do(&w, path[n], &good);
		printf("  %s%s\n", world_name(path[n]), good ? "" : " *");
		world_print(&w);
	}
	if (last == 0xffff)
		trace_on(&w, 12);
}

static void expand(struct walk *walk, const struct plan *plan, const struct world *from, u32 index)
{
	struct world w;
	bool good, new;
	u32 to;
	u16 action;

	for (u32 i = 0; (action = world_action(i)) != 0xffff; i++) {
		w = *from;
		if (!world_do(&w, action, &good))
			continue;
		walk->result.steps++;
		if (world_broken) {
			if (walk->result.ok) {
				printf("%s: %s\n", plan->name, world_broken);
				trace(walk, plan, index, action);
			}
			walk->result.ok = false;
			world_broken = NULL;
			continue;
		}
		to = find(walk, &w, &new);
		if (new) {
			walk->parent[to] = index;
			walk->action[to] = action;
		}
		if (!good || to == index)
			continue;
		if (walk->edges == walk->edge_room) {
			walk->edge_room = walk->edge_room * 2 + 65536;
			walk->edge =
				need(realloc(walk->edge, walk->edge_room * sizeof(struct edge)));
		}
		walk->edge[walk->edges++] = (struct edge){ index, to };
	}
}

/*
 * From every state the end must be reached by good steps alone: marks backwards from the ends, then from those states that the
 * agent ends.
 */
static void check_exits(struct walk *walk, const struct plan *plan)
{
	u32 n = walk->result.states, *first = need(calloc(n + 2, 4)),
	    *list = need(malloc(walk->edges * 4 + 4));
	u32 *todo = need(malloc(n * 8 + 4)), head = 0, tail = 0, stuck = 0, example = NONE;

	for (size_t i = 0; i < walk->edges; i++)
		first[walk->edge[i].to + 2]++;
	for (u32 i = 2; i < n + 2; i++)
		first[i] += first[i - 1];
	for (size_t i = 0; i < walk->edges; i++)
		list[first[walk->edge[i].to + 1]++] = walk->edge[i].from;
	for (u8 how = 1; how <= 2; how++) {
		for (u32 i = 0; i < n; i++)
			if (walk->over[i] == how)
				todo[tail++] = i;
		if (how == 1)
			walk->result.ends = tail;
		else
			walk->result.swept = tail - head;
		while (head < tail) {
			u32 at = todo[head++];

			for (u32 k = first[at]; k < first[at + 1]; k++) {
				if (walk->over[list[k]] == 1 || walk->over[list[k]] == how)
					continue;
				walk->over[list[k]] = how;
				todo[tail++] = list[k];
			}
		}
	}
	for (u32 i = n; i-- > 0;)
		if (!walk->over[i]) {
			stuck++;
			example = i;
		}
	if (stuck) {
		printf("%s: %u states have no exit\n", plan->name, stuck);
		trace(walk, plan, example, 0xffff);
		walk->result.ok = false;
	}
	free(first);
	free(list);
	free(todo);
}

static void walk_free(struct walk *walk)
{
	free(walk->hash);
	free(walk->index);
	free(walk->parent);
	free(walk->action);
	free(walk->over);
	free(walk->edge);
	free(walk->now.words);
	free(walk->next.words);
}

struct walk_result walk(const struct plan *plan)
{
	struct walk walk = { .result.ok = true };
	struct level swap;
	struct world w;
	bool new;

	walk.hash = need(calloc(TABLE, 8));
	walk.index = need(malloc(TABLE * 4ULL));
	walk.parent = need(malloc(WALK_STATES * 4ULL));
	walk.action = need(malloc(WALK_STATES * 2ULL));
	walk.over = need(malloc(WALK_STATES));
	world_begin(&w, plan);
	walk.parent[find(&walk, &w, &new)] = NONE;
	while (walk.next.n && walk.result.states < WALK_STATES) {
		swap = walk.now;
		walk.now = walk.next;
		walk.next = swap;
		walk.next.n = 0;
		walk.result.depth++;
		for (size_t at = 0; at < walk.now.n;) {
			u32 index = level_get(&walk.now, &at, &w);

			expand(&walk, plan, &w, index);
		}
	}
	if (walk.result.states == WALK_STATES) {
		printf("%s: more than %u states\n", plan->name, WALK_STATES - 1);
		walk.result.ok = false;
	} else {
		check_exits(&walk, plan);
	}
	walk_free(&walk);
	return walk.result;
}
