//! Reads `CLUSTER NODES`: the one answer that holds owners, config epochs and migration marks of the same
//! moment.

use std::collections::HashMap;

use redis::Value;

use super::{Address, SLOTS};

/// One line: one server, as another one sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) id: Box<str>,
    pub(super) address: Address,
    pub(super) myself: bool,
    pub(super) primary: bool,
    /// Suspected (`fail?`) or known (`fail`) to be away.
    pub(super) failing: bool,
    /// Of a primary: by it claims on the same slot are compared.
    pub(super) config_epoch: u64,
    /// Inclusive.
    pub(super) ranges: Vec<(u16, u16)>,
    /// Slots on their way to another server. Only the line of the server that was asked shows them.
    pub(super) migrating: Vec<(u16, Box<str>)>,
}

/// The servers that can be reached, from the answer of the one that was asked.
///
/// Where clients are to be sent can be configured per server (`cluster-preferred-endpoint-type`), and this
/// answer does not show it: `endpoints`, by node id, go before its own addresses.
pub(super) fn read(
    text: &str,
    endpoints: &HashMap<Box<str>, Address>,
    asked: &Address,
) -> Option<Vec<Node>> {
    let mut nodes = Vec::new();
    for line in text.lines() {
        let mut words = line.split(' ');
        let (id, place, flags) = (words.next()?, words.next()?, words.next()?);
        // Then its primary, ping and pong.
        let config_epoch = words.nth(3)?.parse().ok()?;
        let _link_state = words.next()?;
        let has = |flag| flags.split(',').any(|own| own == flag);
        if has("handshake") || has("noaddr") {
            continue;
        }
        let address = match endpoints.get(id) {
            Some(endpoint) => endpoint.clone(),
            // `ip:port@busport,hostname`
            None => Address::told_by(asked, place.split('@').next()?)?,
        };
        let mut node = Node {
            id: id.into(),
            address,
            myself: has("myself"),
            primary: has("master"),
            failing: has("fail") || has("fail?"),
            config_epoch,
            ranges: Vec::new(),
            migrating: Vec::new(),
        };
        words.try_for_each(|word| node.take_slots(word))?;
        nodes.push(node);
    }
    Some(nodes)
}

/// Where clients are to find each server, by node id, from the answer to `CLUSTER SLOTS`.
pub(super) fn endpoints(slots: &Value, asked: &Address) -> HashMap<Box<str>, Address> {
    let mut endpoints = HashMap::new();
    for range in items(slots) {
        // First slot, last slot, then one entry for each server: host, port, id, more.
        for server in items(range).iter().skip(2) {
            if let [host, Value::Int(port), Value::BulkString(id), ..] = items(server)
                && let Some(host) = endpoint(host, asked)
                && let Ok(port) = u16::try_from(*port)
            {
                let id = String::from_utf8_lossy(id).as_ref().into();
                endpoints.insert(id, Address { host, port });
            }
        }
    }
    endpoints
}

fn items(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        _ => &[],
    }
}

/// None or an empty one: as it was asked. `?`: a host name that nobody has set.
fn endpoint(host: &Value, asked: &Address) -> Option<Box<str>> {
    match host {
        Value::Nil => Some(asked.host.clone()),
        Value::BulkString(bytes) if bytes.is_empty() => Some(asked.host.clone()),
        Value::BulkString(bytes) => {
            let host = std::str::from_utf8(bytes).ok()?;
            (host != "?").then(|| host.into())
        }
        _ => None,
    }
}

impl Node {
    /// `7`, `0-5460`, `[7->-target]`, `[7-<-source]`.
    fn take_slots(&mut self, word: &str) -> Option<()> {
        if let Some(mark) = word.strip_prefix('[') {
            if let Some((slot, target)) = mark.trim_end_matches(']').split_once("->-") {
                self.migrating.push((slot_number(slot)?, target.into()));
            }
            return Some(());
        }
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let (first, last) = (slot_number(first)?, slot_number(last)?);
        self.ranges.push((first, last));
        Some(())
    }
}

fn slot_number(text: &str) -> Option<u16> {
    text.parse().ok().filter(|slot| *slot < SLOTS)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const NODES: &str = "\
aaa 10.0.0.1:7001@17001 myself,master - 0 1700000000000 12 connected 0-5460 9000 [93->-bbb] [77-<-ccc]
bbb 10.0.0.2:7002@17002,two.example,shard-id=f00 master,fail? - 0 1700000000000 3 connected 5461-8999
ccc 10.0.0.3:7003@17003 slave bbb 0 1700000000000 3 connected
ddd :0@0 master,noaddr - 0 0 0 disconnected
";

    fn asked() -> Address {
        Address::parse("10.0.0.1:7001").unwrap()
    }

    #[test]
    fn a_line_tells_slots_config_epoch_and_marks_of_its_server() {
        let nodes = read(NODES, &HashMap::new(), &asked()).unwrap();
        let [own, other, replica] = nodes.as_slice() else {
            unreachable!("{nodes:?}")
        };
        assert_eq!(own.ranges, [(0, 5_460), (9_000, 9_000)]);
        assert_eq!(own.migrating, [(93, "bbb".into())]);
        assert_eq!(
            (own.config_epoch, own.myself, own.primary),
            (12, true, true)
        );
        assert!(other.failing && !own.failing);
        assert_eq!(other.address.to_string(), "10.0.0.2:7002");
        assert!(!replica.primary);
    }

    #[test]
    fn a_server_that_does_not_know_its_host_is_where_it_was_asked() {
        let text = "aaa :7001@17001 myself,master - 0 0 0 connected 0-16383\n";
        let nodes = read(text, &HashMap::new(), &asked()).unwrap();
        assert_eq!(nodes.first().unwrap().address, asked());
    }

    #[test]
    fn an_endpoint_goes_before_the_address_and_an_unset_one_does_not() {
        let server = |host: Value, id: &str| {
            Value::Array(vec![host, Value::Int(7), Value::BulkString(id.into())])
        };
        let slots = Value::Array(vec![Value::Array(vec![
            Value::Int(0),
            Value::Int(5_460),
            server(Value::BulkString("one.example".into()), "aaa"),
            server(Value::BulkString("?".into()), "bbb"),
            server(Value::Nil, "ccc"),
        ])]);
        let nodes = read(NODES, &endpoints(&slots, &asked()), &asked()).unwrap();
        let addresses: Vec<_> = nodes.iter().map(|node| node.address.to_string()).collect();
        assert_eq!(addresses, ["one.example:7", "10.0.0.2:7002", "10.0.0.1:7"]);
    }

    #[test]
    fn what_is_not_such_an_answer_is_refused() {
        for text in [
            "hello",
            "a b c d e f x connected",
            "a h:1@1 master - 0 0 1 connected 0-99999",
        ] {
            assert_eq!(read(text, &HashMap::new(), &asked()), None, "{text}");
        }
    }
}
