-- Brings the show into line with what MongoDB says of one sale, and ends its claim.
-- INVARIANT: MongoDB has the last word, and an older word of it never replaces a newer one: the version of a
-- sale only grows here. So this may be repeated, and called in any order, by whoever has read the sale.
local layout_id, sale_id, version = ARGV[1], ARGV[2], tonumber(ARGV[3])  -- version 0: there is no such sale
local claim_due = ARGV[4]  -- a claim that MongoDB knows nothing of is ended only if this is still its time
local live_count = tonumber(ARGV[5])
local FIRST_SEAT = 6       -- the seats of good tickets, then those of cancelled ones

local refusal = open_show(layout_id)
if refusal then return refusal end

if version < tonumber(redis.call('HGET', SALES, sale_id) or 0) then return {'OLDER'} end
local claim = read_claim(sale_id)
if version == 0 and not (claim and digits(claim.due) == claim_due) then return {'OTHER'} end

local live = {}
for position = FIRST_SEAT, FIRST_SEAT + live_count - 1 do
  live[tonumber(ARGV[position])] = true
end

-- A hold that was given out for a seat which had been sold is over as a whole.
local function end_holds_of_sold_seats()
  local all = redis.call('HGETALL', HOLDS)
  for position = 1, #all, 2 do
    local hold = cjson.decode(all[position + 1])
    for _, seat in ipairs(hold.seats) do
      if live[seat] then
        free_hold(all[position], hold)
        break
      end
    end
  end
end

local states = redis.call('GET', STATES)
local function state_of(seat)
  return states:byte(seat + 1)
end

local any_held = false
for seat in pairs(live) do
  any_held = any_held or state_of(seat) == HELD
end
if any_held then end_holds_of_sold_seats() end

if claim then
  for _, seat in ipairs(claim.seats) do
    if not live[seat] and state_of(seat) == CLAIMED then note(seat, AVAILABLE) end
  end
end
for seat in pairs(live) do
  redis.call('HSET', SOLD, seat, sale_id)
  if state_of(seat) ~= SOLD_STATE then note(seat, SOLD_STATE) end
end
for position = FIRST_SEAT + live_count, #ARGV do
  local seat = tonumber(ARGV[position])
  if redis.call('HGET', SOLD, seat) == sale_id then
    redis.call('HDEL', SOLD, seat)
    note(seat, AVAILABLE)
  end
end

redis.call('HDEL', CLAIMS, sale_id)
redis.call('ZREM', CLAIMS_DUE, sale_id)
if version > 0 then
  redis.call('HSET', SALES, sale_id, version)
  keep_with_show(SOLD, SALES)
end
tell()
return {'RECORDED'}
