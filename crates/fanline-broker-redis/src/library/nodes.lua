-- The registry of nodes: one hash. Every time in it is of this server's clock.
--
-- field   what
-- N<id>   a node: end of its lease, start, announcement (8 bytes each, ms), boot (8 bytes), what it said
-- swept   when entries whose lease has ended were removed last

local NODE_HEAD = '>I8I8I8c8'
-- How often whoever announces itself removes what has ended. A list never shows it, removed or not.
local NODES_SWEEP_MS = 10000
-- How much longer than the last lease the whole hash lives.
local NODES_OUTLIVE_MS = 60000

local function remove_ended_nodes(key, now)
  local swept = tonumber(redis.call('HGET', key, 'swept') or 0)
  -- A clock that stepped back must not put it off.
  if swept <= now and now - swept < NODES_SWEEP_MS then
    return
  end
  redis.call('HSET', key, 'swept', digits(now))
  local fields = redis.call('HGETALL', key)
  for n = 1, #fields, 2 do
    if fields[n] ~= 'swept' and struct.unpack(NODE_HEAD, fields[n + 1]) <= now then
      redis.call('HDEL', key, fields[n])
    end
  end
end

-- args: id, boot (8 bytes), how long it has been running (ms), lease (ms), what it says.
local function announce_node(keys, args)
  local key, now = keys[1], clock()
  local field, boot, lease = 'N' .. args[1], args[2], tonumber(args[4])
  remove_ended_nodes(key, now)
  local start = math.max(now - tonumber(args[3]), 0)
  local known = redis.call('HGET', key, field)
  if known then
    local _, known_start, _, known_boot = struct.unpack(NODE_HEAD, known)
    if known_boot == boot then
      start = known_start
    end
  end
  redis.call('HSET', key, field, struct.pack(NODE_HEAD, now + lease, start, now, boot) .. args[5])
  if redis.call('PTTL', key) < lease + NODES_OUTLIVE_MS then
    redis.call('PEXPIRE', key, digits(lease + NODES_OUTLIVE_MS))
  end
  return 1
end

-- args: id, boot (8 bytes).
local function withdraw_node(keys, args)
  local field = 'N' .. args[1]
  local known = redis.call('HGET', keys[1], field)
  if not known then
    return 0
  end
  local _, _, _, boot = struct.unpack(NODE_HEAD, known)
  return boot == args[2] and redis.call('HDEL', keys[1], field) or 0
end

-- Answers the entries of those whose lease has not ended.
local function list_nodes(keys)
  local now, listed = clock(), {}
  local fields = redis.call('HGETALL', keys[1])
  for n = 1, #fields, 2 do
    if fields[n] ~= 'swept' and struct.unpack(NODE_HEAD, fields[n + 1]) > now then
      listed[#listed + 1] = fields[n + 1]
    end
  end
  return listed
end

redis.register_function { function_name = 'fl1_announce', callback = announce_node, flags = { 'allow-oom' } }
redis.register_function { function_name = 'fl1_withdraw', callback = withdraw_node, flags = { 'allow-oom' } }
redis.register_function { function_name = 'fl1_nodes', callback = list_nodes, flags = { 'no-writes', 'allow-oom' } }
