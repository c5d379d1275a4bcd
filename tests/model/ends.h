/* SPDX-License-Identifier: Apache-2.0 */
/* ends: the TCPs of the model's world: a client and its servers, as RFC 9293 and 5961 have them, without windows and clocks. */
#ifndef TESTS_MODEL_ENDS_H
#define TESTS_MODEL_ENDS_H

#include "model/world.h"

void ends_begin(struct world *w);
void world_require(bool ok, const char *what);

/* A queue ran over: what led there is not walked. */
extern bool world_full;

void queue_put(struct queue *q, const struct wire *wire);
struct wire queue_pop(struct queue *q);

/* Each makes the packet, if the client would send such a one now. */
bool client_syn(struct world *w, struct wire *ret);
bool client_send(struct world *w, u32 arg, struct wire *ret);
bool client_ack(struct world *w, struct wire *ret);
bool client_again(struct world *w, u32 len, struct wire *ret);
bool client_fin(struct world *w, struct wire *ret);
bool client_abort(struct world *w, struct wire *ret);
bool client_rst(struct world *w, struct wire *ret);

/* The client has waited long enough for its server's FIN. */
bool client_forget(struct world *w);

/* Has the client no reason to keep the connection? */
bool client_at_end(const struct world *w);
void client_take(struct world *w, const struct wire *wire);

/* Each puts a packet into from[peer]. */
void server_take(struct world *w, u32 peer, const struct wire *wire);
bool server_refuse(struct world *w, u32 peer, const struct wire *wire);
bool server_answer(struct world *w, u32 peer, u32 len);
bool server_ack(struct world *w, u32 peer);
bool server_again(struct world *w, u32 peer);
bool server_fin(struct world *w, u32 peer, bool unasked);
bool server_rst(struct world *w, u32 peer);
bool server_at_end(const struct world *w, u32 peer);

#endif
