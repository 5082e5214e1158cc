-- Gives a hold up.
-- INVARIANT: only seats of this very hold become AVAILABLE; once over, claimed or sold it has none.
local layout_id, hold_id, content, memory_ms = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local REQUEST = KEYS[11]

local refusal = open_show(layout_id)
if refusal then return refusal end

local earlier, reused = earlier_request(REQUEST, content)
if reused then return {'REUSED'} end
if earlier then return {'OVER'} end
remember_request(REQUEST, {content = content}, memory_ms)

local hold = read_hold(hold_id)
if not hold then return {'OVER'} end
free_hold(hold_id, hold)
tell()
return {'RELEASED'}
