-- Reads the changes after a sequence, or all states when these are no longer remembered.
-- INVARIANT: the changes answered follow each other and the given sequence without a gap.
local layout_id, after = ARGV[1], tonumber(ARGV[2])

local refusal = open_show(layout_id)
if refusal then return refusal end

local sequence = tonumber(redis.call('HGET', FACTS, 'sequence'))
if after == sequence then return {'CHANGES', overdue_claims()} end

local entries = {}
if after < sequence then
  entries = redis.call('XRANGE', CHANGES, digits(after + 1) .. '-0', '+')
end
if #entries ~= sequence - after then
  return {'MAP', digits(now), digits(sequence), redis.call('GET', STATES), overdue_claims()}
end
local answer = {'CHANGES', overdue_claims()}
for _, entry in ipairs(entries) do
  answer[#answer + 1] = entry[2][2]
end
return answer
