-- KEYS: index of the user, deadlines. ARGV: nonce, now, which (one|others|all), session id, session prefix.
-- Answers how many live ones died; one that ran out stays until that is written down.
local now = tonumber(ARGV[2])
local entries = redis.call('HGETALL', KEYS[1])
local died = 0
for i = 1, #entries, 2 do
  local named = entries[i] == ARGV[4]
  if ARGV[3] == 'all' or (ARGV[3] == 'one' and named) or (ARGV[3] == 'others' and not named) then
    local key = ARGV[5] .. entries[i + 1]
    local stored = redis.call('HMGET', key, 'seen', 'idle', 'abs', 'gave_way')
    if not stored[1] then
      redis.call('HDEL', KEYS[1], entries[i])
    elseif now < ends(stored[1], stored[2], stored[3], stored[4]) then
      redis.call('DEL', key)
      redis.call('ZREM', KEYS[2], entries[i + 1])
      redis.call('HDEL', KEYS[1], entries[i])
      died = died + 1
    end
  end
end
return {KEYS[1], ARGV[1], died}
