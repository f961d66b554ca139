-- KEYS: index of the user. ARGV: nonce, now, session prefix. Answers token hash, value and last use of each live session.
local now = tonumber(ARGV[2])
local entries = redis.call('HGETALL', KEYS[1])
local answer = {KEYS[1], ARGV[1]}
for i = 1, #entries, 2 do
  local stored = redis.call('HMGET', ARGV[3] .. entries[i + 1], 'v', 'seen', 'idle', 'abs', 'gave_way')
  if not stored[1] then
    redis.call('HDEL', KEYS[1], entries[i])
  elseif now < ends(stored[2], stored[3], stored[4], stored[5]) then
    answer[#answer + 1] = entries[i + 1]
    answer[#answer + 1] = stored[1]
    answer[#answer + 1] = tonumber(stored[2])
  end
end
return answer
