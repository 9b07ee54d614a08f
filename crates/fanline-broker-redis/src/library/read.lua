-- Reading: heads, pages, last values. They write only what is true without them (a rotated epoch, the trim, a
-- longer life), and a Redis that is full must still answer them.

-- What every function that reads does first. Answers nothing for a channel that keeps no log or is unknown.
local function open_to_read(key, fresh, follows, now)
  local m = load_channel(key)
  if not m or m[EPOCH] == NO_EPOCH then
    return
  end
  local rule = parse_rule(m[RULE])
  local forked = fence(m, fresh, now)
  local trimmed = trim(key, m, rule, now)
  local prolonged = touch(m, rule, now, follows)
  if forked or trimmed or prolonged then
    save(key, m, now)
  end
  if prolonged then
    expire(key, m)
  end
  return m
end

-- args: fresh epoch, rule. Opens the channel if it keeps a log. Answers the head, or nothing.
local function follow(keys, args)
  local key, fresh, text = keys[1], args[1], args[2]
  local rule = parse_rule(text)
  local now = clock()
  local m = load_channel(key)
  if not m then
    if not keeps_log(rule) then
      return false
    end
    m = open_channel(key, text, rule, fresh, now)
  else
    apply_rule(key, m, text, rule, fresh, now)
  end
  if m[EPOCH] == NO_EPOCH then
    save(key, m, now)
    return false
  end
  fence(m, fresh, now)
  trim(key, m, rule, now)
  touch(m, rule, now, true)
  save(key, m, now)
  expire(key, m)
  return head(m)
end

-- The one function that takes several keys, which lie in one slot: every node asks for all that it follows every few
-- seconds. Where a moving slot has parted them it is refused, and asked for each by itself.
-- args: for each key a fresh epoch, and '1' if the asking node follows the channel. Answers for each its head, or
-- nothing.
local function read_heads(keys, args)
  local now, heads = clock(), {}
  for n, key in ipairs(keys) do
    local m = open_to_read(key, args[2 * n - 1], args[2 * n] == '1', now)
    heads[n] = m and head(m) or false
  end
  return heads
end

-- args: fresh epoch, seq, most messages, most bytes. Answers the head and the entries after the seq, or nothing.
local function read_log(keys, args)
  local key = keys[1]
  local after, messages, bytes = tonumber(args[2]), tonumber(args[3]), tonumber(args[4])
  local m = open_to_read(key, args[1], false, clock())
  if not m then
    return false
  end
  local entries = {}
  if after < m[EVICTED] then
    return { head(m), entries }
  end
  local last = math.min(m[SEQ], after + math.max(messages, 1))
  local weight = 0
  local chunk = 16
  local from = after + 1
  while from <= last do
    local fields = {}
    for seq = from, math.min(last, from + chunk - 1) do
      fields[#fields + 1] = u64(seq)
    end
    for _, entry in ipairs(redis.call('HMGET', key, unpack(fields))) do
      -- A log with a hole is never read across it.
      if not entry then
        return { head(m), entries }
      end
      weight = weight + entry_weight(entry)
      if #entries > 0 and weight > bytes then
        return { head(m), entries }
      end
      entries[#entries + 1] = entry
    end
    from = from + chunk
    -- Few at first, so that a small page does not read what it will not carry.
    chunk = math.min(chunk * 2, CHUNK)
  end
  return { head(m), entries }
end

-- args: fresh epoch. Answers the head and the slots of last values in no order, or nothing.
local function read_state(keys, args)
  local key = keys[1]
  local now = clock()
  local m = open_to_read(key, args[1], false, now)
  if not m then
    return false
  end
  local before = m[VALUES]
  local slots = expire_values(key, m, now)
  if m[VALUES] ~= before then
    save(key, m, now)
  end
  return { head(m), slots }
end

redis.register_function { function_name = 'fl1_follow', callback = follow, flags = { 'allow-oom' } }
redis.register_function { function_name = 'fl1_heads', callback = read_heads, flags = { 'allow-oom' } }
redis.register_function { function_name = 'fl1_read', callback = read_log, flags = { 'allow-oom' } }
redis.register_function { function_name = 'fl1_state', callback = read_state, flags = { 'allow-oom' } }
