//! Chance that repeats itself: every choice of a run follows from its seed.
//!
//! Each actor has dice of its own, drawn from the run's seed and the actor's name, so that what one of them
//! chooses does not depend on how fast the others were. The order of events in the system under test is its
//! own, and no seed repeats that.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// An actor's dice.
#[derive(Debug)]
pub struct Dice {
    generator: Mutex<StdRng>,
}

impl Dice {
    /// The dice of this actor in the run of this seed.
    #[must_use]
    pub fn of(seed: u64, actor: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        (seed, actor).hash(&mut hasher);
        Self {
            generator: Mutex::new(StdRng::seed_from_u64(hasher.finish())),
        }
    }

    /// One of these; `None` of none.
    pub fn pick<'a, T>(&self, among: &'a [T]) -> Option<&'a T> {
        if among.is_empty() {
            return None;
        }
        among.get(self.generator.lock().random_range(0..among.len()))
    }

    /// Several different ones of these, in no order.
    pub fn pick_some<T: Clone>(&self, among: &[T], count: usize) -> Vec<T> {
        let mut left = among.to_vec();
        let mut picked = Vec::new();
        while picked.len() < count && !left.is_empty() {
            let place = self.generator.lock().random_range(0..left.len());
            picked.push(left.swap_remove(place));
        }
        picked
    }

    /// True with this probability.
    pub fn chance(&self, probability: f64) -> bool {
        self.generator
            .lock()
            .random_bool(probability.clamp(0.0, 1.0))
    }

    /// A time between these two.
    pub fn between(&self, least: Duration, most: Duration) -> Duration {
        let share: f64 = self.generator.lock().random();
        least + most.saturating_sub(least).mul_f64(share)
    }

    /// A number below this one.
    pub fn below(&self, end: usize) -> usize {
        self.generator.lock().random_range(0..end.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_actor_choose_the_same() {
        let draw = |seed, actor| {
            let dice = Dice::of(seed, actor);
            (0..20).map(|_| dice.below(1_000)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7, "a"), draw(7, "a"));
        assert_ne!(draw(7, "a"), draw(8, "a"));
        assert_ne!(draw(7, "a"), draw(7, "b"));
    }

    #[test]
    fn several_picks_are_different_ones() {
        let mut picked = Dice::of(1, "a").pick_some(&[1, 2, 3, 4], 3);
        picked.sort_unstable();
        picked.dedup();
        assert_eq!(picked.len(), 3);
    }
}
