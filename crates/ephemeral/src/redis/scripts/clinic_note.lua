-- KEYS: clinics to look at. ARGV: nonce, clinic, when to look at it, time to live.
-- The score changes in any case, so that who looked at the clinic before cannot settle it away.
local at = tonumber(ARGV[3])
local known = redis.call('ZSCORE', KEYS[1], ARGV[2])
if known then at = math.min(at, tonumber(known) - 1) end
redis.call('ZADD', KEYS[1], at, ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return {KEYS[1], ARGV[1], 1}
