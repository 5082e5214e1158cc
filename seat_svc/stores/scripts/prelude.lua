-- The rules that every script of a show shares. Put before each script after clock.lua, which sets `now`.
-- All keys of a show carry its hash tag and are handed in by the caller in this order.
local FACTS = KEYS[1]      -- hash: layout, revision, closes, cancelled, forget, sequence, life, turn, taken_over
local STATES = KEYS[2]     -- string: byte n is the state of the layout's seat n
local HOLDS = KEYS[3]      -- hash: hold id -> {holder, seats, expire}
local DUE = KEYS[4]        -- sorted set: hold id by the time it is over
local HOLDERS = KEYS[5]    -- hash: holder -> number of seats held
local CLAIMS = KEYS[6]     -- hash: sale id -> {seats, due}: being confirmed
local CLAIMS_DUE = KEYS[7] -- sorted set: sale id by the time its claim should long have ended
local SOLD = KEYS[8]       -- hash: seat -> sale id
local SALES = KEYS[9]      -- hash: sale id -> version of MongoDB's record that was taken over last
local CHANGES = KEYS[10]   -- stream: the latest changes by sequence; also the channel that they are told on

local LIFE = table.remove(ARGV, 1) -- of this server, as the caller knows it; the others are as the script says

local AVAILABLE, HELD, CLAIMED, SOLD_STATE, BLOCKED = 1, 2, 3, 4, 5
local REMEMBERED_CHANGES = 256
local RECHECK = '*'        -- stands among CLAIMS_DUE for all sales; no sale has this id

local facts                -- set by open_show
local noted, order = {}, {} -- seat -> state, and seats in order, of the change under way

-- Times in milliseconds and sequences have more digits than Lua's own conversion keeps.
local function digits(number)
  return string.format('%.0f', number)
end

-- A key that was made later than the show's first ones must be forgotten together with them.
local function keep_with_show(...)
  for _, key in ipairs({...}) do
    redis.call('PEXPIREAT', key, facts.forget)
  end
end

local function note(seat, state)
  redis.call('SETRANGE', STATES, seat, string.char(state))
  if not noted[seat] then order[#order + 1] = seat end
  noted[seat] = state
end

-- No show changes more than once a microsecond, so this is above every sequence that it ever had.
local function fresh_sequence()
  return digits(now * 1000)
end

-- Ends the change under way: the sequence grows by 1, and the change is remembered and told.
-- INVARIANT: no two changes are told with the same sequence, also when this server, in a new life, has
-- forgotten the last ones: then there is a gap.
local function tell()
  if #order == 0 then return end
  if facts.life ~= LIFE then
    facts.life = LIFE
    redis.call('HSET', FACTS, 'life', LIFE, 'sequence', fresh_sequence())
    redis.call('DEL', CHANGES)
  end
  local parts = {}
  for position, seat in ipairs(order) do
    parts[position] = seat .. '=' .. noted[seat]
  end
  local sequence = digits(redis.call('HINCRBY', FACTS, 'sequence', 1))
  local change = sequence .. ' ' .. digits(now) .. ' ' .. table.concat(parts, ',')
  redis.call('XADD', CHANGES, 'MAXLEN', '~', REMEMBERED_CHANGES, sequence .. '-0', 'change', change)
  redis.call('PUBLISH', CHANGES, change)
  keep_with_show(CHANGES)
  noted, order = {}, {}
end

local function read_hold(hold_id)
  local record = redis.call('HGET', HOLDS, hold_id)
  return record and cjson.decode(record)
end

local function read_claim(sale_id)
  local record = redis.call('HGET', CLAIMS, sale_id)
  return record and cjson.decode(record)
end

-- Takes a hold off the books; what becomes of its seats is the caller's to say.
local function forget_hold(hold_id, hold)
  redis.call('HDEL', HOLDS, hold_id)
  redis.call('ZREM', DUE, hold_id)
  if redis.call('HINCRBY', HOLDERS, hold.holder, -#hold.seats) <= 0 then
    redis.call('HDEL', HOLDERS, hold.holder)
  end
end

local function free_hold(hold_id, hold)
  forget_hold(hold_id, hold)
  for _, seat in ipairs(hold.seats) do
    note(seat, AVAILABLE)
  end
end

-- INVARIANT: after this no hold lives whose time has passed, whether or not anybody swept.
local function end_due_holds()
  for _, hold_id in ipairs(redis.call('ZRANGEBYSCORE', DUE, '-inf', digits(now))) do
    free_hold(hold_id, read_hold(hold_id))
  end
  tell()
end

-- Must come first in every script. Returns what to answer instead when the show is not here, or not with
-- the layout that the caller's seat numbers belong to.
local function open_show(layout_id)
  local read = redis.call('HMGET', FACTS, 'layout', 'revision', 'closes', 'cancelled', 'forget', 'life')
  if not read[1] then return {'MISSING'} end
  if read[1] ~= layout_id then return {'OUTDATED'} end
  facts = {revision = read[2], closes = tonumber(read[3]), cancelled = read[4] == '1', forget = read[5],
    life = read[6]}
  end_due_holds()
end

-- How many claims are overdue: their confirms crashed, and only MongoDB knows how they ended.
local function overdue_claims()
  return redis.call('ZCOUNT', CLAIMS_DUE, '-inf', digits(now))
end

-- What was remembered of a request id; `reused` when that was another request.
local function earlier_request(key, content)
  local record = redis.call('GET', key)
  if not record then return nil, false end
  local earlier = cjson.decode(record)
  return earlier, earlier.content ~= content
end

local function remember_request(key, request, memory_ms)
  redis.call('SET', key, cjson.encode(request), 'PX', memory_ms)
end
