-- Publishing: fence, dedupe, condition, number, append, notify, as one act.
--
-- args: retry ('1' or '0'), fresh epoch, idempotency window in milliseconds and most records (8 bytes each), rule,
-- condition, hash of the items or '', and for each draft two: flags (1 byte: bit 0 ephemeral, bit 1 its id is the
-- publisher's), weight (4 bytes), length of the key (2 bytes), key and id; the envelope without its place.
-- condition: '', 'p' and a position, 'e' (unless equal), 'v' and 20 digits.
-- answer: the head and after it for each draft a letter: 'A' appended or 'D' duplicate without a position, 'a' or 'd'
-- with one (16 bytes) after it, 'U' unchanged.
--
-- What is carried is what the log holds, header and all.

local FIXED_ARGS = 6
local TIMESTAMP, POSITION, FORK = 32, 33, 34

-- A draft: what the edge said of it, and what becomes of it.
local function read_draft(args, at)
  local about = args[at]
  local flags, weight, length = struct.unpack('>BI4I2', about)
  return {
    ephemeral = flags % 2 == 1,
    named = flags >= 2,
    weight = weight,
    key = string.sub(about, 8, 7 + length),
    id = string.sub(about, 8 + length),
    envelope = args[at + 1],
  }
end

local function read_record(key, m, id, now)
  if m[RECORDS_FIRST] == m[RECORDS_NEXT] then
    return
  end
  local record = redis.call('HGET', key, 'R' .. id)
  if not record or struct.unpack('>I8', record) <= now then
    return
  end
  if string.sub(record, 9, 9) == 'h' then
    return string.sub(record, 26), string.sub(record, 10, 25)
  end
  return string.sub(record, 10)
end

-- Forgets the oldest records that expired: a few for each call, all of them when there is no room.
local function expire_records(key, m, now, most)
  while m[RECORDS_FIRST] < m[RECORDS_NEXT] and most > 0 do
    local name = 'D' .. digits(m[RECORDS_FIRST])
    local id = redis.call('HGET', key, name)
    local record = id and redis.call('HGET', key, 'R' .. id)
    if record and struct.unpack('>I8', record) > now then
      return
    end
    redis.call('HDEL', key, name, 'R' .. (id or ''))
    m[RECORDS_FIRST] = m[RECORDS_FIRST] + 1
    most = most - 1
  end
end

-- A record with a long life may stand before ones that expired: looks at every one.
local function compact_records(key, m, now)
  local next = m[RECORDS_FIRST]
  for n = m[RECORDS_FIRST], m[RECORDS_NEXT] - 1 do
    local name = 'D' .. digits(n)
    local id = redis.call('HGET', key, name)
    local record = id and redis.call('HGET', key, 'R' .. id)
    if record and struct.unpack('>I8', record) > now then
      redis.call('HDEL', key, name)
      redis.call('HSET', key, 'D' .. digits(next), id)
      next = next + 1
    else
      redis.call('HDEL', key, name, 'R' .. (id or ''))
    end
  end
  m[RECORDS_NEXT] = next
end

local function record_place(key, m, draft, hash, expires)
  local name = 'R' .. draft.id
  if redis.call('HEXISTS', key, name) == 0 then
    redis.call('HSET', key, 'D' .. digits(m[RECORDS_NEXT]), draft.id)
    m[RECORDS_NEXT] = m[RECORDS_NEXT] + 1
  end
  local body = (draft.named and hash ~= '') and 'h' .. hash or '-'
  redis.call('HSET', key, name, u64(expires) .. body .. (draft.place or ''))
  live_until(m, expires)
end

-- Places of ids that the server made, from the log.
local function search_log(key, m, drafts)
  local wanted, count = {}, 0
  for _, draft in ipairs(drafts) do
    if not draft.named and not draft.outcome then
      wanted[draft.id], count = draft, count + 1
    end
  end
  if count == 0 then
    return
  end
  walk_back(key, m, function(_, envelope)
    local draft = wanted[read_envelope(envelope).id]
    if draft then
      -- The place is what the entry says: it keeps the epoch it was numbered in.
      local at = string.find(envelope, string.char(POSITION, 16), #draft.envelope + 1, true)
      draft.outcome, draft.place = 'D', string.sub(envelope, at + 2, at + 17)
      wanted[draft.id], count = nil, count - 1
    end
    return count == 0
  end)
end

local function says_the_same(envelope, drafts)
  local said = read_envelope(envelope).said
  for _, draft in ipairs(drafts) do
    if read_envelope(draft.envelope).said == said then
      return true
    end
  end
  return false
end

-- True if one of the drafts says what the last value of its key says already.
local function repeats(key, m, rule, drafts, now)
  local open, count = {}, 0
  for _, draft in ipairs(drafts) do
    if not draft.outcome then
      if not open[draft.key] then
        open[draft.key], count = {}, count + 1
      end
      table.insert(open[draft.key], draft)
    end
  end
  if rule.state_ttl then
    for value_key, same_key in pairs(open) do
      local n = redis.call('HGET', key, 'K' .. value_key)
      local slot = n and redis.call('HGET', key, 'V' .. n)
      if slot and struct.unpack('>I8', slot) > now then
        local _, envelope = slot_key(slot)
        if says_the_same(envelope, same_key) then
          return true
        end
      end
    end
    return false
  end
  -- Where no rule keeps last values, the newest message with the key that the log still has counts.
  local equal = false
  walk_back(key, m, function(_, envelope)
    local value_key = read_envelope(envelope).key
    local same_key = open[value_key]
    if same_key then
      equal = says_the_same(envelope, same_key)
      open[value_key], count = nil, count - 1
    end
    return equal or count == 0
  end)
  return equal
end

local function condition_holds(key, m, rule, condition, drafts, now)
  local kind = string.sub(condition, 1, 1)
  if kind == 'p' then
    return m[EPOCH] ~= NO_EPOCH and position(m[EPOCH], m[SEQ]) == string.sub(condition, 2)
  elseif kind == 'v' then
    return m[VERSION] < string.sub(condition, 2)
  end
  return not repeats(key, m, rule, drafts, now)
end

local function answer(start, drafts)
  for _, draft in ipairs(drafts) do
    if draft.place and draft.place ~= '' then
      start = start .. string.lower(draft.outcome) .. draft.place
    else
      start = start .. draft.outcome
    end
  end
  return start
end

-- What nobody keeps anything of is only carried.
local function carry_only(key, drafts, now)
  for _, draft in ipairs(drafts) do
    redis.call('SPUBLISH', key, struct.pack('>I4I8', draft.weight, now) .. draft.envelope
      .. struct.pack('>BBI8', TIMESTAMP, 8, now))
    draft.outcome = 'A'
  end
  return answer(struct.pack('>c8I8I8B', NO_EPOCH, 0, 0, 0), drafts)
end

-- Which drafts were published before. Answers how many records the others need, or the id whose body is another.
local function recognise(key, m, drafts, hash, now)
  local needed, seen = 0, {}
  for _, draft in ipairs(drafts) do
    local place, other = read_record(key, m, draft.id, now)
    if place then
      if hash ~= '' and other and other ~= hash then
        return nil, draft.id
      end
      draft.outcome, draft.place, draft.recorded = 'D', place, false
    elseif draft.recorded and not seen[draft.id] then
      seen[draft.id], needed = true, needed + 1
    end
  end
  return needed
end

-- True if so many records more may be kept.
local function make_room_for_records(key, m, needed, most, now)
  if m[RECORDS_NEXT] - m[RECORDS_FIRST] + needed <= most then
    expire_records(key, m, now, needed + 2)
    return true
  end
  compact_records(key, m, now)
  return m[RECORDS_NEXT] - m[RECORDS_FIRST] + needed <= most
end

local function count_new_keys(key, drafts)
  local unknown, count = {}, 0
  for _, draft in ipairs(drafts) do
    if draft.logged and not draft.outcome and not unknown[draft.key]
      and redis.call('HEXISTS', key, 'K' .. draft.key) == 0 then
      unknown[draft.key], count = true, count + 1
    end
  end
  return count
end

-- True if the last values of these drafts may be kept.
local function make_room_for_values(key, m, rule, drafts, now)
  if m[VALUES] + count_new_keys(key, drafts) <= rule.state_keys then
    return true
  end
  expire_values(key, m, now)
  return m[VALUES] + count_new_keys(key, drafts) <= rule.state_keys
end

-- Numbers one draft and hands it to the followers. Answers its field and value for the log.
local function append(key, m, rule, draft, now)
  local seq = m[SEQ] + 1
  local tail = struct.pack('>BBI8BBc8I8', TIMESTAMP, 8, now, POSITION, 16, m[EPOCH], seq)
  if m[FORKS] ~= '' then
    local fork = string.sub(m[FORKS], -FORK_BYTES)
    if string.sub(fork, 9) == u64(m[SEQ]) then
      tail = tail .. string.char(FORK, 16) .. fork
    end
  end
  draft.place = position(m[EPOCH], seq)
  local entry = struct.pack('>I4I8', draft.weight, now) .. draft.envelope .. tail
  if m[EVICTED] == m[SEQ] then
    m[OLDEST_AT], m[OLDEST_WEIGHT] = now, draft.weight
  end
  m[SEQ], m[BYTES] = seq, m[BYTES] + draft.weight
  if rule.state_ttl then
    put_value(key, m, draft.key, seq, now + rule.state_ttl, string.sub(entry, 13))
    live_until(m, now + rule.state_ttl)
  end
  redis.call('SPUBLISH', key, entry)
  return digits(seq), entry
end

local function publish(keys, args)
  local key = keys[1]
  local retry, fresh, rule_text, condition, hash = args[1] == '1', args[2], args[4], args[5], args[6]
  local window, most_records = struct.unpack('>I8I8', args[3])
  local rule = parse_rule(rule_text)
  local logs = keeps_log(rule)
  local now = clock()
  local drafts = {}
  local traces, records = condition ~= '', false
  for at = FIXED_ARGS + 1, #args, 2 do
    local draft = read_draft(args, at)
    draft.recorded = draft.named or retry
    draft.logged = logs and not draft.ephemeral
    records = records or draft.recorded
    traces = traces or draft.recorded or draft.logged
    drafts[#drafts + 1] = draft
  end
  local m = load_channel(key)
  local is_new = not m
  if is_new then
    if not traces then
      return carry_only(key, drafts, now)
    end
    m = open_channel(key, rule_text, rule, fresh, now)
  else
    apply_rule(key, m, rule_text, rule, fresh, now)
  end
  fence(m, fresh, now)

  local needed, mismatch = 0, nil
  if records or m[RECORDS_FIRST] < m[RECORDS_NEXT] then
    needed, mismatch = recognise(key, m, drafts, hash, now)
  end
  local refusal = mismatch and 'FLMISMATCH ' .. mismatch
  if not refusal then
    if retry and m[EPOCH] ~= NO_EPOCH then
      search_log(key, m, drafts)
    end
    local is_open = false
    for _, draft in ipairs(drafts) do
      is_open = is_open or not draft.outcome
    end
    if is_open and condition ~= '' and not condition_holds(key, m, rule, condition, drafts, now) then
      for _, draft in ipairs(drafts) do
        draft.outcome = draft.outcome or 'U'
      end
      -- A channel that this call alone would have made, and that keeps nothing, has no time to live and ends here.
      touch(m, rule, now, true)
      save(key, m)
      expire(key, m)
      return answer(head(m), drafts)
    end
    if needed > 0 and not make_room_for_records(key, m, needed, most_records, now) then
      refusal = 'FLRECORDS the channel holds as many idempotency records as it may'
    elseif rule.state_ttl and logs and not make_room_for_values(key, m, rule, drafts, now) then
      refusal = 'FLKEYS the channel has as many keys as its namespace allows'
    end
  end
  if refusal then
    if not is_new then
      save(key, m)
    end
    return redis.error_reply(refusal)
  end

  local fields = { 'm', '' }
  local added = false
  local places = {}
  for _, draft in ipairs(drafts) do
    if not draft.outcome and draft.recorded and places[draft.id] then
      -- Given twice in one call.
      draft.outcome, draft.place = 'D', places[draft.id]
    elseif not draft.outcome then
      draft.outcome, added = 'A', true
      if draft.logged then
        fields[#fields + 1], fields[#fields + 2] = append(key, m, rule, draft, now)
      else
        redis.call('SPUBLISH', key, struct.pack('>I4I8', draft.weight, now) .. draft.envelope
          .. struct.pack('>BBI8', TIMESTAMP, 8, now))
      end
    end
    if draft.recorded and not places[draft.id] then
      places[draft.id] = draft.place or ''
      record_place(key, m, draft, hash, now + window)
    end
  end
  if added and string.sub(condition, 1, 1) == 'v' then
    m[VERSION] = string.sub(condition, 2)
  end
  local expires = m[EXPIRES]
  touch(m, rule, now, is_new)
  -- The entries first: the trim may evict one of them again.
  for from = 1, #fields, CHUNK do
    fields[2] = pack(m)
    redis.call('HSET', key, unpack(fields, from, math.min(#fields, from + CHUNK - 1)))
  end
  if trim(key, m, rule, now) then
    save(key, m)
  end
  if m[EXPIRES] ~= expires or is_new or needed > 0 then
    expire(key, m)
  end
  return answer(head(m), drafts)
end

redis.register_function('fl1_publish', publish)
