#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A -> B -> C -> D -> E -> F, of which B, C and F have a gray version. A gray request meets gray B (rule), gray C (origin of
# the calling pod), base D and E because they have no other, and gray F if the label came that far. A base request meets none.
# shellcheck source-path=SCRIPTDIR source=../lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh"
need jq curl
n=${REQUESTS:-3000}

sed -e 's/^run e e v1$/run e e v1 f/' tools/lab/shop - <<-SPEC | lab_up
	pod f-base
	pod f-gray
	service f 80 8080 f-base
	run f-base f v1
	run f-gray f v2
SPEC
services
agent

policy() {
	local label=
	[ -z "${TRUST:-}" ] || label="label: {trust: $TRUST}"
	cat <<-POLICY
		apiVersion: graylink.dev/v1alpha1
		kind: GrayRelease
		metadata: {name: shop-v2}
		spec:
		  lane: v2
		  $label
		  entries:
		    - service: b
		      match: [{headers: [{name: x-beta, type: Exact, value: "1"}]}]
		  services:
		    - {name: b, frontends: $(frontends b), gray: {addresses: $(endpoints b-gray)}}
		    - {name: c, frontends: $(frontends c), gray: {addresses: $(endpoints c-gray)}}
		    - {name: d, frontends: $(frontends d)}
		    - {name: e, frontends: $(frontends e)}
		    - {name: f, frontends: $(frontends f), gray: {addresses: $(endpoints f-gray)}}
	POLICY
}

# way [CURL ARG...]: the versions along the chain
way() {
	inside client curl -sf -m 10 "$@" "$(url svc/a)/" |
		jq -r '[recurse(.upstream[]?) | .service + ":" + .version] | join(" ")'
}

base="a:v1 b:v1 c:v1 d:v1 e:v1 f:v1"
policy | apply
for round in 1 2 3; do
	assert_eq "$(way)" "$base" "base request, round $round"
	assert_eq "$(way -H 'x-beta: 1')" "a:v1 b:v2 c:v2 d:v1 e:v1 f:v1" "gray by rule, then by origin, round $round"
	assert_eq "$(way -H 'x-beta: 0')" "$base" "another value of the header, round $round"
	assert_eq "$(way -H 'x-beta: 1' -H 'baggage: a=b,graylink=v2')" "a:v1 b:v2 c:v2 d:v1 e:v1 f:v2" \
		"gray with the label forwarded, round $round"
done
assert_ge "$(metric graylink_requests_total destination_service_name=b lane=v2 reason=rule)" 6 "by rule at b"
assert_ge "$(metric graylink_requests_total destination_service_name=c lane=v2 reason=origin)" 3 "by origin at c"
assert_ge "$(metric graylink_requests_total destination_service_name=f lane=v2 reason=label)" 3 "by label at f"
assert_eq "$(metric graylink_fallbacks_total)" 0 "fallbacks (a service without a gray version is none)"

# At the entry a label is believed only where the policy says so.
assert_eq "$(way -H 'baggage: graylink=v2' | cut -d' ' -f2)" b:v1 "label at the entry without trust"
TRUST='[10.77.0.0/16, "fd77::/16"]' policy | apply
assert_eq "$(way -H 'baggage: graylink=v2')" "a:v1 b:v2 c:v2 d:v1 e:v1 f:v2" "label at the entry with trust"

# The same under load: every pod along the way logs the sequence number; nobody may serve the other colour's.
rm -f "$scratch/counts"
before_gray=$(served c-gray)
load chain client -n "$n" -c 8 --gray 'x-beta: 1' --base-version v1 --gray-version v1 "$(url svc/a)"
gray=$(($(served c-gray) - before_gray))
assert_ge "$gray" $((n / 3)) "gray requests at c"
bad=$(cat "$run"/logs/{b,c}-base.requests | grep -c 'x-beta=1;' || true)
assert_eq "$bad" 0 "requests with the rule's header that base b or c served"
bad=$(tail -n "$gray" "$run/logs/b-gray.requests" | grep -vc 'x-beta=1;' || true)
assert_eq "$bad" 0 "requests without the rule's header that gray b served"
bad=$(tail -n "$gray" "$run/logs/c-gray.requests" | grep -vc 'x-beta=1;' || true)
assert_eq "$bad" 0 "requests without the rule's header that gray c served"
assert_eq "$(metric graylink_crossings_total)" 0 "crossings"
