-- KEYS: clinics to look at. ARGV: nonce, now, end of the lease. Answers the clinic that has waited longest.
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[2], 'LIMIT', 0, 1)
if not due[1] then return {KEYS[1], ARGV[1], 0} end
redis.call('ZADD', KEYS[1], ARGV[3], due[1])
return {KEYS[1], ARGV[1], 1, due[1]}
