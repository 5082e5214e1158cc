-- Notes that all sales of the show were read again since it was rebuilt.
-- INVARIANT: only the recheck that was due at the given time is noted as done.
local layout_id, due = ARGV[1], ARGV[2]

local refusal = open_show(layout_id)
if refusal then return refusal end

if redis.call('ZSCORE', CLAIMS_DUE, RECHECK) == due then
  redis.call('ZREM', CLAIMS_DUE, RECHECK)
end
return {'RECHECKED'}
