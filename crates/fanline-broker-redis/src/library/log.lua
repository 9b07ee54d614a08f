-- The log: its entries, and what is in their envelopes.
--
-- entry   weight (4 bytes; its four highest bits are flags of the publish), length of what the edge wrote of the
--         envelope (4 bytes), the envelope: that, and the tail, whose fields are always these: when it was published,
--         where it stands, and the fork that it is the first to follow, if there is one

local ENTRY = '>I4I4'
local ENTRY_HEADER = 8
-- From here on up an entry's first number is flags.
local FLAGS = 268435456
local TIMESTAMP, POSITION, FORK = 32, 33, 34
local TAIL = '>BBI8BBc8I8'
-- How far behind what the edge wrote these begin.
local TIMESTAMP_AT, POSITION_AT, SEQ_AT = 3, 13, 21

-- What the log says of an entry.
local function entry_weight(entry)
  return struct.unpack('>I4', entry) % FLAGS
end

local function entry_timestamp(entry)
  local _, length = struct.unpack(ENTRY, entry)
  return struct.unpack('>I8', entry, ENTRY_HEADER + length + TIMESTAMP_AT)
end

local function entry_position(entry)
  local _, length = struct.unpack(ENTRY, entry)
  local at = ENTRY_HEADER + length + POSITION_AT
  return string.sub(entry, at, at + 15)
end

local function entry_envelope(entry)
  return string.sub(entry, ENTRY_HEADER + 1)
end

-- A length before bytes is LEB128.
local function read_length(bytes, at)
  local length, scale = 0, 1
  while true do
    local byte = string.byte(bytes, at)
    at = at + 1
    length = length + (byte % 128) * scale
    if byte < 128 then
      return length, at
    end
    scale = scale * 128
  end
end

-- The id in an entry, or in what will be one.
local function entry_id(entry)
  local length, at = read_length(entry, ENTRY_HEADER + 3)
  return string.sub(entry, at, at + length - 1)
end

-- What an entry says (kind, removal and payload) and the key of its last value.
local function read_content(entry)
  local length, at = read_length(entry, ENTRY_HEADER + 3)
  length, at = read_length(entry, at + length)
  -- Whether it is ephemeral says nothing about what it says.
  local flags = string.byte(entry, ENTRY_HEADER + 2)
  local said = string.char(flags - (math.floor(flags / 4) % 2) * 4) .. string.sub(entry, at, at + length - 1)
  at = at + length
  while at <= #entry do
    local tag = string.byte(entry, at)
    length, at = read_length(entry, at + 1)
    if tag == 2 then
      return said, string.sub(entry, at, at + length - 1)
    elseif tag > 2 then
      break
    end
    at = at + length
  end
  return said, ''
end

-- How far back a walk looks. A server does nothing else meanwhile, and a log may hold a million entries.
local WALK_ANYHOW, WALK_AT_MOST = 1000, 20000

-- Walks the log from its newest entry back, until `visit` answers true: the newest entries anyhow, and of those before
-- them what was published since a time.
local function walk_back(key, m, since, visit)
  local last = m[SEQ]
  local anyhow, bound = last - WALK_ANYHOW, math.max(m[EVICTED], last - WALK_AT_MOST)
  while last > bound do
    local first = math.max(bound + 1, last - 99)
    local fields = {}
    for seq = last, first, -1 do
      fields[#fields + 1] = u64(seq)
    end
    for n, entry in ipairs(redis.call('HMGET', key, unpack(fields))) do
      local seq = last - n + 1
      if entry and (seq <= anyhow and entry_timestamp(entry) < since or visit(seq, entry)) then
        return
      end
    end
    last = first - 1
  end
end

-- Evicts what is too old or too much; bytes never evict the newest entry. True if the channel changed.
local function trim(key, m, rule, now)
  if m[EPOCH] == NO_EPOCH or not rule.window then
    return false
  end
  local before, evicted = m[EVICTED], {}
  while m[EVICTED] < m[SEQ] do
    local kept = m[SEQ] - m[EVICTED]
    local aged = m[OLDEST_AT] + rule.window <= now
    local over = m[BYTES] > rule.bytes and kept > 1
    if not aged and not over and kept <= rule.messages then
      break
    end
    m[EVICTED] = m[EVICTED] + 1
    m[BYTES] = m[BYTES] - m[OLDEST_WEIGHT]
    evicted[#evicted + 1] = u64(m[EVICTED])
    if m[EVICTED] < m[SEQ] then
      local entry = redis.call('HGET', key, u64(m[EVICTED] + 1))
      m[OLDEST_WEIGHT], m[OLDEST_AT] = entry_weight(entry), entry_timestamp(entry)
    else
      m[BYTES], m[OLDEST_AT], m[OLDEST_WEIGHT] = 0, 0, 0
    end
    if #evicted == CHUNK then
      redis.call('HDEL', key, unpack(evicted))
      evicted = {}
    end
  end
  if #evicted > 0 then
    redis.call('HDEL', key, unpack(evicted))
  end
  return m[EVICTED] > before
end

local function delete_log(key, m)
  delete_fields(key, m[EVICTED] + 1, m[SEQ], u64)
  m[EVICTED], m[BYTES], m[OLDEST_AT], m[OLDEST_WEIGHT] = m[SEQ], 0, 0, 0
end
