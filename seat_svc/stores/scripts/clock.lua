-- The inventory's clock: Redis' own time, so that every process and every client's machine may be wrong.
-- Tests put a clock that they can move in place of this file.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
