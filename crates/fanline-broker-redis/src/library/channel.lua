#!lua name=fanline_1
-- One channel is one hash, and every act on it is one call on that one key: while a slot moves, a call on two
-- keys is refused as soon as they stand on different sides.
--
-- field   what
-- m       metadata, packed (the list below)
-- SEQ     a log entry: weight (4 bytes), timestamp (8 bytes), envelope
-- R<id>   an idempotency record: expiry (8 bytes), '-' or 'h' and the hash (16 bytes), position (16 bytes) or none
-- D<n>    the ids of the records, in the order they were made
-- K<key>  the slot of the key's last value
-- V<n>    a slot: expiry (8 bytes), seq (8 bytes), length of the key (4 bytes), key, envelope
-- p E L M presence (presence.lua)
--
-- Numbers in values are big endian. Anything that refuses does so before anything is written, except for what is
-- true whatever follows: a rotated epoch, and the trim.

-- Metadata, by place: what `LAYOUT` unpacks, then two texts.
local EPOCH = 1           -- 8 bytes; none while no log is kept
local SEQ = 2
local OWNER = 3           -- the replication id that numbered last
local EVICTED = 4         -- the highest seq that can no longer be replayed
local BYTES = 5           -- what the log weighs
local OLDEST_AT = 6       -- timestamp of the oldest entry
local OLDEST_WEIGHT = 7
local VERSION = 8         -- 20 digits, or none
local RECORDS_FIRST = 9
local RECORDS_NEXT = 10
local VALUES = 11         -- how many slots of last values are taken
local EXPIRES = 12        -- when the key expires
local FORKS = 13          -- at most four times: epoch (8 bytes), at (8 bytes); oldest first
local RULE = 14           -- the retention as the edge said it last
local LAYOUT = '>c8I8c40I8I8I8I4c20I8I8I4I8B'

-- While a library is loaded there are no functions of strings yet.
local NO_EPOCH = '\0\0\0\0\0\0\0\0'
local NO_OWNER = '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
-- Less than any digits.
local NO_VERSION = '                    '

local FORK_BYTES = 16
local KEPT_FORKS = 4
-- How many fields one command names: Lua's stack holds some thousands.
local CHUNK = 500
-- How much later a key must expire for its expiry to be written again.
local EXPIRY_SLACK = 1000
-- How long the word on who owns this server's data may be old.
local OWNER_MS = 100

local owner_id
local owner_read_at = 0

local function clock()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- The replication id changes with every promotion, and whenever continuity cannot be proved. A replica's word is
-- never kept: it is the old primary's until the moment of its own promotion.
local function owner(now)
  local age = now - owner_read_at
  if owner_id and age >= 0 and age <= OWNER_MS then
    return owner_id
  end
  local info = redis.call('INFO', 'replication')
  local id = string.match(info, 'master_replid:(%x+)')
  if string.match(info, 'role:(%a+)') == 'master' then
    owner_id, owner_read_at = id, now
  else
    owner_id = nil
  end
  return id
end

local function u64(number)
  return struct.pack('>I8', number)
end

local function digits(number)
  return string.format('%.0f', number)
end

local function position(epoch, seq)
  return epoch .. u64(seq)
end

-- Few apps have many rules, but a process lives long.
local KEPT_RULES = 1000
local rules, kept_rules = {}, 0

-- The rule: window, messages, bytes of the log ('-' without one), lifetime of the position, lifetime and number of
-- last values ('-' without them).
local function parse_rule(text)
  local known = rules[text]
  if known then
    return known
  end
  local window, messages, bytes, position_ttl, state_ttl, state_keys =
    string.match(text, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+)$')
  local rule = {
    window = tonumber(window),
    messages = tonumber(messages),
    bytes = tonumber(bytes),
    position_ttl = tonumber(position_ttl),
    state_ttl = tonumber(state_ttl),
    state_keys = tonumber(state_keys),
  }
  if kept_rules == KEPT_RULES then
    rules, kept_rules = {}, 0
  end
  rules[text], kept_rules = rule, kept_rules + 1
  return rule
end

local function keeps_log(rule)
  return rule.window ~= nil
end

local function load_channel(key)
  local packed = redis.call('HGET', key, 'm')
  if not packed then
    return
  end
  local m = { struct.unpack(LAYOUT, packed) }
  local at = m[RULE]
  local rule_at = at + m[FORKS] * FORK_BYTES
  m[FORKS], m[RULE] = string.sub(packed, at, rule_at - 1), string.sub(packed, rule_at)
  return m
end

