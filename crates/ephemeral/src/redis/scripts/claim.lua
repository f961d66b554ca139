-- KEYS: claim. ARGV: nonce, now, expiry, time to live.
local until_ = redis.call('GET', KEYS[1])
if until_ and tonumber(until_) > tonumber(ARGV[2]) then return {KEYS[1], ARGV[1], 0} end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
return {KEYS[1], ARGV[1], 1}
