-- Gives up a rebuild that failed, so that the next caller need not wait until the guard runs out.
-- INVARIANT: only who has the guard gives it up.
local token = ARGV[1]
local REBUILDING = KEYS[11]

if redis.call('GET', REBUILDING) == token then
  redis.call('DEL', REBUILDING)
end
return {'ABANDONED'}
