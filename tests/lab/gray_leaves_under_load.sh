#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The gray pod ends in order while requests flow, as a rolling update does it, and comes back: no request fails and none is
# sent twice. Then it stops answering at all, or is unreachable: base serves, after a bounded wait.
# shellcheck source-path=SCRIPTDIR source=../lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh"
need jq
n=${REQUESTS:-20000}

gray_again() {
	rm -f "$run/ready-b-gray"
	start b-gray b-gray "$build/svc" --name b --version v2 --pod b-gray --listen 8080 --log "$run/logs/b-gray.requests" \
		--ready "$run/ready-b-gray"
	wait_for 10 "the gray pod" test -e "$run/ready-b-gray"
}

gray_lab
# A connection whose active leg ends is closed by its server and opened anew, as it would be without graylink.
load_start leaves client -n "$n" -c 8 --rate 5000 --allow-reopen --gray 'x-beta: 1' --base-version v1 "$(url svc/b)"
for round in 1 2 3; do
	load_passes leaves $((round * n / 5))
	stop b-gray
	load_passes leaves $((round * n / 5 + n / 10))
	gray_again
done
load_end leaves
assert_ge "$(result leaves '.versions.v2 // 0')" $((n / 20)) "requests that gray served"
assert_ge "$(metric graylink_fallbacks_total lane=v2)" 100 "fallbacks"
assert_eq "$(cut -f4 "$run"/logs/b-*.requests | sort -n | uniq -d | wc -l)" 0 "requests that were served twice"
assert_eq "$(served b-gray)" "$(metric graylink_requests_total served_by=v2)" "gray, served and counted"
assert_eq "$(served b-base)" "$(metric graylink_requests_total served_by=base)" "base, served and counted"

# ready: nothing in backoff
ready() { [ "$(ctl -o json get endpoints | jq '[.items[] | select(.health != "ready")] | length')" = 0 ]; }
wait_for 30 "the endpoints to be tried again" ready
colours=(--gray 'x-beta: 1' --gray-version v1 --base-version v1)
inside b-gray nft -f - <<-NFT
	table inet silent {
		chain in { type filter hook input priority 0; tcp dport 8080 drop; }
	}
NFT
load silent client -n 2000 -c 8 --timeout 5 "${colours[@]}" "$(url svc/b)"
assert_le "$(result silent .latency_us.max)" 3000000 "longest wait for base when gray is silent, us"
assert_ge "$(metric graylink_fallbacks_total lane=v2 cause=timeout)" 1 "fallbacks because gray was silent"

wait_for 30 "the endpoints to be tried again" ready
inside b-gray nft -f - <<-NFT
	flush ruleset
	table inet silent {
		chain in { type filter hook input priority 0; meta l4proto tcp reject with icmpx port-unreachable; }
	}
NFT
load unreachable client -n 2000 -c 8 --timeout 5 "${colours[@]}" "$(url svc/b 6)"
assert_le "$(result unreachable .latency_us.max)" 3000000 "longest wait for base when gray is unreachable, us"
