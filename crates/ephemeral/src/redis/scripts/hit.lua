-- KEYS: rate. ARGV: nonce, now, limit, window.
local allowed, remaining, retry = hit(KEYS[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]))
return {KEYS[1], ARGV[1], allowed, remaining, retry}
