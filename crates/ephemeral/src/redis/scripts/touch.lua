-- KEYS: session, deadlines.
-- ARGV: nonce, now, extend (1|0), limit (0: none), window, prefix of the user's rate key (same tag), token hash.
-- Answers 0, or 1 with a live session, or 2 with one that is over and when it gave way to a newer one (-1: it did not).
local key, now = KEYS[1], tonumber(ARGV[2])
local stored = redis.call('HMGET', key, 'v', 'seen', 'idle', 'abs', 'user', 'gave_way')
if not stored[1] then return {key, ARGV[1], 0} end
local seen, idle, abs = tonumber(stored[2]), tonumber(stored[3]), tonumber(stored[4])
if now >= ends(seen, idle, abs, stored[6]) then
  return {key, ARGV[1], 2, stored[1], seen, tonumber(stored[6] or -1)}
end
local allowed, remaining, retry = 1, 0, 0
local limit = tonumber(ARGV[4])
if limit > 0 then
  allowed, remaining, retry = hit(ARGV[6] .. stored[5], ARGV[2], limit, tonumber(ARGV[5]))
end
if allowed == 1 and ARGV[3] == '1' and now > seen then
  redis.call('HSET', key, 'seen', ARGV[2])
  look_at(key, KEYS[2], ARGV[7], math.min(now + idle, abs), now)
  seen = now
end
return {key, ARGV[1], 1, stored[1], seen, allowed, remaining, retry}
