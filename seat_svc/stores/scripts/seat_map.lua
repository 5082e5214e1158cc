-- Reads the states of all seats.
-- INVARIANT: what is answered was true at one instant, the one that is answered with it.
local layout_id = ARGV[1]

local refusal = open_show(layout_id)
if refusal then return refusal end

return {'MAP', digits(now), redis.call('HGET', FACTS, 'sequence'), redis.call('GET', STATES), overdue_claims()}
