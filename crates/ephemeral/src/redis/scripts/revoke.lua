-- KEYS: index of the user. ARGV: nonce, which (one|others|all), session id, session prefix. Answers how many died.
local entries = redis.call('HGETALL', KEYS[1])
local died = 0
for i = 1, #entries, 2 do
  local named = entries[i] == ARGV[3]
  if ARGV[2] == 'all' or (ARGV[2] == 'one' and named) or (ARGV[2] == 'others' and not named) then
    died = died + redis.call('DEL', ARGV[4] .. entries[i + 1])
    redis.call('HDEL', KEYS[1], entries[i])
  end
end
return {KEYS[1], ARGV[1], died}
