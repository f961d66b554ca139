-- KEYS: old session, new session, index of the user, deadlines.
-- ARGV: nonce, now, value, session id, new token hash, old token hash.
local now = tonumber(ARGV[2])
local old = redis.call('HMGET', KEYS[1], 'seen', 'idle', 'abs', 'user', 'gave_way')
if not old[1] then return {KEYS[1], ARGV[1], 0} end
local idle, abs = tonumber(old[2]), tonumber(old[3])
if now >= ends(old[1], idle, abs, old[5]) then return {KEYS[1], ARGV[1], 0} end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[4], ARGV[6])
redis.call('HSET', KEYS[2], 'v', ARGV[3], 'seen', ARGV[2], 'idle', old[2], 'abs', old[3], 'user', old[4], 'id', ARGV[4])
look_at(KEYS[2], KEYS[4], ARGV[5], math.min(now + idle, abs), now)
redis.call('HSET', KEYS[3], ARGV[4], ARGV[5])
return {KEYS[1], ARGV[1], 1}
