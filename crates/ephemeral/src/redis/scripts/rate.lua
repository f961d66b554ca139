-- Sliding window: the list holds the moments (milliseconds) of the calls that were let through.
local function hit(key, now, limit, window)
  local oldest = redis.call('LINDEX', key, 0)
  while oldest and tonumber(oldest) <= tonumber(now) - window do
    redis.call('LPOP', key)
    oldest = redis.call('LINDEX', key, 0)
  end
  local used = redis.call('LLEN', key)
  if used >= limit then
    local frees = tonumber(redis.call('LINDEX', key, used - limit))
    return 0, 0, math.max(1, frees + window - tonumber(now))
  end
  redis.call('RPUSH', key, now)
  redis.call('PEXPIRE', key, window)
  return 1, limit - used - 1, 0
end
