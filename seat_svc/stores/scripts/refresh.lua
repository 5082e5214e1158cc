-- Takes over what the catalogue and the theatre now say of a show: times, cancellation, blocked seats.
-- INVARIANT: a seat that is held, being confirmed or sold stays so. A show that moved to another layout is
-- taken away as a whole, because its seats have other numbers there; the next caller rebuilds it. What was
-- read before begin_refresh.lua gave a later turn never replaces what was read after it.
local layout_id, revision = ARGV[1], ARGV[2]
local closes, cancelled, forget_ms = ARGV[3], ARGV[4], tonumber(ARGV[5])
local turn = ARGV[6]
local FIRST_BLOCKED = 7

if tonumber(turn) <= tonumber(redis.call('HGET', FACTS, 'taken_over') or -1) then return {'OLDER'} end
local refusal = open_show(layout_id)
if refusal then
  if refusal[1] == 'OUTDATED' then redis.call('DEL', unpack(KEYS, 1, 10)) end
  return {'MISSING'}
end

facts.forget = digits(math.max(tonumber(closes), now) + forget_ms)
redis.call('HSET', FACTS, 'revision', revision, 'closes', closes, 'cancelled', cancelled,
  'forget', facts.forget, 'taken_over', turn)
keep_with_show(unpack(KEYS, 1, 10))

local blocked = {}
for position = FIRST_BLOCKED, #ARGV do
  blocked[tonumber(ARGV[position])] = true
end
local states = redis.call('GET', STATES)
for seat = 0, #states - 1 do
  local state = states:byte(seat + 1)
  if blocked[seat] and state == AVAILABLE then note(seat, BLOCKED) end
  if not blocked[seat] and state == BLOCKED then note(seat, AVAILABLE) end
end
tell()
return {'REFRESHED'}
