#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# curl, Python's http.client and wrk as clients, nginx and the lab's own service as pods, in every mixture: each answer from
# the version that the request's header asks for, and no connection lost.
# shellcheck source-path=SCRIPTDIR source=../lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh"
need jq curl python3 wrk nginx
n=${REQUESTS:-1000}

lab_up <<-SPEC
	pod client
	pod b-base
	pod b-gray
	pod web-base
	pod web-gray
	pod mix-gray
	service b 80 8080 b-base
	service web 80 8080 web-base
	service mix 80 8080 web-base
	run b-base b v1
	run b-gray b v2
	run mix-gray mix v2
SPEC
services

# Like svc, it says who it is and repeats x-seq. keepalive_requests would close connections, which is no error of ours.
nginx_pod() {
	local pod=$1 version=$2 dir=$scratch/nginx-$1
	mkdir -p "$dir"
	chmod 755 "$scratch" "$dir"
	cat >"$dir/conf" <<-CONF
		daemon off; master_process off; pid $dir/pid; error_log $dir/error.log;
		events { worker_connections 512; }
		http {
			access_log off; keepalive_requests 10000000; default_type text/plain;
			client_body_temp_path $dir/body; proxy_temp_path $dir/proxy; fastcgi_temp_path $dir/f;
			uwsgi_temp_path $dir/u; scgi_temp_path $dir/s;
			# Through a server of its own, so that it reads a request's body before it answers.
			server {
				listen 8080; listen [::]:8080;
				add_header x-version $version; add_header x-pod $pod; add_header x-seq \$http_x_seq;
				location / { proxy_pass http://unix:$dir/socket; }
			}
			server { listen unix:$dir/socket; location / { return 200 "$pod\n"; } }
		}
	CONF
	start "$pod" "$pod" nginx -p "$dir" -c "$dir/conf"
	wait_for 10 "nginx in $pod" inside "$pod" curl -sf -o "$dir/out" http://127.0.0.1:8080/
}
nginx_pod web-base v1
nginx_pod web-gray v2
agent

cat <<-POLICY | apply
	apiVersion: graylink.dev/v1alpha1
	kind: GrayRelease
	metadata: {name: all-v2}
	spec:
	  lane: v2
	  entries:
	    - {service: b, match: [{headers: [{name: x-beta, type: Exact, value: "1"}]}]}
	    - {service: web, match: [{headers: [{name: x-beta, type: Exact, value: "1"}]}]}
	    - {service: mix, match: [{headers: [{name: x-beta, type: Exact, value: "1"}]}]}
	  services:
	    - {name: b, frontends: $(frontends b), gray: {addresses: $(endpoints b-gray)}}
	    - {name: web, frontends: $(frontends web), gray: {addresses: $(endpoints web-gray)}}
	    - {name: mix, frontends: $(frontends mix), gray: {addresses: $(endpoints mix-gray)}}
POLICY

# curl: all requests of one run go over one connection; it prints what answered and how many connections it opened.
curl_client() {
	local service=$1 family=$2 i wrong config=$scratch/curl
	for ((i = 0; i < 200; i++)); do
		[ $i = 0 ] || echo next
		printf 'url = "%s/"\noutput = "/dev/null"\nmax-time = 10\nheader = "x-seq: %d"\n' "$(url "svc/$service" "$family")" $i
		printf 'write-out = "%d %%header{x-version} %%{num_connects}\\n"\n' $i
		[ $((RANDOM % 2)) = 0 ] || printf 'header = "x-beta: 1"\n'
	done >"$config"
	awk '/^url/ { want[++n] = "v1" } /x-beta/ { want[n] = "v2" } END { for (i = 1; i <= n; i++) print want[i] }' "$config" \
		>"$scratch/want"
	inside client curl -s -K "$config" >"$scratch/curl.out" || fail "curl: exit $? ($service, IPv$family)"
	paste -d' ' "$scratch/curl.out" "$scratch/want" >"$scratch/curl.both"
	assert_eq "$(awk '{ n += $3 } END { print n }' "$scratch/curl.both")" 1 "connections of curl ($service, IPv$family)"
	wrong=$(awk '$2 != $4 { print }' "$scratch/curl.both" | head -n 3)
	assert_eq "$wrong" "" "answers to curl ($service, IPv$family)"
	assert_eq "$(wc -l <"$scratch/curl.out")" 200 "answers to curl ($service, IPv$family)"
}

python_client() {
	inside client timeout 60 python3 - "$(addr "svc/$1" "$2")" "$n" <<-'PYTHON' || fail "python ($1, IPv$2)"
		import http.client, random, sys
		random.seed(7)
		connection = http.client.HTTPConnection(sys.argv[1], 80, timeout=10)
		connection.connect()
		socket = connection.sock
		for i in range(int(sys.argv[2])):
		    gray = random.random() < 0.5
		    headers = {"x-seq": str(i)}
		    if gray:
		        headers["X-Beta"] = "1"
		    body = bytes(random.randrange(256) for _ in range(random.randrange(300))) if i % 5 == 0 else None
		    connection.request("POST" if body else "GET", "/", body=body, headers=headers)
		    answer = connection.getresponse()
		    answer.read()
		    version, seq = answer.getheader("x-version"), answer.getheader("x-seq")
		    if version != ("v2" if gray else "v1") or seq != str(i) or answer.status != 200:
		        sys.exit(f"request {i} (gray: {gray}): {answer.status} from {version}, seq {seq}")
		    if connection.sock is not socket:
		        sys.exit(f"request {i}: the connection was opened anew")
		print(f"python: {i + 1} requests on one connection")
	PYTHON
}

# wrk compares the colour that the server repeats in x-seq with the version that answered.
cat >"$scratch/colours.lua" <<'LUA'
local wrong, seen = 0, { v1 = 0, v2 = 0 }
function setup(thread) threads = { thread } end
function init() math.randomseed(11) end
function request()
	if math.random() < 0.5 then
		return wrk.format(nil, nil, { ["x-beta"] = "1", ["x-seq"] = "v2" })
	end
	return wrk.format(nil, nil, { ["x-seq"] = "v1" })
end
mismatches, gray, base = 0, 0, 0
function response(status, headers)
	if headers["x-version"] ~= headers["x-seq"] then mismatches = mismatches + 1 end
	if headers["x-version"] == "v2" then gray = gray + 1 else base = base + 1 end
end
function done(summary)
	local e = summary.errors
	local t = threads[1]
	print(string.format("wrk: %d requests, gray %d, base %d, mismatches %d, connect %d, read %d, write %d, status %d, timeout %d",
		summary.requests, t:get("gray"), t:get("base"), t:get("mismatches"), e.connect, e.read, e.write, e.status, e.timeout))
end
LUA
sed -i '/^local wrong/d' "$scratch/colours.lua"

wrk_client() {
	inside client timeout 60 wrk -t1 -c32 -d1s -s "$scratch/colours.lua" "$(url "svc/$1" "$2")/" >"$scratch/wrk.out"
	grep '^wrk:' "$scratch/wrk.out" || fail "wrk said nothing ($1, IPv$2)"
	grep -q 'mismatches 0, connect 0, read 0, write 0, status 0, timeout 0' "$scratch/wrk.out" || fail "wrk ($1, IPv$2)"
	awk '/^wrk:/ { exit !($5 > 100 && $7 > 100) }' "$scratch/wrk.out" || fail "wrk saw too few answers of one version ($1, IPv$2)"
}

for service in b web mix; do
	for family in 4 6; do
		curl_client $service $family
		python_client $service $family
		wrk_client $service $family
		echo "ok: curl, python and wrk to $service over IPv$family"
	done
done
