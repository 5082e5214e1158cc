-- Asks to rebuild a show that is missing.
-- INVARIANT: at most one caller rebuilds at a time, and none while the show is there.
local token, guard_ms = ARGV[1], ARGV[2]
local REBUILDING = KEYS[11]

if redis.call('EXISTS', FACTS) == 1 then return {'READY'} end
if redis.call('SET', REBUILDING, token, 'NX', 'PX', guard_ms) then return {'YOURS'} end
return {'WAIT'}
