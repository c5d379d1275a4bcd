#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One or two of a hundred packets are lost, before and behind graylink's programs and in both directions: still every answer
# is from the right pod and every byte of it is right.
# shellcheck source-path=SCRIPTDIR source=../lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh"
need jq
n=${REQUESTS:-2000}
colours=(--gray 'x-beta: 1' --gray-version v2 --base-version v1)

lose() {
	inside "$1" nft -f - <<-NFT
		table inet lossy {
			chain in { type filter hook $2 priority 10; meta l4proto tcp numgen random mod 1000 < $3 drop; }
		}
	NFT
}
found() { inside "$1" nft delete table inet lossy; }

check() {
	load "$1" client -n "$n" -c 8 --timeout 30 "${colours[@]}" "$(url svc/b)"
	load "$1-down" client -n $((n / 20)) -c 8 --timeout 30 --bytes 0,1k,100k,1m "${colours[@]}" "$(url svc/b 6)"
	load "$1-up" client -n $((n / 20)) -c 8 --timeout 30 --echo 0,1k,100k,1m "${colours[@]}" "$(url svc/b)"
}

gray_lab
# The node loses packets between the programs of both sides: requests and answers.
lose node forward 10
check node
found node
# The client loses answers that our programs have passed on; gray loses requests.
lose client input 15
check client
found client
lose b-gray input 15
check gray
found b-gray
assert_eq "$(metric graylink_fallbacks_total cause=refused)" 0 "refused"
assert_eq "$(metric graylink_pinned_total)" 0 "pinned connections"
