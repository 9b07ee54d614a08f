-- Presence: entries with leases, in the channel's hash beside its log, so that entering and leaving are one call on
-- one key too. Whatever is called first lets those leave whose lease has ended: no answer holds them, and each
-- leaves once, whoever notices.
--
-- field      what
-- p          metadata, packed (the list in `save_presence`)
-- E<name>    an entry: its slot (4 bytes), kind (1 byte) and number (8 bytes) of its last change, content
-- L<n>       a slot: when the lease ends (8 bytes), name; the slots stay without a gap
-- M<member>  how many entries the member has
--
-- name       member, a zero byte, connection (16 bytes)
-- content    info, data: each '-', or '+', length (4 bytes), bytes
-- change     240 and 1 (no envelope begins so), kind, epoch (8 bytes), number (8 bytes), length of the name
--            (2 bytes), name, content; kind 'J' entered as the member's first, 'E' entered, 'U' updated, 'P' left as
--            the member's last, 'L' left
--
-- A change is answered in the very form in which followers hear it, on the shard channel that is called like the key.

-- How long the numbering outlives the last lease. The index must have been reaped by then.
local PRESENCE_KEPT = 600000
-- When a channel must be looked at again at the latest: an edge that remembers that it has indexed a channel enters
-- with a lease of this length and writes no index.
local LOOK_WITHIN = 15000
-- When a channel that stayed empty leaves the index: twice as long as an edge remembers.
local EMPTY_KEPT = 120000
-- What an entry has before its content.
local ENTRY_HEADER = 13
-- What a name has after its member.
local CONNECTION_BYTES = 17
-- How many names more than a page holds are gathered before they are cut.
local CUT_EVERY = 2000

local function load_presence(key)
  local packed = redis.call('HGET', key, 'p')
  if not packed then
    return nil
  end
  local fields = cmsgpack.unpack(packed)
  return {
    epoch = fields[1],
    owner = fields[2],
    number = fields[3],
    members = fields[4],
    entries = fields[5],
    soonest = fields[6],
    emptied = fields[7],
    expires = fields[8],
    longest = fields[9] or math.huge,
  }
end

-- No lease ends before `soonest`; a refresh leaves it behind the truth until the next look. None was ever longer than
-- `longest`: one that ends later than that from now was begun before the clock went back.
local function save_presence(key, p)
  local fields = { p.epoch, p.owner, p.number, p.members, p.entries, p.soonest, p.emptied, p.expires,
    p.longest }
  redis.call('HSET', key, 'p', cmsgpack.pack(fields))
end

