#!/usr/bin/env bash
# lua5.4.sh: tables, strings and closures under an incremental collector. --ops are records.
# shellcheck source-path=SCRIPTDIR
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
name=lua5.4 package=lua5.4

generate() {
    cat >"$1/main.lua" <<'LUA'
local ops, x = tonumber(arg[1]), 4711
local function draw(n)
  x = x * 48271 % 2147483647
  return x % n
end
local live, keys, made = {}, {}, 0
for i = 1, ops do
  local key = "k" .. draw(4099)
  local record = live[key]
  if record == nil then
    record = {key = key, parts = {}, calls = 0}
    record.touch = function(n) record.calls = record.calls + n end
    live[key], keys[#keys + 1] = record, key
    made = made + 1
  end
  record.parts[#record.parts + 1] = string.rep(string.char(97 + draw(26)), draw(60) + 1)
  record.touch(draw(9))
  if #record.parts > 12 then
    record.text = table.concat(record.parts, "-")
    record.parts = {record.text:sub(1, 20)}
  end
end
table.sort(keys)
io.write(made, " ", #keys, "\n")
for _, key in ipairs(keys) do
  local record = live[key]
  io.write(key, " ", record.calls, " ", #record.parts, " ", record.text or "", "\n")
end
LUA
}

execute() {
    measured "$program" "$input/main.lua" "$ops"
}

drive "$@"
