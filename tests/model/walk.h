/* SPDX-License-Identifier: Apache-2.0 */
/* walk: visits every state of a small world, breadth first, and looks for states from which it cannot come to its end. */
#ifndef TESTS_MODEL_WALK_H
#define TESTS_MODEL_WALK_H

#include "model/world.h"

#define WALK_STATES	(1U << 22)	/* at most: a walk that finds more has failed */

struct walk_result {
	u32 states;
	u32 ends;	/* of them, where everything is over */
	u32 swept;	/* where the client is done and only the agent's sweeper ends the state */
	u32 depth;
	u64 steps;
	bool ok;
};

/* Walks @plan. The first counterexample goes to stdout as a trace. */
struct walk_result walk(const struct plan *plan);

#endif
