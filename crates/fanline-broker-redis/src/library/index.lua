-- The indexes of a partition: its channels with presence, and those that hold what must go though nobody touches them,
-- each by when they must be looked at. A sorted set each, a key of its own, written before the act that it indexes. A
-- stale entry costs one look; a missing one would leave a ghost, or a payload, where nobody looks.

-- Who has claimed a channel has this long to settle it; then somebody else looks.
local CLAIM_MS = 10000

-- args: how soon to look (ms), channels' keys.
local function index(keys, args)
  local key = keys[1]
  local due = clock() + tonumber(args[1])
  for n = 2, #args do
    local known = redis.call('ZSCORE', key, args[n])
    -- Every write moves the entry, so that whoever looked before sees that it was written again.
    local at = known and math.min(due, tonumber(known) - 1) or due
    redis.call('ZADD', key, digits(at), args[n])
  end
  return #args - 1
end

-- args: how long not to look (ms), channels' keys. For what has time until it was left alone: the last word counts.
local function index_later(keys, args)
  local due = digits(clock() + tonumber(args[1]))
  for n = 2, #args do
    redis.call('ZADD', keys[1], due, args[n])
  end
  return #args - 1
end

-- args: most channels. Claims what is due. Answers the claim and the channels' keys, or nothing.
local function claim_due(keys, args)
  local key, now = keys[1], clock()
  local due = redis.call('ZRANGEBYSCORE', key, '-inf', digits(now), 'LIMIT', 0, args[1])
  if #due == 0 then
    return false
  end
  local claim = digits(now + CLAIM_MS)
  for _, channel in ipairs(due) do
    redis.call('ZADD', key, claim, channel)
  end
  return { claim, due }
end

-- args: claim, and for each channel: its key, when to look again or ''. Leaves alone what was written since the claim.
local function settle(keys, args)
  local key, claim = keys[1], tonumber(args[1])
  local settled = 0
  for n = 2, #args, 2 do
    local channel, again = args[n], args[n + 1]
    if tonumber(redis.call('ZSCORE', key, channel)) == claim then
      settled = settled + 1
      if again == '' then
        redis.call('ZREM', key, channel)
      else
        redis.call('ZADD', key, again, channel)
      end
    end
  end
  return settled
end

redis.register_function { function_name = 'fl1_index', callback = index, flags = { 'allow-oom' } }
redis.register_function { function_name = 'fl1_index_later', callback = index_later, flags = { 'allow-oom' } }
redis.register_function { function_name = 'fl1_due', callback = claim_due, flags = { 'allow-oom' } }
redis.register_function { function_name = 'fl1_settle', callback = settle, flags = { 'allow-oom' } }
