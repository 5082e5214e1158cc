-- First step of a sale: the seats of a hold become CLAIMED for one sale.
-- INVARIANT: a seat becomes CLAIMED only from this hold or from AVAILABLE, never from another's live hold;
-- all or none; after the end of sales from a live hold only. A claim does not run out by itself: MongoDB may
-- have the sale (see record.lua).
local layout_id, sale_id, hold_id = ARGV[1], ARGV[2], ARGV[3]
local claim_ms, content, memory_ms = tonumber(ARGV[4]), ARGV[5], ARGV[6]
local FIRST_SEAT = 7
local REQUEST = KEYS[11]

local refusal = open_show(layout_id)
if refusal then return refusal end

local _, reused = earlier_request(REQUEST, content)
if reused then return {'REUSED'} end
if redis.call('HEXISTS', SALES, sale_id) == 1 then return {'SOLD'} end

local seats, wanted = {}, {}
for position = FIRST_SEAT, #ARGV do
  local seat = tonumber(ARGV[position])
  seats[#seats + 1] = seat
  wanted[seat] = true
end
local function are_exactly_wanted(others)
  for _, seat in ipairs(others) do
    if not wanted[seat] then return false end
  end
  return #others == #seats
end

local claim = read_claim(sale_id)
if claim and not are_exactly_wanted(claim.seats) then return {'REUSED'} end
if not claim then
  local hold = read_hold(hold_id)
  if hold and not are_exactly_wanted(hold.seats) then return {'MISMATCH'} end
  local closed = facts.cancelled or (not hold and now >= facts.closes)
  if closed then return {'LOST', 0, unpack(seats)} end
  if not hold then
    local states = redis.call('GET', STATES)
    local lost, claimed = {}, false
    for _, seat in ipairs(seats) do
      local state = states:byte(seat + 1)
      if state ~= AVAILABLE then
        lost[#lost + 1] = seat
        claimed = claimed or state == CLAIMED
      end
    end
    if #lost > 0 then return {'LOST', claimed and overdue_claims() or 0, unpack(lost)} end
  else
    forget_hold(hold_id, hold)
  end
  for _, seat in ipairs(seats) do
    note(seat, CLAIMED)
  end
  tell()
end

local due = now + claim_ms
redis.call('HSET', CLAIMS, sale_id, cjson.encode({seats = seats, due = due}))
redis.call('ZADD', CLAIMS_DUE, digits(due), sale_id)
keep_with_show(CLAIMS, CLAIMS_DUE)
remember_request(REQUEST, {content = content}, memory_ms)
return {'CLAIMED', digits(due)}