local function describe(p, kind, number, name, content)
  return string.char(240, 1) .. kind .. p.epoch .. u64(number) .. struct.pack('>I2', #name) .. name .. content
end

-- Numbers a change and tells the followers.
local function announce(key, p, kind, name, content)
  p.number = p.number + 1
  local change = describe(p, kind, p.number, name, content)
  redis.call('SPUBLISH', key, change)
  return change
end

local function read_entry(key, name)
  local packed = redis.call('HGET', key, 'E' .. name)
  if not packed then
    return nil
  end
  local slot, kind, number = struct.unpack('>I4c1I8', packed)
  return { slot = slot, kind = kind, number = number, content = string.sub(packed, ENTRY_HEADER + 1) }
end

local function write_entry(key, name, entry)
  local header = struct.pack('>I4c1I8', entry.slot, entry.kind, entry.number)
  redis.call('HSET', key, 'E' .. name, header .. entry.content)
end

-- Visits the slots: when the lease ends, the name, and which slot it is.
local function each_lease(key, p, visit)
  for from = 1, p.entries, CHUNK do
    local fields = {}
    for n = from, math.min(p.entries, from + CHUNK - 1) do
      fields[#fields + 1] = 'L' .. n
    end
    for n, slot in ipairs(redis.call('HMGET', key, unpack(fields))) do
      visit(struct.unpack('>I8', slot), string.sub(slot, 9), from + n - 1)
    end
  end
end

local function write_lease(key, slot, ends, name)
  redis.call('HSET', key, 'L' .. slot, u64(ends) .. name)
end

-- The key lives until the leases have ended and were reaped; written again only now and then.
local function keep_presence(key, p, lease_end)
  if lease_end + PRESENCE_KEPT / 2 > p.expires then
    p.expires = lease_end + PRESENCE_KEPT
    keep_key_until(key, p.expires)
    return true
  end
  return false
end

local function member_of(name)
  return string.sub(name, 1, -CONNECTION_BYTES - 1)
end

-- Takes an entry away; the last slot moves into its place.
local function remove_entry(key, p, name, now)
  local entry = read_entry(key, name)
  if not entry then
    return nil
  end
  local last_slot = 'L' .. p.entries
  if entry.slot ~= p.entries then
    local moved = redis.call('HGET', key, last_slot)
    local moved_name = string.sub(moved, 9)
    local moved_entry = read_entry(key, moved_name)
    moved_entry.slot = entry.slot
    write_entry(key, moved_name, moved_entry)
    redis.call('HSET', key, 'L' .. entry.slot, moved)
  end
  redis.call('HDEL', key, 'E' .. name, last_slot)
  p.entries = p.entries - 1
  if p.entries == 0 then
    p.emptied = now
  end
  local kind = 'L'
  local member = 'M' .. member_of(name)
  if redis.call('HINCRBY', key, member, -1) == 0 then
    redis.call('HDEL', key, member)
    p.members = p.members - 1
    kind = 'P'
  end
  return announce(key, p, kind, name, entry.content)
end

-- Lets leave whose lease has ended, in the order in which the leases ended, and shortens what a clock that went back has
-- made too long. Answers how many left.
local function let_leave(key, p, now)
  local ended = {}
  p.soonest = math.huge
  each_lease(key, p, function(ends, name, slot)
    if ends <= now then
      ended[#ended + 1] = { ends = ends, name = name, slot = slot }
    else
      if ends > now + p.longest then
        ends = now + p.longest
        write_lease(key, slot, ends, name)
      end
      p.soonest = math.min(p.soonest, ends)
    end
  end)
  table.sort(ended, function(one, other)
    if one.ends ~= other.ends then
      return one.ends < other.ends
    end
    return one.slot < other.slot
  end)
  for _, lease in ipairs(ended) do
    remove_entry(key, p, lease.name, now)
  end
  return #ended
end

-- What every function does first. If another server, or this one in another life, numbered last, changes may be lost
-- that listeners have heard: another epoch sends them to the roster. Answers nothing where nobody entered.
local function open_presence(key, fresh, now)
  local p = load_presence(key)
  if not p then
    return nil, 0
  end
  local left = 0
  local forked = p.owner ~= owner(now)
  if forked then
    p.epoch, p.owner = fresh, owner(now)
  end
  if p.entries > 0 and (p.soonest <= now or p.soonest > now + p.longest) then
    left = let_leave(key, p, now)
    save_presence(key, p)
  elseif forked then
    save_presence(key, p)
  end
  return p, left
end

-- args: retry ('1' or '0'), fresh epoch, lease (ms), most members, name, content. Answers the change.
local function enter(keys, args)
  local key, retry, fresh, lease = keys[1], args[1] == '1', args[2], tonumber(args[3])
  local most_members, name, content = tonumber(args[4]), args[5], args[6]
  local now = clock()
  local ends = now + lease
  local p = open_presence(key, fresh, now)
  if not p then
    p = { epoch = fresh, owner = owner(now), number = 0, members = 0, entries = 0,
      soonest = math.huge, emptied = now, expires = 0, longest = 0 }
  end
  local entry = read_entry(key, name)
  local change
  if entry and retry and entry.content == content then
    -- What the attempt before did is answered again.
    change = describe(p, entry.kind, entry.number, name, content)
  elseif entry then
    change = announce(key, p, 'U', name, content)
    entry.kind, entry.number, entry.content = 'U', p.number, content
    write_entry(key, name, entry)
  else
    local member = 'M' .. member_of(name)
    local kind = 'E'
    if redis.call('HEXISTS', key, member) == 0 then
      if p.members >= most_members then
        return redis.error_reply('FLFULL the channel has as many members as it may')
      end
      p.members = p.members + 1
      kind = 'J'
    end
    redis.call('HINCRBY', key, member, 1)
    p.entries = p.entries + 1
    change = announce(key, p, kind, name, content)
    entry = { slot = p.entries, kind = kind, number = p.number, content = content }
    write_entry(key, name, entry)
  end
  write_lease(key, entry.slot, ends, name)
  p.soonest, p.longest = math.min(p.soonest, ends), math.max(p.longest, lease)
  keep_presence(key, p, ends)
  save_presence(key, p)
  return change
end

-- The data of a content is the client's own word; its info stays.
local function replace_data(content, data)
  if string.sub(content, 1, 1) == '-' then
    return '-' .. data
  end
  return string.sub(content, 1, 5 + struct.unpack('>I4', content, 2)) .. data
end

-- args: retry ('1' or '0'), fresh epoch, name, data as it stands in a content. Answers the change.
local function update(keys, args)
  local key, retry, fresh, name, data = keys[1], args[1] == '1', args[2], args[3], args[4]
  local p = open_presence(key, fresh, clock())
  local entry = p and read_entry(key, name)
  if not entry then
    return redis.error_reply('FLABSENT this connection has not entered the channel')
  end
  local content = replace_data(entry.content, data)
  if retry and entry.content == content then
    return describe(p, entry.kind, entry.number, name, content)
  end
  local change = announce(key, p, 'U', name, content)
  entry.kind, entry.number, entry.content = 'U', p.number, content
  write_entry(key, name, entry)
  save_presence(key, p)
  return change
end

-- args: fresh epoch, name. Answers the change, or nothing.
local function leave(keys, args)
  local key, now = keys[1], clock()
  local p = open_presence(key, args[1], now)
  local change = p and remove_entry(key, p, args[2], now)
  if not change then
    return false
  end
  save_presence(key, p)
  return change
end

-- args: fresh epoch, lease (ms), names. Answers the epoch, then '1' or '0' for each name: whether it is there.
local function refresh(keys, args)
  local key, now, lease = keys[1], clock(), tonumber(args[2])
  local ends = now + lease
  local p = open_presence(key, args[1], now)
  if not p then
    return string.rep('\0', 8) .. string.rep('0', #args - 2)
  end
  local present, renewed = {}, false
  for n = 3, #args do
    local entry = read_entry(key, args[n])
    present[#present + 1] = entry and '1' or '0'
    if entry then
      write_lease(key, entry.slot, ends, args[n])
      renewed = true
    end
  end
  if renewed then
    local is_news = ends < p.soonest or lease > p.longest
    p.soonest, p.longest = math.min(p.soonest, ends), math.max(p.longest, lease)
    if keep_presence(key, p, ends) or is_news then
      save_presence(key, p)
    end
  end
  return p.epoch .. table.concat(present)
end

-- args: fresh epoch. Answers how many left, and when to look at the channel again, or '' if it may leave the index.
local function reap(keys, args)
  local now = clock()
  local p, left = open_presence(keys[1], args[1], now)
  if not p or (p.entries == 0 and p.emptied + EMPTY_KEPT <= now) then
    return { left, '' }
  end
  return { left, digits(math.min(now + LOOK_WITHIN, p.entries > 0 and p.soonest or math.huge)) }
end

-- args: fresh epoch. Answers how many distinct members there are.
local function count_members(keys, args)
  local p = open_presence(keys[1], args[1], clock())
  return p and p.members or 0
end

-- args: fresh epoch. Answers epoch and number (8 bytes each), or nothing where nobody entered.
local function revision(keys, args)
  local p = open_presence(keys[1], args[1], clock())
  return p and p.epoch .. u64(p.number) or false
end

-- Lua compares texts by the server's locale; only digits and small letters stand in the same order in every one.
local hex

local function sortable(name)
  if not hex then
    -- While a library is loaded there is no `string` yet.
    hex = {}
    for byte = 0, 255 do
      hex[string.char(byte)] = string.format('%02x', byte)
    end
  end
  return (string.gsub(name, '.', hex))
end

local function all_names(key, p)
  local names = {}
  each_lease(key, p, function(_, name) names[#names + 1] = name end)
  return names
end

-- The names after one of them, in order, and whether there are more. What cannot be on the page is dropped on the
-- way, so that little is sorted.
local function cut_page(key, p, after, limit)
  local begin, bound = sortable(after), nil
  local sort_keys, names, dropped = {}, {}, false
  local cut = function()
    table.sort(sort_keys)
    for n = #sort_keys, limit + 1, -1 do
      names[sort_keys[n]], sort_keys[n], dropped = nil, nil, true
    end
    bound = sort_keys[limit]
  end
  each_lease(key, p, function(_, name)
    local sort_key = sortable(name)
    if sort_key > begin then
      if bound and sort_key > bound then
        dropped = true
        return
      end
      sort_keys[#sort_keys + 1], names[sort_key] = sort_key, name
      if #sort_keys >= limit + CUT_EVERY then
        cut()
      end
    end
  end)
  cut()
  local page = {}
  for n, sort_key in ipairs(sort_keys) do
    page[n] = names[sort_key]
  end
  return page, dropped
end

-- args: fresh epoch, most entries, the name after which to begin or ''. Answers epoch, number, members, '1' if more
-- entries follow, and the entries: length of the name (2 bytes), name, content. Where all of them fit they come in no
-- order, also those before the beginning; only a larger roster is sorted here, and costs its length for every page.
local function roster(keys, args)
  local key, limit = keys[1], tonumber(args[2])
  local p = open_presence(key, args[1], clock())
  if not p then
    return false
  end
  local page, more
  if p.entries > limit then
    page, more = cut_page(key, p, args[3], limit)
  else
    page, more = all_names(key, p), false
  end
  local entries = {}
  for from = 1, #page, CHUNK do
    local fields = {}
    for n = from, math.min(#page, from + CHUNK - 1) do
      fields[#fields + 1] = 'E' .. page[n]
    end
    for n, packed in ipairs(redis.call('HMGET', key, unpack(fields))) do
      local name = page[from + n - 1]
      entries[#entries + 1] = struct.pack('>I2', #name) .. name .. string.sub(packed, ENTRY_HEADER + 1)
    end
  end
  return { p.epoch, digits(p.number), digits(p.members), more and '1' or '0', entries }
end

redis.register_function('fl1_enter', enter)
redis.register_function('fl1_update', update)
-- What frees, or only looks and marks, must still be answered by a Redis that is full.
redis.register_function { function_name = 'fl1_leave', callback = leave, flags = { 'allow-oom' } }
redis.register_function { function_name = 'fl1_refresh', callback = refresh, flags = { 'allow-oom' } }
redis.register_function { function_name = 'fl1_reap', callback = reap, flags = { 'allow-oom' } }
redis.register_function { function_name = 'fl1_members', callback = count_members, flags = { 'allow-oom' } }
redis.register_function { function_name = 'fl1_revision', callback = revision, flags = { 'allow-oom' } }
redis.register_function { function_name = 'fl1_roster', callback = roster, flags = { 'allow-oom' } }
