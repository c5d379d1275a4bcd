#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Rollback under load: once the command has returned, no request that begins later goes to gray. The load client publishes
# the number of its next request; what has a number from there on began later. `next` is the same in the other direction.
# shellcheck source-path=SCRIPTDIR source=../lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh"
need jq
n=${REQUESTS:-60000}
rate=10000

gray_lab
load_start under client -n "$n" -c 16 --rate $rate --gray 'x-beta: 1' "$(url svc/b)"
load_passes under $((n / 3))
ctl rollback shop-v2 --message "test"
border=$(load_seq under)
load_end under

awk -v border="$border" '
	$3 == "gray" && $6 == "v2" && $1 < border { before++ }
	$3 == "base" && $6 != "v1" { wrong++ }
	$1 >= border && $6 != "v1" { late++; if (!first) first = $0 }
	$1 >= border { after++ }
	END {
		printf "before: %d gray answers; after request %d: %d requests, %d of them gray; %d of base misled\n",
			before, border, after, late, wrong
		if (first) print "first late one: " first
		exit !(before > 1000 && after > 1000 && !late && !wrong)
	}' "$scratch/under.log" || fail "a request that began after the rollback went to gray, or too few were seen"
assert_eq "$(ctl -o json status shop-v2 | jq -r '.state // .releases[0].state')" RolledBack "state"
gray=$(awk '$6 == "v2"' "$scratch/under.log" | wc -l)
assert_eq "$(served b-gray)" "$gray" "requests in the gray pod's log"

# An unchanged spec after a rollback stays rolled back; retry starts it again.
release | apply
load still client -n 500 -c 4 --gray 'x-beta: 1' --gray-version v1 --base-version v1 "$(url svc/b)"
ctl retry shop-v2
load again client -n 500 -c 4 --gray 'x-beta: 1' --gray-version v2 --base-version v1 "$(url svc/b)"
