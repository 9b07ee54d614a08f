-- Idempotency records: which ids were published, and where to.
--
-- R<id>   expiry (8 bytes), '-' or 'h' and the hash of the call's items (16 bytes), position (16 bytes) or none
-- D<n>    the field of a record

-- How many records that expired one call forgets, at most; the next one goes on.
local RECORDS_AT_ONCE = 100

local function record_field(id)
  return 'R' .. id
end

local function order_field(n)
  return struct.pack('>c1I8', 'D', n)
end

-- What a record has before its position.
local function record_head(expires, hash)
  if hash == '' then
    return struct.pack('>I8c1', expires, '-')
  end
  return struct.pack('>I8c1', expires, 'h') .. hash
end

-- The place of a recorded id, and the hash if there is one.
local function read_record(key, m, id, now)
  if m[RECORDS_FIRST] == m[RECORDS_NEXT] then
    return
  end
  local record = redis.call('HGET', key, record_field(id))
  if not record or struct.unpack('>I8', record) <= now then
    return
  end
  if string.sub(record, 9, 9) == 'h' then
    return string.sub(record, 26), string.sub(record, 10, 25)
  end
  return string.sub(record, 10)
end

-- Forgets the oldest records that expired. True if the channel changed.
local function expire_records(key, m, now)
  local first = m[RECORDS_FIRST]
  if first == m[RECORDS_NEXT] or m[RECORDS_DUE] > now then
    return false
  end
  local order = {}
  for n = first, math.min(m[RECORDS_NEXT], first + RECORDS_AT_ONCE) - 1 do
    order[#order + 1] = order_field(n)
  end
  local fields = redis.call('HMGET', key, unpack(order))
  local records = redis.call('HMGET', key, unpack(fields))
  local expired = {}
  for n, field in ipairs(fields) do
    m[RECORDS_DUE] = struct.unpack('>I8', records[n])
    if m[RECORDS_DUE] > now then
      break
    end
    expired[#expired + 1], expired[#expired + 2] = order[n], field
    m[RECORDS_FIRST] = first + n
  end
  if #expired > 0 then
    redis.call('HDEL', key, unpack(expired))
  end
  return true
end

-- A record with a long life may stand before ones that expired: looks at every one.
local function compact_records(key, m, now)
  local next = m[RECORDS_FIRST]
  m[RECORDS_DUE] = 0
  for n = m[RECORDS_FIRST], m[RECORDS_NEXT] - 1 do
    local name = order_field(n)
    local field = redis.call('HGET', key, name)
    local expires = struct.unpack('>I8', redis.call('HGET', key, field))
    redis.call('HDEL', key, name)
    if expires > now then
      redis.call('HSET', key, order_field(next), field)
      if next == m[RECORDS_FIRST] then
        m[RECORDS_DUE] = expires
      end
      next = next + 1
    else
      redis.call('HDEL', key, field)
    end
  end
  m[RECORDS_NEXT] = next
end

-- True if so many records more may be kept.
local function make_room_for_records(key, m, needed, most, now)
  if m[RECORDS_NEXT] - m[RECORDS_FIRST] + needed <= most then
    return true
  end
  compact_records(key, m, now)
  return m[RECORDS_NEXT] - m[RECORDS_FIRST] + needed <= most
end

local function record_place(key, m, id, hash, place, expires, now)
  local name = record_field(id)
  if redis.call('HEXISTS', key, name) == 0 then
    if m[RECORDS_FIRST] == m[RECORDS_NEXT] then
      m[RECORDS_DUE] = expires
    end
    redis.call('HSET', key, order_field(m[RECORDS_NEXT]), name)
    m[RECORDS_NEXT] = m[RECORDS_NEXT] + 1
  end
  redis.call('HSET', key, name, record_head(expires, hash) .. place)
  live_until(m, expires, now)
end
