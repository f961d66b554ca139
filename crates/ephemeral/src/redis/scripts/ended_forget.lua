-- KEYS: deadlines. ARGV: nonce, session prefix, prefix of the users' indexes, token hash...
for i = 4, #ARGV do
  local key = ARGV[2] .. ARGV[i]
  local stored = redis.call('HMGET', key, 'user', 'id')
  if stored[1] then redis.call('HDEL', ARGV[3] .. stored[1], stored[2]) end
  redis.call('DEL', key)
  redis.call('ZREM', KEYS[1], ARGV[i])
end
return {KEYS[1], ARGV[1], #ARGV - 3}
