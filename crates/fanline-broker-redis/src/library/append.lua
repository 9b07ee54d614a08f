-- The ordinary publish: a first attempt without a condition, of messages that are logged, on a channel whose owner and
-- rule are known and where nothing else is due. It reads and writes `m` alone, beside the entries and the records.
-- Whatever is not ordinary is left, before anything is written, to `publish_anything`.

-- Where the drafts begin in the arguments that publish.lua tells of.
local DRAFTS = 4
-- The flags in a draft's first number: its id is the publisher's; it is ephemeral; its call has a condition.
local NAMED, EPHEMERAL, CONDITIONAL = FLAGS, 2 * FLAGS, 4 * FLAGS
-- More at once are not ordinary.
local MOST_DRAFTS = 100

-- What the terms begin with, and where the hash of the items stands in them, if it does.
local TERMS = '>I8I8B'
local TERMS_BYTES = 25
-- Where the length of a draft's id stands.
local ID_AT = ENTRY_HEADER + 3

-- Looking these up each time would cost a twentieth of the whole.
local call, pack, unpack_from, sub, byte

local function bind()
  call, pack, unpack_from, sub, byte = redis.call, struct.pack, struct.unpack, string.sub, string.byte
end

-- The field of the record of an entry's id: `record_field`, in the form that costs less.
local function id_field(entry)
  local length = byte(entry, ID_AT)
  return length < 128 and 'R' .. sub(entry, ID_AT + 1, ID_AT + length) or record_field(entry_id(entry))
end

-- True if no id of the drafts is recorded or stands twice in the call.
local function are_unrecorded(key, args)
  local seen = #args > DRAFTS and {}
  for n = DRAFTS, #args do
    local field = id_field(args[n])
    if call('HEXISTS', key, field) == 1 or (seen and seen[field]) then
      return false
    elseif seen then
      seen[field] = true
    end
  end
  return true
end

local function append_only(key, args, now)
  local hot, rule = call('HGET', key, 'm'), rules[args[2]]
  if not hot or not rule or args[1] ~= '0' or not knows_owner(now) then
    return
  end
  local epoch, seq, bytes, first, next, until_at, until_seq, stamp = unpack_from(HOT, hot)
  local last, named = #args, 0
  local count = last - DRAFTS + 1
  if stamp ~= rule.stamp or now >= until_at or seq + count > until_seq or count > MOST_DRAFTS then
    return
  end
  for n = DRAFTS, last do
    local weight = unpack_from('>I4', args[n])
    if weight >= EPHEMERAL then
      return
    elseif weight >= NAMED then
      named, weight = named + 1, weight - NAMED
    end
    bytes = bytes + weight
  end
  local holds_records = first < next
  if bytes > rule.most_bytes or (named > 0 and not holds_records) then
    return
  end
  local record
  if holds_records then
    local terms = args[3]
    local window, most_records = unpack_from(TERMS, terms)
    if window > rule.lifetime or next - first + named > most_records or not are_unrecorded(key, args) then
      return
    end
    record = record_head(now + window, sub(terms, TERMS_BYTES + 1))
  end

  hot = pack(HOT, epoch, seq + count, bytes, first, next + named, until_at, until_seq, stamp)
  local answer = ''
  for n = DRAFTS, last do
    seq = seq + 1
    local tail = pack(TAIL, TIMESTAMP, 8, now, POSITION, 16, epoch, seq)
    local entry = args[n] .. tail
    if named > 0 and unpack_from('>I4', entry) >= NAMED then
      local field = id_field(entry)
      call('HSET', key, 'm', hot, sub(tail, SEQ_AT), entry, order_field(next), field, field,
        record .. sub(tail, POSITION_AT))
      next = next + 1
    else
      call('HSET', key, 'm', hot, sub(tail, SEQ_AT), entry)
    end
    call('SPUBLISH', key, entry)
    answer = answer .. tail
  end
  return answer
end
