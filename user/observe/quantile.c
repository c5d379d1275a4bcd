/* SPDX-License-Identifier: Apache-2.0 */
/* quantile: estimates from histograms; pure. */
#include <math.h>

#include "observe/state.h"

#define BOUND(us) us,
const u64 gl_observe_bounds_us[GL_LATENCY_BUCKETS - 1] = { GL_LATENCY_BOUNDS_US(BOUND) };

double gl_observe_quantile(const u64 counts[GL_LATENCY_BUCKETS], double q)
{
	u64 total = 0, before = 0;
	double rank, lower, upper;
	u32 i;

	for (i = 0; i < GL_LATENCY_BUCKETS; i++)
		total += counts[i];
	if (!total)
		return NAN;
	rank = q * (double)total;
	for (i = 0; i < GL_LATENCY_BUCKETS - 1; i++) {
		if (counts[i] && (double)(before + counts[i]) >= rank)
			break;
		before += counts[i];
	}
	if (i == GL_LATENCY_BUCKETS - 1)
		return (double)gl_observe_bounds_us[i - 1] / 1e6;
	lower = i ? (double)gl_observe_bounds_us[i - 1] / 1e6 : 0;
	upper = (double)gl_observe_bounds_us[i] / 1e6;
	return lower + (upper - lower) * (rank - (double)before) / (double)counts[i];
}
