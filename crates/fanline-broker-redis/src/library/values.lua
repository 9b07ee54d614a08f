-- Last values by key, which outlive the log's trim. Their slots stay without a gap.
--
-- K<key>  the number of the slot
-- V<n>    expiry (8 bytes), seq (8 bytes), length of the key (4 bytes), key, envelope

local SLOT = '>I8I8I4'
local SLOT_HEADER = 20

local function slot_field(n)
  return 'V' .. n
end

local function slot_key(slot)
  local _, _, length = struct.unpack(SLOT, slot)
  return string.sub(slot, SLOT_HEADER + 1, SLOT_HEADER + length)
end

local function slot_expires(slot)
  return (struct.unpack('>I8', slot))
end

local function slot_of(key, value_key)
  return tonumber(redis.call('HGET', key, 'K' .. value_key))
end

local function read_slots(key, m)
  local slots = {}
  for from = 1, m[VALUES], CHUNK do
    local fields = {}
    for n = from, math.min(m[VALUES], from + CHUNK - 1) do
      fields[#fields + 1] = slot_field(n)
    end
    for _, slot in ipairs(redis.call('HMGET', key, unpack(fields))) do
      slots[#slots + 1] = slot
    end
  end
  return slots
end

local function delete_values(key, m)
  for _, slot in ipairs(read_slots(key, m)) do
    redis.call('HDEL', key, 'K' .. slot_key(slot))
  end
  delete_fields(key, 1, m[VALUES], slot_field)
  m[VALUES] = 0
end

-- Drops last values that expired. Answers those that stay.
local function expire_values(key, m, now)
  local kept = {}
  local slots = read_slots(key, m)
  for n, slot in ipairs(slots) do
    if slot_expires(slot) > now then
      kept[#kept + 1] = slot
      if #kept ~= n then
        redis.call('HSET', key, 'K' .. slot_key(slot), #kept, slot_field(#kept), slot)
      end
    else
      redis.call('HDEL', key, 'K' .. slot_key(slot))
    end
  end
  delete_fields(key, #kept + 1, #slots, slot_field)
  m[VALUES] = #kept
  return kept
end

local function put_value(key, m, value_key, seq, expires, entry)
  local n = slot_of(key, value_key)
  local slot = struct.pack(SLOT, expires, seq, #value_key) .. value_key .. entry_envelope(entry)
  if n then
    redis.call('HSET', key, slot_field(n), slot)
  else
    m[VALUES] = m[VALUES] + 1
    redis.call('HSET', key, 'K' .. value_key, m[VALUES], slot_field(m[VALUES]), slot)
  end
end

-- The last value of a key in the form of an entry, or nothing.
local function read_value(key, value_key, now)
  local n = slot_of(key, value_key)
  local slot = n and redis.call('HGET', key, slot_field(n))
  if slot and slot_expires(slot) > now then
    return struct.pack(ENTRY, 0, 0) .. string.sub(slot, SLOT_HEADER + 1 + #value_key)
  end
end

-- Takes over from the log what it still knows.
local function fill_values(key, m, rule, now)
  local seen, found = {}, {}
  walk_back(key, m, 0, function(seq, entry)
    local _, value_key = read_content(entry)
    if not seen[value_key] then
      seen[value_key] = true
      found[#found + 1] = { value_key, seq, entry }
    end
    return #found >= rule.state_keys
  end)
  for n = #found, 1, -1 do
    local value = found[n]
    put_value(key, m, value[1], value[2], now + rule.state_ttl, value[3])
  end
end
