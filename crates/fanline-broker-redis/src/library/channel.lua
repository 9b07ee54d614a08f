#!lua name=fanline_1
-- One channel is one hash, and every act on it is one call on that one key: while a slot moves, a call on two
-- keys is refused as soon as they stand on different sides.
--
-- field   what
-- m       the metadata that every publish changes, packed (HOT)
-- c       the metadata that changes now and then, packed (COLD), then the forks and the rule
-- <seq>   a log entry (log.lua), by its seq (8 bytes)
-- R<id>   an idempotency record (records.lua)
-- D<n>    the field of a record, by the order in which they were made (8 bytes)
-- K<key>  the slot of the key's last value (values.lua)
-- V<n>    a slot
-- p E L M presence (presence.lua)
--
-- The metadata is two fields because a publish on a channel where nothing else is due (append.lua) reads and writes
-- the small one alone. It knows that nothing else is due by three guards in it: a time, a seq and a stamp.
--
-- Numbers in values are big endian; only those in `m` are doubles, as Lua itself holds them, which costs less.
-- Anything that refuses does so before anything is written, except for what is true whatever follows: a rotated
-- epoch, and the trim.

-- Metadata, by place. First what lies in `m`:
local EPOCH = 1           -- 8 bytes; none while no log is kept
local SEQ = 2
local BYTES = 3           -- what the log weighs
local RECORDS_FIRST = 4   -- of the idempotency records the first,
local RECORDS_NEXT = 5    -- and the one that comes next
-- Behind these, only for append.lua: until when, and up to which seq, it has nothing else to do, and the stamp of
-- owner and rule.
local HOT = '<c8ddddddd'
-- Then what lies in `c`:
local OWNER = 6           -- the replication id that numbered last
local EVICTED = 7         -- the highest seq that can no longer be replayed
local OLDEST_AT = 8       -- timestamp of the oldest entry
local OLDEST_WEIGHT = 9
local VERSION = 10        -- 20 digits, or none
local RECORDS_DUE = 11    -- no record is forgotten before: when the oldest of them expires
local VALUES = 12         -- how many slots of last values are taken
local EXPIRES = 13        -- when the key expires
local COLD = '>c40I8I8I4c20I8I4I8B'
local FORKS = 14          -- at most four times: epoch (8 bytes), at (8 bytes); oldest first
local RULE = 15           -- the retention as the edge said it last
-- And as both were read:
local WRITTEN_HOT = 16
local WRITTEN_COLD = 17

-- While a library is loaded there are no functions of strings yet.
local NO_EPOCH = '\0\0\0\0\0\0\0\0'
local NO_OWNER = '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
local NO_STAMP = 0
-- Less than any digits.
local NO_VERSION = '                    '

local FORK_BYTES = 16
local KEPT_FORKS = 4
-- How many fields one command names: Lua's stack holds some thousands.
local CHUNK = 500
-- How much longer than asked for a key lives at least, and as a part of what was asked for, so that its expiry is
-- written now and then only.
local EXPIRY_SLACK = 1000
local EXPIRY_SLACK_PART = 4096
-- How long the word on who owns this server's data may be old.
local OWNER_MS = 100

local owner_id
local owner_read_at = 0

-- Few apps have many rules, but a process lives long.
local KEPT_RULES = 1000
local rules, kept_rules = {}, 0

local function clock()
  local time = redis.call('TIME')
  local now = time[1] * 1000 + time[2] / 1000
  return now - now % 1
end

-- Whether the word on who owns this server's data is fresh; the clock may have stepped back.
local function knows_owner(now)
  local age = now - owner_read_at
  return owner_id and age >= 0 and age <= OWNER_MS
end

-- The replication id changes with every promotion, and whenever continuity cannot be proved. A replica's word is
-- never kept: it is the old primary's until the moment of its own promotion.
local function owner(now)
  if knows_owner(now) then
    return owner_id
  end
  local info = redis.call('INFO', 'replication')
  local id = string.match(info, 'master_replid:(%x+)')
  local known = owner_id
  owner_id, owner_read_at = nil, now
  if string.match(info, 'role:(%a+)') == 'master' then
    owner_id = id
  end
  if owner_id ~= known then
    -- The stamps of the rules are the owner's.
    rules, kept_rules = {}, 0
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
  if rule.window then
    rule.lifetime = math.max(rule.position_ttl, rule.window)
    -- A publish may put the trim off for a part of the window, and for a part of what the log may hold.
    rule.pause = math.floor(rule.window / 4)
    rule.most_messages = rule.messages + math.min(math.floor(rule.messages / 16), 64)
    rule.most_bytes = rule.bytes + math.floor(rule.bytes / 16)
  end
  -- Names owner and rule at once, in as many bits as a double holds; none where a publish must do more than append.
  if owner_id and rule.window and not rule.state_ttl then
    rule.stamp = tonumber(string.sub(redis.sha1hex(owner_id .. text), 1, 13), 16)
  end
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
  local packed = redis.call('HMGET', key, 'm', 'c')
  local hot, cold = packed[1], packed[2]
  if not hot or not cold then
    return
  end
  local m = { struct.unpack(HOT, hot) }
  local forks, at
  m[OWNER], m[EVICTED], m[OLDEST_AT], m[OLDEST_WEIGHT], m[VERSION], m[RECORDS_DUE], m[VALUES], m[EXPIRES], forks, at =
    struct.unpack(COLD, cold)
  local rule_at = at + forks * FORK_BYTES
  m[FORKS], m[RULE] = string.sub(cold, at, rule_at - 1), string.sub(cold, rule_at)
  m[WRITTEN_HOT], m[WRITTEN_COLD] = hot, cold
  return m
