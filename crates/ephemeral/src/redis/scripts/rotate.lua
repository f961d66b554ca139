-- KEYS: old session, new session, index of the user. ARGV: nonce, now, value, session id, new token hash.
local now = tonumber(ARGV[2])
local old = redis.call('HMGET', KEYS[1], 'seen', 'idle', 'abs', 'user')
if not old[1] then return {KEYS[1], ARGV[1], 0} end
redis.call('DEL', KEYS[1])
local idle, abs = tonumber(old[2]), tonumber(old[3])
if now >= abs or now - tonumber(old[1]) >= idle then return {KEYS[1], ARGV[1], 0} end
redis.call('HSET', KEYS[2], 'v', ARGV[3], 'seen', ARGV[2], 'idle', old[2], 'abs', old[3], 'user', old[4])
redis.call('PEXPIRE', KEYS[2], math.min(idle, abs - now))
redis.call('HSET', KEYS[3], ARGV[4], ARGV[5])
return {KEYS[1], ARGV[1], 1}
