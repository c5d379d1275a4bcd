#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Connections that are older than the release stay as they are: `apply` says how many there are, the metric counts each of
# them once, and none of them fails. Connections that came later are not among them.
# shellcheck source-path=SCRIPTDIR source=../lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh"
need jq
n=${REQUESTS:-200}	# of each connection, 60 ms apart: long enough for what is asked meanwhile

# older: what `apply` says on its standard output
older() { release | ctl -o json apply -f - | jq -c .olderConnections; }

pair | lab_up
services
agent
# Each keeps its connections open for as long as it has requests to send.
load_start old client -n $((n * 8)) -c 8 --think 60 --gray 'x-beta: 1' --gray-version v1 --base-version v1 "$(url svc/b)"
load_start old6 client -n $((n * 5)) -c 5 --think 60 --gray 'x-beta: 1' --gray-version v1 --base-version v1 "$(url svc/b 6)"
# A connection to the pod itself is not one to a frontend.
load_start direct client -n $((n * 3)) -c 3 --think 60 --base-version v1 "$(url b-base 4 8080)"
for name in old old6 direct; do
	load_passes $name 20
done

release | apply 2>"$scratch/apply.err"
grep -q '^13 connections are older than attach' "$scratch/apply.err" || fail "apply said: $(cat "$scratch/apply.err")"
assert_eq "$(metric graylink_unsteered_connections_total cause=older)" 13 "older connections counted"

# New connections are steered, and known; the old ones are told of again, and not counted again.
load_start new client -n $((n * 2)) -c 6 --think 20 --gray 'x-beta: 1' --gray-version v2 --base-version v1 "$(url svc/b)"
load_passes new 100
assert_eq "$(older)" 13 "older connections beside new ones"
assert_eq "$(metric graylink_unsteered_connections_total cause=older)" 13 "older connections counted once"
for name in old old6 direct new; do
	load_end $name
done

none_left() { [ "$(older)" = 0 ]; }
wait_for 10 "the old connections to be closed" none_left
assert_eq "$(metric graylink_unsteered_connections_total cause=older)" 13 "older connections counted for good"