end

-- The fork that the next message must name, or nothing.
local function fork_at_head(m)
  local fork = string.sub(m[FORKS], -FORK_BYTES)
  return string.sub(fork, 9) == u64(m[SEQ]) and fork or nil
end

-- Until when, and up to which seq, a publish has nothing to do but to append.
local function guards(m, rule, now)
  local holds_records = m[RECORDS_FIRST] < m[RECORDS_NEXT]
  if m[EVICTED] == m[SEQ] or fork_at_head(m) or (holds_records and m[RECORDS_DUE] <= now) then
    return 0, 0
  end
  local resume = now + rule.pause
  local until_at = math.max(m[OLDEST_AT] + rule.window, resume)
  if holds_records then
    until_at = math.min(until_at, math.max(m[RECORDS_DUE], resume))
  end
  until_at = math.min(until_at, m[EXPIRES] - rule.lifetime)
  return math.max(until_at, 0), m[EVICTED] + rule.most_messages
end

local function pack_hot(m, now)
  local until_at, until_seq, stamp = 0, 0, NO_STAMP
  local rule = parse_rule(m[RULE])
  if rule.stamp and m[OWNER] == owner_id then
    until_at, until_seq = guards(m, rule, now)
    stamp = rule.stamp
  end
  return struct.pack(HOT, m[EPOCH], m[SEQ], m[BYTES], m[RECORDS_FIRST], m[RECORDS_NEXT], until_at, until_seq, stamp)
end

local function pack_cold(m)
  return struct.pack(COLD, m[OWNER], m[EVICTED], m[OLDEST_AT], m[OLDEST_WEIGHT], m[VERSION], m[RECORDS_DUE], m[VALUES],
    m[EXPIRES], #m[FORKS] / FORK_BYTES) .. m[FORKS] .. m[RULE]
end

local function save(key, m, now)
  local hot, cold = pack_hot(m, now), pack_cold(m)
  if cold ~= m[WRITTEN_COLD] then
    redis.call('HSET', key, 'm', hot, 'c', cold)
  elseif hot ~= m[WRITTEN_HOT] then
    redis.call('HSET', key, 'm', hot)
  end
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
    if string.match(field, '^[%zRDKVcm]') then
      remains[#remains + 1] = field
    end
  end
  for from = 1, #remains, CHUNK do
    redis.call('HDEL', key, unpack(remains, from, math.min(#remains, from + CHUNK - 1)))
  end
end

local function is_virgin(m)
  return m[SEQ] == 0 and m[FORKS] == ''
end

-- Lets the key live at least until then. True if that changed anything; the expiry itself is written by `expire`.
local function live_until(m, at, now)
  if at > m[EXPIRES] then
    m[EXPIRES] = at + math.max(EXPIRY_SLACK, math.floor((at - now) / EXPIRY_SLACK_PART))
    return true
  end
  return false
end

-- Notes that the position was used. Before its first message a channel lives for its window only, and only who
-- follows it prolongs that: a loop over random names leaves nothing for long.
local function touch(m, rule, now, follows)
  if m[EPOCH] == NO_EPOCH then
    return m[VERSION] ~= NO_VERSION and live_until(m, now + rule.position_ttl, now)
  end
  if is_virgin(m) then
    return follows and live_until(m, now + rule.window, now)
  end
  return live_until(m, now + rule.lifetime, now)
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

-- A head: epoch (8 bytes), seq (8 bytes), evicted (8 bytes), number of forks (1 byte), forks.
local function head(m)
  return struct.pack('>c8I8I8B', m[EPOCH], m[SEQ], m[EVICTED], #m[FORKS] / FORK_BYTES) .. m[FORKS]
end
