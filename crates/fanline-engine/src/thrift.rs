//! Growing by little and giving back: of some lists a node holds as many as it has connections or channels.

use std::collections::VecDeque;

use slab::Slab;

/// A queue that once was longer than this gives its memory back when it is empty.
const KEPT_CAPACITY: usize = 16;

/// Makes room for one more. The first takes what it needs, and later ones a quarter more than there is: doubled, half
/// of a node's memory for subscriptions would be empty.
pub(crate) fn make_room<T>(slab: &mut Slab<T>) {
    if slab.len() == slab.capacity() {
        slab.reserve_exact(1 + slab.len() / 4);
    }
}

/// Lets an empty queue forget how long it once was.
pub(crate) fn give_back<T>(queue: &mut VecDeque<T>) {
    if queue.is_empty() && queue.capacity() > KEPT_CAPACITY {
        *queue = VecDeque::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_takes_what_it_needs_and_a_thousand_little_more() {
        let mut slab = Slab::new();
        make_room(&mut slab);
        slab.insert(0_u64);
        assert_eq!(slab.capacity(), 1);
        for n in 1..1_000 {
            make_room(&mut slab);
            slab.insert(n);
        }
        assert!(slab.capacity() <= 1_250, "{}", slab.capacity());
    }
}
