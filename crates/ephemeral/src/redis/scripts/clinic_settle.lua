-- KEYS: clinics to look at. ARGV: nonce, clinic, end of the lease, when to look at it next (-1: nothing is left).
local score = redis.call('ZSCORE', KEYS[1], ARGV[2])
if not score or tonumber(score) ~= tonumber(ARGV[3]) then return {KEYS[1], ARGV[1], 0} end
if ARGV[4] == '-1' then
  redis.call('ZREM', KEYS[1], ARGV[2])
else
  redis.call('ZADD', KEYS[1], ARGV[4], ARGV[2])
end
return {KEYS[1], ARGV[1], 1}
