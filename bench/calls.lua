-- wrk: one call after another from a file of lines "token<TAB>body"; every call has a key of its own.
-- Arguments: file, first line (from 0), prefix of the keys.
local lines, at, prefix = {}, 0, ""
local answers = {}

function setup(thread) thread:set("number", 1); table.insert(answers, thread) end

function init(args)
  statuses = {}
  local file = io.open(args[1], "r")
  for line in file:lines() do lines[#lines + 1] = line end
  file:close()
  at = tonumber(args[2] or "0")
  prefix = args[3] or "k"
end

function request()
  local line = lines[at % #lines + 1]
  at = at + 1
  local tab = line:find("\t", 1, true)
  return wrk.format("POST", nil, {
    ["Authorization"] = "Bearer " .. line:sub(1, tab - 1),
    ["Content-Type"] = "application/json",
    ["Idempotency-Key"] = prefix .. at,
  }, line:sub(tab + 1))
end

function response(status) statuses[status] = (statuses[status] or 0) + 1 end

function done(summary, latency)
  for _, thread in ipairs(answers) do
    for status, count in pairs(thread:get("statuses")) do io.write(string.format("status %d %d\n", status, count)) end
  end
  io.write(string.format("requests %d\nmicroseconds %d\n", summary.requests, summary.duration))
  for _, p in ipairs({50, 95, 99}) do io.write(string.format("p%d %d\n", p, latency:percentile(p))) end
  io.write(string.format("errors %d\n",
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
