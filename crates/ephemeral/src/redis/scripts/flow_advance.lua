-- KEYS: flow. ARGV: nonce, now, version read, new value. Only who read the newest version may write the next.
local stored = redis.call('HMGET', KEYS[1], 'version', 'exp')
if not stored[1] or tonumber(ARGV[2]) >= tonumber(stored[2]) or tonumber(stored[1]) ~= tonumber(ARGV[3]) then
  return {KEYS[1], ARGV[1], 0}
end
redis.call('HSET', KEYS[1], 'v', ARGV[4], 'version', tonumber(stored[1]) + 1)
return {KEYS[1], ARGV[1], 1}
