-- Visiting a channel that nobody touches: what is too old goes, and nothing is prolonged. No head is answered, so
-- whose numbering it is does not matter here.

-- Answers when to visit again, or '' if nothing is left that ends before the key itself.
local function sweep(keys)
  local key = keys[1]
  local m = load_channel(key)
  if not m then
    return ''
  end
  local now = clock()
  local rule = parse_rule(m[RULE])
  local trimmed = trim(key, m, rule, now)
  local expired = expire_records(key, m, now)
  local again = math.huge
  if m[EVICTED] < m[SEQ] then
    again = m[OLDEST_AT] + rule.window
  end
  if m[RECORDS_FIRST] < m[RECORDS_NEXT] then
    again = math.min(again, m[RECORDS_DUE])
  end
  local values = m[VALUES]
  if values > 0 then
    for _, slot in ipairs(expire_values(key, m, now)) do
      again = math.min(again, slot_expires(slot))
    end
  end
  if trimmed or expired or m[VALUES] ~= values then
    save(key, m, now)
  end
  return again < math.huge and digits(again) or ''
end

redis.register_function { function_name = 'fl1_sweep', callback = sweep, flags = { 'allow-oom' } }