local function pack(m)
  return struct.pack(LAYOUT, m[1], m[2], m[3], m[4], m[5], m[6], m[7], m[8], m[9], m[10], m[11], m[12],
    #m[FORKS] / FORK_BYTES) .. m[FORKS] .. m[RULE]
end

local function save(key, m)
  redis.call('HSET', key, 'm', pack(m))
end

local function delete_fields(key, first, last, name)
  for from = first, last, CHUNK do
    local fields = {}
    for n = from, math.min(last, from + CHUNK - 1) do
      fields[#fields + 1] = name(n)
    end
    redis.call('HDEL', key, unpack(fields))
  end
end

-- What a hash without metadata still holds belongs to a numbering that nobody can name any more.
local function delete_remains(key)
  local remains = {}
  for _, field in ipairs(redis.call('HKEYS', key)) do
    if string.match(field, '^[%dRDKV]') then
      remains[#remains + 1] = field
    end
  end
  for from = 1, #remains, CHUNK do
    redis.call('HDEL', key, unpack(remains, from, math.min(#remains, from + CHUNK - 1)))
  end
end

local function delete_log(key, m)
  delete_fields(key, m[EVICTED] + 1, m[SEQ], digits)
  m[EVICTED], m[BYTES], m[OLDEST_AT], m[OLDEST_WEIGHT] = m[SEQ], 0, 0, 0
end

local function read_slots(key, m)
  local slots = {}
  for from = 1, m[VALUES], CHUNK do
    local fields = {}
    for n = from, math.min(m[VALUES], from + CHUNK - 1) do
      fields[#fields + 1] = 'V' .. n
    end
    for _, slot in ipairs(redis.call('HMGET', key, unpack(fields))) do
      slots[#slots + 1] = slot
    end
  end
  return slots
end

local function slot_key(slot)
  local _, _, length = struct.unpack('>I8I8I4', slot)
  return string.sub(slot, 21, 20 + length), string.sub(slot, 21 + length)
end

local function delete_values(key, m)
  for _, slot in ipairs(read_slots(key, m)) do
    redis.call('HDEL', key, 'K' .. slot_key(slot))
  end
  delete_fields(key, 1, m[VALUES], function(n) return 'V' .. n end)
  m[VALUES] = 0
end

-- Drops last values that expired; the slots stay without a gap.
local function expire_values(key, m, now)
  local kept = {}
  local slots = read_slots(key, m)
  for n, slot in ipairs(slots) do
    if struct.unpack('>I8', slot) > now then
      kept[#kept + 1] = slot
      if #kept ~= n then
        redis.call('HSET', key, 'K' .. slot_key(slot), #kept, 'V' .. #kept, slot)
      end
    else
      redis.call('HDEL', key, 'K' .. slot_key(slot))
    end
  end
  delete_fields(key, #kept + 1, #slots, function(n) return 'V' .. n end)
  m[VALUES] = #kept
  return kept
end

local function put_value(key, m, value_key, seq, expires, envelope)
  local n = tonumber(redis.call('HGET', key, 'K' .. value_key))
  local slot = struct.pack('>I8I8I4', expires, seq, #value_key) .. value_key .. envelope
  if n then
    redis.call('HSET', key, 'V' .. n, slot)
  else
    m[VALUES] = m[VALUES] + 1
    redis.call('HSET', key, 'K' .. value_key, m[VALUES], 'V' .. m[VALUES], slot)
  end
end

-- Begins a numbering that continues no other.
local function begin(key, m, fresh, now)
  delete_log(key, m)
  delete_values(key, m)
  m[EPOCH], m[OWNER], m[FORKS] = fresh, owner(now), ''
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

-- The parts of an envelope that conditions, retries and last values ask for.
local function read_envelope(envelope)
  local length, at = read_length(envelope, 3)
  local id = string.sub(envelope, at, at + length - 1)
  length, at = read_length(envelope, at + length)
  -- Kind and removal; whether it is ephemeral says nothing about what it says.
  local flags = string.byte(envelope, 2)
  local said = string.char(flags - (math.floor(flags / 4) % 2) * 4) .. string.sub(envelope, at, at + length - 1)
  at = at + length
  local value_key = ''
  while at <= #envelope do
    local tag = string.byte(envelope, at)
    length, at = read_length(envelope, at + 1)
    if tag == 2 then
      value_key = string.sub(envelope, at, at + length - 1)
      break
    end
    if tag > 2 then
      break
    end
    at = at + length
  end
  return { id = id, said = said, key = value_key }
end

-- Walks the log from its newest entry back, until `visit` answers true.
local function walk_back(key, m, visit)
  local last = m[SEQ]
  while last > m[EVICTED] do
    local first = math.max(m[EVICTED] + 1, last - 99)
    local fields = {}
    for seq = last, first, -1 do
      fields[#fields + 1] = digits(seq)
    end
    for n, entry in ipairs(redis.call('HMGET', key, unpack(fields))) do
      if entry and visit(last - n + 1, string.sub(entry, 13)) then
        return
      end
    end
    last = first - 1
  end
end

local function fill_values(key, m, rule, now)
  local seen = {}
  local found = {}
  walk_back(key, m, function(seq, envelope)
    local value_key = read_envelope(envelope).key
    if not seen[value_key] then
      seen[value_key] = true
      found[#found + 1] = { value_key, seq, envelope }
    end
    return #found >= rule.state_keys
  end)
  for n = #found, 1, -1 do
    local value = found[n]
    put_value(key, m, value[1], value[2], now + rule.state_ttl, value[3])
  end
end

-- Takes over the rule as the caller knows it.
local function apply_rule(key, m, text, rule, fresh, now)
  if m[RULE] == text then
    return
  end
  local before = parse_rule(m[RULE])
  m[RULE] = text
  if keeps_log(rule) and m[EPOCH] == NO_EPOCH then
    begin(key, m, fresh, now)
  elseif not keeps_log(rule) and m[EPOCH] ~= NO_EPOCH then
    delete_log(key, m)
    m[EPOCH], m[OWNER], m[FORKS] = NO_EPOCH, NO_OWNER, ''
  end
  if not rule.state_ttl or not keeps_log(rule) then
    delete_values(key, m)
  elseif not before.state_ttl then
    fill_values(key, m, rule, now)
  end
end

local function open_channel(key, text, rule, fresh, now)
  if redis.call('EXISTS', key) == 1 then
    delete_remains(key)
  end
  local m = { NO_EPOCH, 0, NO_OWNER, 0, 0, 0, 0, NO_VERSION, 0, 0, 0, 0, '', text }
  if keeps_log(rule) then
    m[EPOCH], m[OWNER] = fresh, owner(now)
  end
  return m
end

-- If another server, or this one in another life, numbered last, what it acknowledged after its last word here may
-- be lost: that is a fork, and another epoch. True if the channel changed.
local function fence(m, fresh, now)
  if m[EPOCH] == NO_EPOCH or m[OWNER] == owner(now) then
    return false
  end
  m[FORKS] = string.sub(m[FORKS] .. position(m[EPOCH], m[SEQ]), -KEPT_FORKS * FORK_BYTES)
  m[EPOCH], m[OWNER] = fresh, owner(now)
  return true
end

-- Evicts what is too old or too much; bytes never evict the newest entry. True if the channel changed.
local function trim(key, m, rule, now)
  if m[EPOCH] == NO_EPOCH or not rule.window then
    return false
  end
  local evicted = {}
  while m[EVICTED] < m[SEQ] do
    local kept = m[SEQ] - m[EVICTED]
    local aged = m[OLDEST_AT] + rule.window <= now
    local over = m[BYTES] > rule.bytes and kept > 1
    if not aged and not over and kept <= rule.messages then
      break
    end
    m[EVICTED] = m[EVICTED] + 1
    m[BYTES] = m[BYTES] - m[OLDEST_WEIGHT]
    evicted[#evicted + 1] = digits(m[EVICTED])
    if m[EVICTED] < m[SEQ] then
      local entry = redis.call('HGET', key, digits(m[EVICTED] + 1))
      m[OLDEST_WEIGHT], m[OLDEST_AT] = struct.unpack('>I4I8', entry)
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
    return true
  end
  return false
end

local function is_virgin(m)
  return m[SEQ] == 0 and m[FORKS] == ''
end

-- Lets the key live at least until then. True if the metadata changed; the expiry itself is written by `expire`.
local function live_until(m, at)
  if at > m[EXPIRES] + EXPIRY_SLACK or (m[EXPIRES] == 0 and at > 0) then
    m[EXPIRES] = at
    return true
  end
  return false
end

-- Notes that the position was used. Before its first message a channel lives for its window only, and only who
-- follows it prolongs that: a loop over random names leaves nothing for long.
local function touch(m, rule, now, follows)
  if m[EPOCH] == NO_EPOCH then
    return m[VERSION] ~= NO_VERSION and live_until(m, now + rule.position_ttl)
  end
  if is_virgin(m) then
    return follows and live_until(m, now + rule.window)
  end
  return live_until(m, now + math.max(rule.position_ttl, rule.window))
end

-- Log and presence share the key: neither may shorten what the other needs.
local function keep_key_until(key, at)
  if redis.call('PEXPIRETIME', key) < at then
    redis.call('PEXPIREAT', key, digits(at))
  end
end

local function expire(key, m)
  keep_key_until(key, m[EXPIRES])
end

-- A head: epoch (8 bytes), seq (8 bytes), evicted (8 bytes), number of forks (1 byte), forks.
local function head(m)
  return struct.pack('>c8I8I8B', m[EPOCH], m[SEQ], m[EVICTED], #m[FORKS] / FORK_BYTES) .. m[FORKS]
end

-- What every function that reads does first. Answers nothing for a channel that keeps no log or is unknown.
local function open_to_read(key, fresh, follows)
  local m = load_channel(key)
  if not m or m[EPOCH] == NO_EPOCH then
    return
  end
  local now = clock()
  local rule = parse_rule(m[RULE])
  local forked = fence(m, fresh, now)
  local trimmed = trim(key, m, rule, now)
  local prolonged = touch(m, rule, now, follows)
  if forked or trimmed or prolonged then
    save(key, m)
  end
  if prolonged then
    expire(key, m)
  end
  return m, rule, now
end
