-- KEYS: session. ARGV: nonce, now, extend (1|0), limit (0: none), window, prefix of the user's rate key (same tag).
local key, now = KEYS[1], tonumber(ARGV[2])
local stored = redis.call('HMGET', key, 'v', 'seen', 'idle', 'abs', 'user')
if not stored[1] then return {key, ARGV[1], 0} end
local seen, idle, abs = tonumber(stored[2]), tonumber(stored[3]), tonumber(stored[4])
if now >= abs or now - seen >= idle then
  redis.call('DEL', key)
  return {key, ARGV[1], 0}
end
local allowed, remaining, retry = 1, 0, 0
local limit = tonumber(ARGV[4])
if limit > 0 then
  allowed, remaining, retry = hit(ARGV[6] .. stored[5], ARGV[2], limit, tonumber(ARGV[5]))
end
if allowed == 1 and ARGV[3] == '1' and now > seen then
  redis.call('HSET', key, 'seen', ARGV[2])
  redis.call('PEXPIRE', key, math.min(idle, abs - now))
  seen = now
end
return {key, ARGV[1], 1, stored[1], seen, allowed, remaining, retry}
