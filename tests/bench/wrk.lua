-- wrk: one request again and again. BENCH_TOKEN, BENCH_BODY (file), BENCH_TYPE, BENCH_PAUSE_MS (between a connection's
-- requests). Last, one line: RESULT {json}
local function slurp(path)
    local f = assert(io.open(path, "rb"))
    local text = f:read("*a")
    f:close()
    return text
end
local pause = tonumber(os.getenv("BENCH_PAUSE_MS") or "0")
if pause > 0 then
    function delay() return pause end
end
function init(args)
    local headers = { ["Host"] = "127.0.0.1" }
    local body = os.getenv("BENCH_BODY") and slurp(os.getenv("BENCH_BODY"))
    if os.getenv("BENCH_TOKEN") then headers["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN") end
    if body then headers["Content-Type"] = os.getenv("BENCH_TYPE") or "application/json" end
    text = wrk.format(body and "POST" or "GET", wrk.path, headers, body)
end
function request() return text end
function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format('RESULT {"n":%d,"rps":%.1f,"p50_ms":%.3f,"p99_ms":%.3f,"other":%d,"broken":%d}\n',
        summary.requests, summary.requests / (summary.duration / 1e6), latency:percentile(50) / 1000,
        latency:percentile(99) / 1000, e.status, e.connect + e.read + e.write + e.timeout))
end
