-- KEYS: flow. ARGV: nonce, now, how (look|call|take).
local stored = redis.call('HMGET', KEYS[1], 'v', 'version', 'calls', 'exp')
if not stored[1] then return {KEYS[1], ARGV[1], 0} end
if tonumber(ARGV[2]) >= tonumber(stored[4]) then
  redis.call('DEL', KEYS[1])
  return {KEYS[1], ARGV[1], 0}
end
local calls = tonumber(stored[3])
if ARGV[3] == 'call' then calls = redis.call('HINCRBY', KEYS[1], 'calls', 1) end
if ARGV[3] == 'take' then redis.call('DEL', KEYS[1]) end
return {KEYS[1], ARGV[1], 1, stored[1], tonumber(stored[2]), calls}
