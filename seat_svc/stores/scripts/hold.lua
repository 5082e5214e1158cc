-- Holds all the seats or none.
-- INVARIANT: a seat becomes HELD only from AVAILABLE, in the same step as all the others of its hold, so
-- that no two live holds share a seat. A repeat of a request gets the first one's answer, also a refusal:
-- what a caller was refused must not be done later, when a command that was long on its way arrives.
local layout_id, revision = ARGV[1], ARGV[2]
local hold_id, holder, content = ARGV[3], ARGV[4], ARGV[5]
local hold_ms, memory_ms, refusal_memory_ms = tonumber(ARGV[6]), ARGV[7], ARGV[8]
local holder_limit = tonumber(ARGV[9])
local judged_count = tonumber(ARGV[10])  -- pairs (first seat, states) by which a rule let the pick pass
local REQUEST = KEYS[11]

local refusal = open_show(layout_id)
if refusal then return refusal end

local earlier, reused = earlier_request(REQUEST, content)
if reused then return {'REUSED'} end
-- With another layout the seats had other numbers, and the show's holds went with it.
if earlier and (earlier.layout or layout_id) == layout_id then
  return earlier.refusal or {'HELD', digits(now), earlier.hold, digits(earlier.expire)}
end
if facts.revision ~= revision then return {'OUTDATED'} end

local function refuse(...)
  remember_request(REQUEST, {content = content, layout = layout_id, refusal = {...}}, refusal_memory_ms)
  return {...}
end
if facts.cancelled or now >= facts.closes then return refuse('CLOSED') end

local states = redis.call('GET', STATES)
local FIRST_JUDGED = 11
local first_seat = FIRST_JUDGED + 2 * judged_count
local seats, blocked, taken, claimed = {}, {}, {}, false
for position = first_seat, #ARGV do
  local seat = tonumber(ARGV[position])
  local state = states:byte(seat + 1)
  seats[#seats + 1] = seat
  if state == BLOCKED then
    blocked[#blocked + 1] = seat
  elseif state ~= AVAILABLE then
    taken[#taken + 1] = seat
    claimed = claimed or state == CLAIMED
  end
end
if #blocked > 0 then return refuse('BLOCKED', unpack(blocked)) end
if #taken > 0 then
  -- With claims to settle first it is not yet an answer.
  local overdue = claimed and overdue_claims() or 0
  if overdue > 0 then return {'TAKEN', overdue, unpack(taken)} end
  return refuse('TAKEN', 0, unpack(taken))
end

for position = FIRST_JUDGED, first_seat - 1, 2 do
  local first, expected = tonumber(ARGV[position]), ARGV[position + 1]
  if states:sub(first + 1, first + #expected) ~= expected then return {'CHANGED', states} end
end

local held = tonumber(redis.call('HGET', HOLDERS, holder) or 0)
if held + #seats > holder_limit then return refuse('LIMIT') end

local expire = now + hold_ms
redis.call('HSET', HOLDS, hold_id, cjson.encode({holder = holder, seats = seats, expire = expire}))
redis.call('ZADD', DUE, digits(expire), hold_id)
redis.call('HINCRBY', HOLDERS, holder, #seats)
keep_with_show(HOLDS, DUE, HOLDERS)
remember_request(REQUEST, {content = content, layout = layout_id, hold = hold_id, expire = expire}, memory_ms)
for _, seat in ipairs(seats) do
  note(seat, HELD)
end
tell()
return {'HELD', digits(now), hold_id, digits(expire)}
