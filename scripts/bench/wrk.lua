-- Shapes the requests of one wrk run and prints its result as a line of JSON.
-- Arguments after the URL: METHOD CONTENT_TYPE BODY_FILE CONNECTION, "-" for none.

function init(args)
   wrk.method = args[1]
   if args[2] ~= "-" then
      wrk.headers["Content-Type"] = args[2]
   end
   if args[3] ~= "-" then
      local file = assert(io.open(args[3], "rb"))
      wrk.body = file:read("*a")
      file:close()
   end
   if args[4] ~= "-" then
      wrk.headers["Connection"] = args[4]
   end
end

function done(summary, latency, requests)
   io.write(string.format(
      'RESULT {"microseconds": %d, "requests": %d, "bytes": %d, "mean": %d, "p50": %d, "p99": %d, ' ..
      '"connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}\n',
      summary.duration, summary.requests, summary.bytes,
      latency.mean, latency:percentile(50), latency:percentile(99),
      summary.errors.connect, summary.errors.read, summary.errors.write,
      summary.errors.status, summary.errors.timeout))
end
