-- SPDX-License-Identifier: Apache-2.0
-- Requests of which a share (GRAY, 0 to 1) carries the rule's header, chosen at random: wrk goes round its connections in
-- turn, so any pattern would give each connection one colour. All paths send the same bytes. Prints one JSON object.
local share = tonumber(os.getenv("GRAY") or "0")
local plain, coloured

function init()
	math.randomseed(7)
	-- The same length for both colours.
	plain = wrk.format("GET", nil, { ["x-beta"] = "0" })
	coloured = wrk.format("GET", nil, { ["x-beta"] = "1" })
end

function request()
	if share > 0 and math.random() < share then
		return coloured
	end
	return plain
end

function done(summary, latency)
	local e = summary.errors
	io.write(string.format('{"requests":%d,"seconds":%.6f,"errors":%d,"p50_us":%.1f,"p90_us":%.1f,"p99_us":%.1f}\n',
		summary.requests, summary.duration / 1e6, e.connect + e.read + e.write + e.status + e.timeout,
		latency:percentile(50), latency:percentile(90), latency:percentile(99)))
end
