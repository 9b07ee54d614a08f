-- Publishing: fence, dedupe, condition, number, append, notify, as one act.
--
-- args: retry ('1' or '0'), rule, terms, drafts.
-- terms: idempotency window (8 bytes, ms), most records (8 bytes), what else (1 byte: bit 0 the hash of the items
-- follows, bit 1 replicas will be waited for), fresh epoch (8 bytes), hash (16 bytes) or none, condition or none.
-- condition: 'p' and a position, 'e' (unless equal), 'v' and 20 digits.
-- draft: what the log will hold of it up to its tail (log.lua); flags: bit 28 its id is the publisher's, bit 29 it is
-- ephemeral, bit 30 its call has a condition.
-- answer: for each draft its tail where it was appended to the log, which begins with 32, or a letter: 'A' appended or
-- 'D' duplicate without a position, 'd' duplicate and its position (16 bytes), 'U' unchanged and the position of the
-- head (16 bytes).
--
-- What is carried is what the log holds, header and all.

-- What else the terms say.
local WITH_HASH, REPLICATED = 1, 2

local function has(bits, bit)
  return bits % (2 * bit) >= bit
end

-- A draft: what the edge said of it, and what becomes of it.
local function read_draft(entry)
  local weight = struct.unpack('>I4', entry)
  local _, key = read_content(entry)
  return {
    ephemeral = has(weight, EPHEMERAL),
    named = has(weight, NAMED),
    weight = weight % FLAGS,
    key = key,
    id = entry_id(entry),
    entry = entry,
  }
end

