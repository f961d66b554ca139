-- A session stays until its end is written down, a day at the most. The clinic's deadlines hold when to look at each next:
-- at its end, or at the end of the lease of whoever writes that end down.
local KEPT = 86400000

local function ends(seen, idle, abs, gave_way)
  local at = math.min(tonumber(seen) + tonumber(idle), tonumber(abs))
  if gave_way then at = math.min(at, tonumber(gave_way)) end
  return at
end

local function look_at(session, deadlines, hash, at, now)
  local lives = math.max(at - now, 0) + KEPT
  redis.call('PEXPIRE', session, lives)
  redis.call('ZADD', deadlines, at, hash)
  if redis.call('PTTL', deadlines) < lives then redis.call('PEXPIRE', deadlines, lives) end
end
