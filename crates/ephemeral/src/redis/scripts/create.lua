-- KEYS: session, index of the user, deadlines.
-- ARGV: nonce, now, value, idle, abs, user, session id, token hash, session prefix, most. Answers how many gave way.
local now, idle, abs = tonumber(ARGV[2]), tonumber(ARGV[4]), tonumber(ARGV[5])
redis.call('HSET', KEYS[1], 'v', ARGV[3], 'seen', ARGV[2], 'idle', ARGV[4], 'abs', ARGV[5], 'user', ARGV[6], 'id', ARGV[7])
look_at(KEYS[1], KEYS[3], ARGV[8], math.min(now + idle, abs), now)
redis.call('HSET', KEYS[2], ARGV[7], ARGV[8])
if redis.call('PTTL', KEYS[2]) < abs - now then redis.call('PEXPIRE', KEYS[2], abs - now) end
local entries = redis.call('HGETALL', KEYS[2])
local live, hashes = {}, {}
for i = 1, #entries, 2 do
  local stored = redis.call('HMGET', ARGV[9] .. entries[i + 1], 'seen', 'idle', 'abs', 'gave_way')
  if not stored[1] then
    redis.call('HDEL', KEYS[2], entries[i])
  elseif now < ends(stored[1], stored[2], stored[3], stored[4]) then
    live[#live + 1] = entries[i]
    hashes[entries[i]] = entries[i + 1]
  end
end
-- Session ids are time-ordered, so the least is the oldest.
table.sort(live)
local too_many = math.max(#live - tonumber(ARGV[10]), 0)
for i = 1, too_many do
  local hash = hashes[live[i]]
  redis.call('HSET', ARGV[9] .. hash, 'gave_way', ARGV[2])
  look_at(ARGV[9] .. hash, KEYS[3], hash, now, now)
end
return {KEYS[1], ARGV[1], too_many}