-- Whether a draft is this very entry. An id of the publisher's may be given to another message once its window is over.
local function is_entry(draft, entry)
  return not draft.named or string.sub(draft.entry, 5) == string.sub(entry, 5, #draft.entry)
end

-- Places of ids that no record names, from the log: those that the server made, and those of a publisher whose record
-- ended before its time, because the clock has jumped ahead between an attempt and its retry.
local function search_log(key, m, drafts, since)
  local wanted, count = {}, 0
  for _, draft in ipairs(drafts) do
    -- Of those given twice in one call the first is published, and the second is its duplicate.
    if not draft.outcome and not wanted[draft.id] then
      wanted[draft.id], count = draft, count + 1
    end
  end
  if count == 0 then
    return
  end
  walk_back(key, m, since, function(_, entry)
    local draft = wanted[entry_id(entry)]
    if draft and is_entry(draft, entry) then
      -- The place is what the entry says: it keeps the epoch it was numbered in.
      draft.outcome, draft.place = 'd', entry_position(entry)
      wanted[draft.id], count = nil, count - 1
    end
    return count == 0
  end)
end

local function says_the_same(entry, drafts)
  local said = read_content(entry)
  for _, draft in ipairs(drafts) do
    if read_content(draft.entry) == said then
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
      local value = read_value(key, value_key, now)
      if value and says_the_same(value, same_key) then
        return true
      end
    end
    return false
  end
  -- Where no rule keeps last values, the newest message with the key that the end of the log has counts.
  local equal = false
  walk_back(key, m, 0, function(_, entry)
    local _, value_key = read_content(entry)
    local same_key = open[value_key]
    if same_key then
      equal = says_the_same(entry, same_key)
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

local function answer(drafts)
  local outcomes = {}
  for n, draft in ipairs(drafts) do
    outcomes[n] = draft.outcome .. draft.place
  end
  return table.concat(outcomes)
end

local function carry(key, draft, now)
  redis.call('SPUBLISH', key, draft.entry .. struct.pack('>BBI8', TIMESTAMP, 8, now))
  draft.outcome, draft.place = 'A', ''
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
      draft.outcome, draft.place, draft.recorded = place == '' and 'D' or 'd', place, false
    elseif draft.recorded and not seen[draft.id] then
      seen[draft.id], needed = true, needed + 1
    end
  end
  return needed
end

local function count_new_keys(key, drafts)
  local unknown, count = {}, 0
  for _, draft in ipairs(drafts) do
    if draft.logged and not draft.outcome and not unknown[draft.key] and not slot_of(key, draft.key) then
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
  local fork = fork_at_head(m)
  local seq = m[SEQ] + 1
  local tail = struct.pack(TAIL, TIMESTAMP, 8, now, POSITION, 16, m[EPOCH], seq)
  local entry = draft.entry .. tail
  if fork then
    entry = entry .. string.char(FORK, 16) .. fork
  end
  draft.outcome, draft.place = '', tail
  if m[EVICTED] == m[SEQ] then
    m[OLDEST_AT], m[OLDEST_WEIGHT] = now, draft.weight
  end
  m[SEQ], m[BYTES] = seq, m[BYTES] + draft.weight
  if rule.state_ttl then
    put_value(key, m, draft.key, seq, now + rule.state_ttl, entry)
    live_until(m, now + rule.state_ttl, now)
  end
  redis.call('SPUBLISH', key, entry)
  return u64(seq), entry
end

-- Publishes what is open of the drafts, and records what must be.
local function append_open(key, m, rule, drafts, hash, record_until, now)
  local fields, places, added = {}, {}, false
  for _, draft in ipairs(drafts) do
    if not draft.outcome and draft.recorded and places[draft.id] then
      -- Given twice in one call.
      draft.place = places[draft.id]
      draft.outcome = draft.place == '' and 'D' or 'd'
    elseif not draft.outcome then
      added = true
      if draft.logged then
        fields[#fields + 1], fields[#fields + 2] = append(key, m, rule, draft, now)
      else
        carry(key, draft, now)
      end
    end
    if draft.recorded and not places[draft.id] then
      places[draft.id] = string.sub(draft.place, -16)
      record_place(key, m, draft.id, draft.named and hash or '', places[draft.id], record_until, now)
    end
  end
  for from = 1, #fields, CHUNK do
    redis.call('HSET', key, unpack(fields, from, math.min(#fields, from + CHUNK - 1)))
  end
  return added
end

-- Whatever a publish may ask for, in whatever state the channel is.
local function publish_anything(key, args, now)
  local retry, text = args[1] == '1', args[2]
  local window, most_records, more, fresh, at = struct.unpack(TERMS .. 'c8', args[3])
  local hash = ''
  if has(more, WITH_HASH) then
    hash, at = string.sub(args[3], at, at + 15), at + 16
  end
  local condition = string.sub(args[3], at)
  local rule = parse_rule(text)
  local drafts = {}
  local traces, records = condition ~= '', false
  for n = DRAFTS, #args do
    local draft = read_draft(args[n])
    draft.recorded = draft.named or retry
    draft.logged = keeps_log(rule) and not draft.ephemeral
    records = records or draft.recorded
    traces = traces or draft.recorded or draft.logged
    drafts[#drafts + 1] = draft
  end
  local m = load_channel(key)
  local is_new = not m
  if is_new then
    if not traces then
      -- What nobody keeps anything of is only carried.
      for _, draft in ipairs(drafts) do
        carry(key, draft, now)
      end
      return answer(drafts)
    end
    m = open_channel(key, text, rule, fresh, now)
  else
    apply_rule(key, m, text, rule, fresh, now)
  end
  fence(m, fresh, now)
  expire_records(key, m, now)
  if has(more, REPLICATED) then
    -- Who waits for replicas waits for a write of this call, whatever becomes of it.
    m[WRITTEN_HOT] = nil
  end

  local needed, mismatch = 0, nil
  if records or m[RECORDS_FIRST] < m[RECORDS_NEXT] then
    needed, mismatch = recognise(key, m, drafts, hash, now)
  end
  local refusal = mismatch and 'FLMISMATCH ' .. mismatch
  if not refusal then
    if retry and m[EPOCH] ~= NO_EPOCH then
      search_log(key, m, drafts, now - window)
    end
    local is_open = false
    for _, draft in ipairs(drafts) do
      is_open = is_open or not draft.outcome
    end
    if is_open and condition ~= '' and not condition_holds(key, m, rule, condition, drafts, now) then
      for _, draft in ipairs(drafts) do
        if not draft.outcome then
          draft.outcome, draft.place = 'U', position(m[EPOCH], m[SEQ])
        end
      end
      -- A channel that this call alone would have made, and that keeps nothing, has no time to live and ends here.
      touch(m, rule, now, true)
      save(key, m, now)
      expire(key, m)
      return answer(drafts)
    end
    if needed > 0 and not make_room_for_records(key, m, needed, most_records, now) then
      refusal = 'FLRECORDS the channel holds as many idempotency records as it may'
    elseif rule.state_ttl and keeps_log(rule) and not make_room_for_values(key, m, rule, drafts, now) then
      refusal = 'FLKEYS the channel has as many keys as its namespace allows'
    end
  end
  if refusal then
    if not is_new then
      save(key, m, now)
    end
    return redis.error_reply(refusal)
  end

  local expires = m[EXPIRES]
  local added = append_open(key, m, rule, drafts, hash, now + window, now)
  if added and string.sub(condition, 1, 1) == 'v' then
    m[VERSION] = string.sub(condition, 2)
  end
  touch(m, rule, now, is_new)
  -- The entries are written: it may evict one of them again.
  trim(key, m, rule, now)
  save(key, m, now)
  if m[EXPIRES] ~= expires or is_new then
    expire(key, m)
  end
  return answer(drafts)
end

redis.register_function('fl1_publish', function(keys, args)
  if not call then
    bind()
  end
  local now = clock()
  return append_only(keys[1], args, now) or publish_anything(keys[1], args, now)
end)
