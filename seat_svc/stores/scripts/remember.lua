-- Remembers a request that is carried out elsewhere, or tells that its id stands for another one.
-- INVARIANT: while it is remembered, a request id stands for one content.
local content, memory_ms = ARGV[1], ARGV[2]
local REQUEST = KEYS[11]

local _, reused = earlier_request(REQUEST, content)
if reused then return {'REUSED'} end
remember_request(REQUEST, {content = content}, memory_ms)
return {'REMEMBERED'}
