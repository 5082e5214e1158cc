-- Lists the claims that are overdue, as (sale id, time it was due): MongoDB must be asked how they ended.
-- INVARIANT: nothing is changed: a claim ends only by what MongoDB says (see record.lua).
local layout_id = ARGV[1]

local refusal = open_show(layout_id)
if refusal then return refusal end

return {'OVERDUE', unpack(redis.call('ZRANGEBYSCORE', CLAIMS_DUE, '-inf', digits(now), 'WITHSCORES'))}
