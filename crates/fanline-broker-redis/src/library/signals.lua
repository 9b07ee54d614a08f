-- Signals: control traffic between nodes. Nothing is kept; whoever subscribes to the shard channel hears it.

-- args: the signal.
local function send_signal(keys, args)
  return redis.call('SPUBLISH', keys[1], args[1])
end

redis.register_function { function_name = 'fl1_signal', callback = send_signal, flags = { 'allow-oom' } }
