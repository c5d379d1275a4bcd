#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Batches of 5, 30 and 100 %: with 100,000 requests each, the share that gray served is within 4 sigma of the weight. With
# a sticky header the share of users is, and no user ever goes back while the weight grows.
# shellcheck source-path=SCRIPTDIR source=../lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh"
need jq
n=${REQUESTS:-100000}
users=10000

pair | lab_up
services
agent
BATCHES='[{weight: 5}, {weight: 30}]' release | apply
for weight in 5 30 100; do
	load "random-$weight" client -n "$n" -c 8 --seed "$weight" "$(url svc/b)"
	assert_share "$(result "random-$weight" '.versions.v2 // 0')" "$n" $weight
	[ $weight = 100 ] || ctl next shop-v2
done
assert_eq "$(metric graylink_requests_total reason=ratio)" "$(metric graylink_requests_total served_by=v2)" "by ratio"
assert_eq "$(metric graylink_requests_total)" $((3 * n)) "counted in all"
ctl delete shop-v2 --force

# A user is on one side at the first request already; 6 requests per user and batch.
STICKY='[{header: x-user-id}]' BATCHES='[{weight: 5}, {weight: 30}]' release | apply
: >"$scratch/users"
for weight in 5 30 100; do
	load "sticky-$weight" client -n $((users * 6)) -c 8 --seed "1$weight" -H 'x-user-id: u{user}' --users $users \
		--gray-version v2 --users-in "$scratch/users" --users-out "$scratch/users-$weight" "$(url svc/b)"
	moved=$(wc -l <"$scratch/users-$weight")
	seen=$users
	echo "users on gray at $weight %: $moved of $seen"
	# A few users (e^-6) were never asked in this run.
	[ $weight = 100 ] || assert_share "$moved" "$seen" $weight
	mv "$scratch/users-$weight" "$scratch/users"
	[ $weight = 100 ] || ctl next shop-v2
done
assert_eq "$(result sticky-100 '.versions.v1 // 0')" 0 "requests to base at 100 %"
