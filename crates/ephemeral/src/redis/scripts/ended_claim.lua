-- KEYS: deadlines. ARGV: nonce, now, end of the lease, most, session prefix.
-- Answers when to look at this clinic next (-1: nothing is left), then token hash, value, last use and when it gave way
-- (-1: it did not) of each session that is over.
local now = tonumber(ARGV[2])
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[2], 'LIMIT', 0, ARGV[4])
local answer = {KEYS[1], ARGV[1], -1}
for _, hash in ipairs(due) do
  local key = ARGV[5] .. hash
  local stored = redis.call('HMGET', key, 'v', 'seen', 'idle', 'abs', 'gave_way')
  if not stored[1] then
    redis.call('ZREM', KEYS[1], hash)
  else
    local at = ends(stored[2], stored[3], stored[4], stored[5])
    if now < at then
      look_at(key, KEYS[1], hash, at, now)
    else
      -- Not look_at: a lease does not make it live longer.
      redis.call('ZADD', KEYS[1], ARGV[3], hash)
      answer[#answer + 1] = hash
      answer[#answer + 1] = stored[1]
      answer[#answer + 1] = tonumber(stored[2])
      answer[#answer + 1] = tonumber(stored[5] or -1)
    end
  end
end
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if first[2] then answer[3] = tonumber(first[2]) end
return answer
