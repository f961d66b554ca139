-- KEYS: session, index of the user. ARGV: nonce, now, value, idle, abs, user, session id, token hash, session prefix, most.
local now, idle, abs = tonumber(ARGV[2]), tonumber(ARGV[4]), tonumber(ARGV[5])
redis.call('HSET', KEYS[1], 'v', ARGV[3], 'seen', ARGV[2], 'idle', ARGV[4], 'abs', ARGV[5], 'user', ARGV[6])
redis.call('PEXPIRE', KEYS[1], math.min(idle, abs - now))
redis.call('HSET', KEYS[2], ARGV[7], ARGV[8])
if redis.call('PTTL', KEYS[2]) < abs - now then redis.call('PEXPIRE', KEYS[2], abs - now) end
local entries = redis.call('HGETALL', KEYS[2])
local live = {}
for i = 1, #entries, 2 do
  if redis.call('EXISTS', ARGV[9] .. entries[i + 1]) == 1 then
    live[#live + 1] = entries[i]
  else
    redis.call('HDEL', KEYS[2], entries[i])
  end
end
-- Session ids are time-ordered, so the least is the oldest.
table.sort(live)
for i = 1, #live - tonumber(ARGV[10]) do
  redis.call('DEL', ARGV[9] .. redis.call('HGET', KEYS[2], live[i]))
  redis.call('HDEL', KEYS[2], live[i])
end
return {KEYS[1], ARGV[1], 1}
