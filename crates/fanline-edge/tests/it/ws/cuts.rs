//! Where the network cuts the bytes must not matter, for a correct client and for any other.

use proptest::{collection::vec, prelude::*, sample::Index};

use super::frames::{Frame, conversations, decode, frames};

const LIMIT: usize = 70_000;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_conversation_is_understood_however_it_is_cut(
        (bytes, said) in conversations(),
        sizes in vec(prop_oneof![1_usize..4, 1_usize..200, 1_usize..20_000], 0..200),
    ) {
        prop_assert_eq!(decode(&bytes, LIMIT, &[]), (said.clone(), None));
        prop_assert_eq!(decode(&bytes, LIMIT, &sizes), (said, None));
    }

    #[test]
    fn nonsense_is_refused_alike_however_it_is_cut(
        frames in frames(),
        limit in 0_usize..400,
        sizes in vec(1_usize..20, 0..100),
    ) {
        let bytes = frames.iter().flat_map(Frame::bytes).collect::<Vec<_>>();
        let whole = decode(&bytes, limit, &[]);
        prop_assert_eq!(&decode(&bytes, limit, &sizes), &whole);
        prop_assert_eq!(&decode(&bytes, limit, &vec![1; bytes.len()]), &whole);
    }

    #[test]
    fn a_damaged_conversation_is_refused_alike_however_it_is_cut(
        (mut bytes, _) in conversations(),
        damage in vec((any::<Index>(), any::<u8>()), 1..4),
        sizes in vec(1_usize..300, 0..100),
    ) {
        for (place, byte) in damage {
            if !bytes.is_empty() {
                let place = place.index(bytes.len().min(400));
                bytes[place] = byte;
            }
        }
        let whole = decode(&bytes, LIMIT, &[]);
        prop_assert_eq!(decode(&bytes, LIMIT, &sizes), whole);
    }
}
