-- Gives the turn for what is read of a show's facts from now on (see refresh.lua).
-- INVARIANT: turns only grow while the show is there; where it is not, a rebuild that has read the facts before
-- this does not write them.
local REBUILDING = KEYS[11]

if redis.call('EXISTS', FACTS) == 1 then
  return {'TURN', digits(redis.call('HINCRBY', FACTS, 'turn', 1))}
end
redis.call('DEL', REBUILDING)
return {'TURN', '0'}
