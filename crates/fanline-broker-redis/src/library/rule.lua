-- Opening a channel, and what its rule changes in it.

-- Begins a numbering that continues no other.
local function begin(key, m, fresh, now)
  delete_log(key, m)
  delete_values(key, m)
  m[EPOCH], m[OWNER], m[FORKS] = fresh, owner(now), ''
end

local function open_channel(key, text, rule, fresh, now)
  if redis.call('EXISTS', key) == 1 then
    delete_remains(key)
  end
  local m = { NO_EPOCH, 0, 0, 0, 0, NO_OWNER, 0, 0, 0, NO_VERSION, 0, 0, 0, '', text }
  if keeps_log(rule) then
    m[EPOCH], m[OWNER] = fresh, owner(now)
  end
  return m
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
