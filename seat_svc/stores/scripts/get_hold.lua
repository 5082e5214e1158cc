-- Reads a live hold.
-- INVARIANT: a hold whose time has passed is not found.
local layout_id, hold_id = ARGV[1], ARGV[2]

local refusal = open_show(layout_id)
if refusal then return refusal end

local hold = read_hold(hold_id)
if not hold then return {'UNKNOWN'} end
return {'HELD', digits(now), hold.holder, digits(hold.expire), unpack(hold.seats)}
