-- With a list of paths: asks for them in turn. At the end: the result as one line of JSON.

function init(args)
  if args[1] == nil then return end
  local requests = {}
  for path in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format(nil, path)
  end
  local at = 0
  -- wrk calls a function of this name for every request, so there is none where one path is asked for.
  function request()
    at = at % #requests + 1
    return requests[at]
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"bytes":%d,"seconds":%.6f,"p50":%.3f,"p99":%.3f,"errors":%d,"refusals":%d}\n',
    summary.requests,
    summary.bytes,
    summary.duration / 1e6,
    latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.timeout,
    errors.status
  ))
end
