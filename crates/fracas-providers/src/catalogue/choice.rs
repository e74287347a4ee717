//! Draws at random, so that the same seed draws the same again.
//!
//! The numbers are those of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
//! generators", 2014), whose few lines no release of a library can change.

/// The greatest seed: what every reader of JSON keeps exactly.
const GREATEST_SEED: u64 = (1 << 53) - 1;

/// Draws items of lists, one after the other.
#[derive(Debug)]
pub(super) struct Dice {
    /// What it began with.
    pub(super) seed: u64,
    state: u64,
}

impl Dice {
    /// With this seed, or one that nobody can foresee.
    pub(super) fn new(seed: Option<u64>) -> Dice {
        let seed = seed.unwrap_or_else(|| fastrand::u64(..=GREATEST_SEED));
        Dice { seed, state: seed }
    }

    /// This many of the items, in the order in which they are drawn; all where there are fewer.
    pub(super) fn draw<T: Clone>(&mut self, items: &[T], count: usize) -> Vec<T> {
        let mut left: Vec<&T> = items.iter().collect();
        let mut drawn = Vec::new();
        while drawn.len() < count && !left.is_empty() {
            let place = self.below(left.len());
            drawn.push(left.swap_remove(place).clone());
        }
        drawn
    }

    /// A number below this one, each as likely as any other but for 1 in 2^64 / `count`.
    fn below(&mut self, count: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed % count as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn drawn(seed: u64, count: usize) -> Vec<Value> {
        let items: Vec<Value> = (0..10).map(|number| json!(number)).collect();
        Dice::new(Some(seed)).draw(&items, count)
    }

    #[test]
    fn the_same_seed_draws_the_same() {
        assert_eq!(drawn(7, 4), drawn(7, 4));
        assert_eq!(drawn(7, 4), [json!(7), json!(6), json!(2), json!(3)]);
        assert_ne!(drawn(7, 4), drawn(8, 4));
    }

    #[test]
    fn numbers_are_those_of_the_paper() {
        assert_eq!(Dice::new(Some(1_234_567)).below(1 << 63), 6_457_827_717_110_365_317);
    }

    #[test]
    fn no_item_is_drawn_twice_and_every_one_can_be() {
        let mut all = drawn(1, 20);
        all.sort_by_key(Value::as_u64);
        assert_eq!(all, (0..10).map(|number| json!(number)).collect::<Vec<_>>());
        let first = |seed| drawn(seed, 1)[0].as_u64();
        let seen: std::collections::BTreeSet<_> = (0..200).map(first).collect();
        assert_eq!(seen.len(), 10);
    }
}
