-- KEYS: flow. ARGV: nonce, value, expiry, time to live.
redis.call('HSET', KEYS[1], 'v', ARGV[2], 'version', 0, 'calls', 0, 'exp', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return {KEYS[1], ARGV[1], 1}
