#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A policy with an error is refused with file, line, column and field path, by the agent and by `validate` alike, and
# nothing of it is applied.
# shellcheck source-path=SCRIPTDIR source=../lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh"
need jq

cat >"$scratch/good.yaml" <<'POLICY'
apiVersion: graylink.dev/v1alpha1
kind: GrayRelease
metadata: {name: shop-v2}
spec:
  lane: v2
  entries:
    - service: b
      match:
        - headers: [{name: x-beta, type: Exact, value: "1"}]
  batches:
    - weight: 5
  services:
    - name: b
      frontends: ["10.96.0.10:80"]
      gray: {addresses: ["10.77.0.12:8080"]}
POLICY

pair | lab_up
services
agent

validate() { "$build/graylinkctl" validate "$@"; }

# what | change (sed) | line | field
cases() {
	cat <<'CASES'
unknown field           |s/^  lane: v2/  lanes: v2/            |5  |spec.lanes
unknown kind            |s/GrayRelease/GreyRelease/            |2  |kind
unknown version         |s/v1alpha1/v9/                        |1  |apiVersion
no name                 |s/name: shop-v2//                     |3  |metadata
reserved lane           |s/lane: v2/lane: base/                |5  |spec.lane
lane with bad letters   |s/lane: v2/lane: "v 2"/               |5  |spec.lane
unknown service         |s/service: b/service: nope/           |7  |spec.entries[0].service
enum in other case      |s/type: Exact/type: exact/            |9  |spec.entries[0].match[0].headers[0].type
unknown header field    |s/value: "1"/valeu: "1"/              |9  |spec.entries[0].match[0].headers[0]
value of wrong type     |s/value: "1"/value: [1]/              |9  |spec.entries[0].match[0].headers[0].value
bad header name         |s/name: x-beta/name: "x beta"/        |9  |spec.entries[0].match[0].headers[0].name
weight of wrong type    |s/weight: 5/weight: five/             |11 |spec.batches[0].weight
weight over 100         |s/weight: 5/weight: 101/              |11 |spec.batches[0].weight
negative weight         |s/weight: 5/weight: -1/               |11 |spec.batches[0].weight
too many decimals       |s/weight: 5/weight: "0.00001%"/       |11 |spec.batches[0].weight
batches of wrong type   |s/    - weight: 5/    weight: 5/      |11 |spec.batches
frontend without port   |s/10.96.0.10:80/10.96.0.10/           |14 |spec.services[0].frontends[0]
port out of range       |s/10.96.0.10:80/10.96.0.10:99999/     |14 |spec.services[0].frontends[0]
bad address             |s/10.96.0.10:80/10.96.0.300:80/       |14 |spec.services[0].frontends[0]
bad gray address        |s/10.77.0.12:8080/fd77::12:8080/      |15 |spec.services[0].gray.addresses[0]
frontends of wrong type |s/\["10.96.0.10:80"\]/10.96.0.10:80/  |14 |spec.services[0].frontends
field twice             |s/^  lane: v2/  lane: v2\n  lane: v3/ |6  |spec.lane
CASES
}

while IFS='|' read -r what change line field; do
	what=${what%"${what##*[! ]}"} change=${change%"${change##*[! ]}"} line=${line// /}
	sed -e "$change" "$scratch/good.yaml" >"$scratch/bad.yaml"
	cmp -s "$scratch/good.yaml" "$scratch/bad.yaml" && fail "the case '$what' changes nothing"
	for command in "ctl apply" validate; do
		# shellcheck disable=SC2086 # two words
		assert_refused $command -f "$scratch/bad.yaml"
		grep -qE "bad\.yaml:$line:[0-9]+: " "$scratch/refused.err" || {
			cat "$scratch/refused.err"
			fail "$what: no error in line $line ($command)"
		}
		grep -F "bad.yaml:$line:" "$scratch/refused.err" | grep -qF "$field" || {
			cat "$scratch/refused.err"
			fail "$what: the error does not name $field ($command)"
		}
	done
	echo "refused: $what: $(head -n 1 "$scratch/refused.err" | sed "s|$scratch/||")"
done < <(cases)

# JSON, and names that occur twice in one file or in all.
sed -e 's/^  batches/x  batches/' "$scratch/good.yaml" >"$scratch/bad.yaml"
assert_refused ctl apply -f "$scratch/bad.yaml"
printf '{"apiVersion": "graylink.dev/v1alpha1",\n "kind": "GrayRelease",\n "metadata": {"name": "j"},\n "spec": {\n  "lain": "v2"}}\n' \
	>"$scratch/bad.json"
assert_refused ctl apply -f "$scratch/bad.json"
grep -q 'bad.json:5:' "$scratch/refused.err" || fail "JSON: no error in line 5: $(cat "$scratch/refused.err")"
{ cat "$scratch/good.yaml"; echo ---; cat "$scratch/good.yaml"; } >"$scratch/bad.yaml"
assert_refused ctl apply -f "$scratch/bad.yaml"
# All or nothing: a good release beside a bad one.
{ cat "$scratch/good.yaml"; echo ---; sed -e 's/shop-v2/other/; s/lane: v2/lane: v3/; s/weight: 5/weight: 500/' "$scratch/good.yaml"; } \
	>"$scratch/bad.yaml"
assert_refused ctl apply -f "$scratch/bad.yaml"
assert_eq "$(ctl -o json get releases | jq '.items | length')" 0 "releases after refusals"

validate -f "$scratch/good.yaml"
ctl apply -f "$scratch/good.yaml"
generation=$(metric graylink_policy_generation)
# A refused change leaves what is.
sed -e 's/weight: 5/weight: 500/' "$scratch/good.yaml" >"$scratch/bad.yaml"
assert_refused ctl apply -f "$scratch/bad.yaml"
assert_eq "$(metric graylink_policy_generation)" "$generation" "generation after a refused change"
assert_eq "$(ctl -o json status shop-v2 | jq '.batch.weight // .releases[0].batch.weight')" 5 "weight after a refused change"
sed -e 's/shop-v2/other/' "$scratch/good.yaml" >"$scratch/bad.yaml"
assert_refused ctl apply -f "$scratch/bad.yaml"
