/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pkt_rig: the programs of bpf/steer.bpf.c, with a policy, in a network namespace of their own. Packets are handed to
 * from_pod and to_pod by BPF_PROG_TEST_RUN; what they make of the packet comes back, and clones are caught on the device.
 * The process must be root; rig_start() says so where it is not.
 */
#ifndef TESTS_PROG_PKT_RIG_H
#define TESTS_PROG_PKT_RIG_H

#include "core/step.h"
#include "graylink/abi.h"
#include "graylink/conn.h"
#include "prog/pkt.h"

/* What a program returns. */
enum { RIG_PASS = -1, RIG_DROP = 2, RIG_REDIRECT = 7 };

/* Header lines of requests: x-lane: v2 is gray in the rig's policy. */
#define RIG_GRAY "GET / HTTP/1.1\r\nHost: web\r\nx-lane: v2\r\n\r\n"
#define RIG_BASE "GET / HTTP/1.1\r\nHost: web\r\n\r\n"
#define RIG_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

struct rig;

/* cmocka's setup and teardown of a group. *state is the rig, or NULL without the rights that it needs. */
int rig_start(void **state);
int rig_stop(void **state);

/* Skips the test if there is no rig; else everything is as at the start, and the packets to come are of this family. */
struct rig *rig_begin(void **state, bool v6);

/* Policy: endpoints of lane v2 are GRAY and, with @two, GRAY2. @extra is put behind the service's addresses. */
void rig_policy(struct rig *rig, bool two, const char *extra);
/* One more release. */
void rig_release(struct rig *rig, const char *text);
/* Percent of requests that go to v2 unasked; more than 50: new connections, too. */
void rig_weight(struct rig *rig, uint32_t percent);

/* Hands @pkt to from_pod (if it is from POD) or to_pod. Returns what the program returned. */
int rig_run(struct rig *rig, const struct pkt *pkt);
/* The mark of the next packets, and what it was when the last one came out. */
void rig_mark(struct rig *rig, uint32_t mark);
uint32_t rig_mark_out(const struct rig *rig);

/* The last packet came out as @want. */
void rig_expect(struct rig *rig, const struct pkt *want);
/* It came out as it went in. */
void rig_expect_same(struct rig *rig);
/* The next clone that it left was @want; each must be asked for before the next rig_run(). */
void rig_expect_clone(struct rig *rig, const struct pkt *want);

/* Both: run @pkt, which must return @verdict and come out as @want (NULL: as it went in; not looked at if dropped). */
void rig_case(struct rig *rig, const struct pkt *pkt, int verdict, const struct pkt *want);

/* Sum of all series of this kind and cause; -1: any cause. */
uint64_t rig_count(const struct rig *rig, uint8_t kind, int why);

/* The connection from POD to FRONT with the pod's port @sport (0: 40000); false: none. */
bool rig_conn(const struct rig *rig, uint16_t sport, struct gl_conn *ret);
uint32_t rig_conns(const struct rig *rig);
uint32_t rig_tuples(const struct rig *rig);
/* Slots that are not free. */
uint32_t rig_slots(const struct rig *rig);

/* Emptied: no slot is to be had. */
void rig_no_slots(struct rig *rig);
/* The agent's word to all programs. */
void rig_controls(struct rig *rig, const struct gl_controls *controls);
/* How many connections and slots the veth is said to hold. */
void rig_veth(struct rig *rig, uint32_t conns, uint32_t slots);
/* Another connection's claim of the pod's tuple towards @side. */
void rig_claim(struct rig *rig, enum pkt_side side);
/* The endpoint @side has failed just now; or has not. */
void rig_fail(struct rig *rig, enum pkt_side side, bool failed);
/* The opening leg of the connection was opened @ms earlier. */
void rig_age(struct rig *rig, uint32_t ms);

/* As rig_run(), for a packet of which only the cost is of interest: ns of this run. */
uint32_t rig_cost(struct rig *rig, const struct pkt *pkt);

#endif
