#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Attaching and detaching under load disturbs no connection that was never translated; detached, everything is base; when
# the last release is deleted or the agent is told to leave, nothing is left on the interfaces.
# shellcheck source-path=SCRIPTDIR source=../lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh"
need jq python3
n=${REQUESTS:-20000}
colours=(--gray 'x-beta: 1' --gray-version v2 --base-version v1)

pair | lab_up
services
assert_eq "$(attached)" "" "programs before the agent"
agent
release | apply
[ -n "$(attached)" ] || fail "no program is attached while a release steers"
load attached client -n 1000 -c 4 "${colours[@]}" "$(url svc/b)"

load_start plain client -n "$n" -c 8 --rate 8000 --base-version v1 "$(url svc/b)"
for round in 1 2 3; do
	load_passes plain $((round * n / 10))
	ctl detach --all
	assert_eq "$(attached)" "" "programs after detach, round $round"
	load "detached-$round" client -n 500 -c 4 --gray 'x-beta: 1' --gray-version v1 --base-version v1 "$(url svc/b)"
	ctl attach v-client
	[ "$(attached | grep -c v-client)" -ge 2 ] || fail "not on both sides of v-client, round $round: $(attached)"
	load "attached-$round" client -n 500 -c 4 "${colours[@]}" "$(url svc/b 6)"
done
load_end plain

assert_refused ctl attach no-such-if
assert_refused ctl delete shop-v2
ctl delete shop-v2 --force
nothing_attached() { [ -z "$(attached)" ]; }
wait_for 20 "the programs to go when no release is left" nothing_attached
load deleted client -n 500 -c 4 --gray 'x-beta: 1' --gray-version v1 --base-version v1 "$(url svc/b)"

# A release again, and an agent that ends: its programs stay (it may come back); down removes them.
release | apply
[ -n "$(attached)" ] || fail "no program is attached for the second release"
stop graylinkd
load gone client -n 500 -c 4 "${colours[@]}" "$(url svc/b)"
tools/lab/lab down "$prefix"
[ ! -e "/sys/fs/bpf/$prefix" ] || fail "pins are left"
[ ! -e "/run/netns/$prefix-node" ] || fail "namespaces are left"
