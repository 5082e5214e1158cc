-- Puts a show in place from what the catalogue and MongoDB say of it.
-- INVARIANT: only who still has the guard may do so, and only while the show is missing; what was read
-- before a guard that ran out is never written. Sales whose insert was under way while MongoDB was read are
-- found by the recheck, which falls due when no confirm from before the show went missing can be alive.
local token, layout_id, revision = ARGV[1], ARGV[2], ARGV[3]
local closes, cancelled, forget_ms = ARGV[4], ARGV[5], tonumber(ARGV[6])
local recheck_ms, states = tonumber(ARGV[7]), ARGV[8]
local sold_count = tonumber(ARGV[9])
local FIRST_SOLD = 10      -- pairs (seat, sale id), then pairs (sale id, version)
local REBUILDING = KEYS[11]

if redis.call('EXISTS', FACTS) == 1 then return {'READY'} end
if redis.call('GET', REBUILDING) ~= token then return {'LATE'} end

for number = 2, 10 do
  redis.call('DEL', KEYS[number])
end
-- The forget time is at least a while from now: a show of long ago that is asked for stays for a while.
facts = {forget = digits(math.max(tonumber(closes), now) + forget_ms)}
local start = fresh_sequence()
redis.call('HSET', FACTS, 'layout', layout_id, 'revision', revision, 'closes', closes, 'cancelled', cancelled,
  'forget', facts.forget, 'sequence', start, 'life', LIFE, 'turn', start, 'taken_over', start)
redis.call('SET', STATES, states)
local first_sale = FIRST_SOLD + 2 * sold_count
for position = FIRST_SOLD, first_sale - 1, 2 do
  redis.call('HSET', SOLD, ARGV[position], ARGV[position + 1])
end
for position = first_sale, #ARGV, 2 do
  redis.call('HSET', SALES, ARGV[position], ARGV[position + 1])
end
redis.call('ZADD', CLAIMS_DUE, digits(now + recheck_ms), RECHECK)
keep_with_show(FACTS, STATES, CLAIMS_DUE, SOLD, SALES)
redis.call('DEL', REBUILDING)
return {'REBUILT'}
