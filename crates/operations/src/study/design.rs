//! Which annotators judge which responses to a context.
//!
//! Unless a study allows repeats, nobody meets a response twice: whoever reads the same answer in pair after pair knows
//! which system all others are compared with. The pairs of a context fall into blocks in which no system occurs twice,
//! and an annotator judges at most one block of a context. With too few annotators for all blocks of a context, each
//! context has some of them, in turn, and more contexts are drawn. Knows no text.

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::definition::{Definition, Pairing, StudyKind};
use super::draw::{self, stream};
use super::make::Content;

/// What some annotators judge of a context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Portion {
    /// Among the drawn contexts.
    pub context: usize,
    pub contents: Vec<Content>,
    /// Among the annotators, from 0.
    pub raters: Vec<usize>,
}

impl Definition {
    /// What a context is judged for, in blocks of which an annotator may judge all.
    fn blocks(&self) -> Vec<Vec<Content>> {
        let pair = |&(a, b): &(usize, usize)| Content::Pair(a, b);
        match (self.kind, self.pairing) {
            (StudyKind::Rating, _) => {
                vec![(0..self.systems.len()).map(Content::Single).collect()]
            }
            (StudyKind::AbTest, _) if self.repeats => {
                vec![self.pairs().iter().map(pair).collect()]
            }
            (StudyKind::AbTest, Pairing::FirstAgainstEach) => {
                let pairs = self.pairs();
                pairs.iter().map(|one| vec![pair(one)]).collect()
            }
            (StudyKind::AbTest, Pairing::EveryPair) => rounds(self.systems.len())
                .iter()
                .map(|round| round.iter().map(pair).collect())
                .collect(),
        }
    }

    /// How many blocks of one context there are annotators for.
    fn blocks_at_once(&self, blocks: usize) -> usize {
        let sets = self.annotators.len() / self.raters_per_item.max(1);
        sets.clamp(1, blocks.max(1))
    }

    /// Contexts to draw, so that each pair is judged in [`Definition::contexts`] of them.
    pub(super) fn drawn_contexts(&self) -> usize {
        let blocks = self.blocks().len();
        (self.contexts * blocks).div_ceil(self.blocks_at_once(blocks))
    }

    /// Why more contexts are drawn than each pair is judged in; None where they are not.
    pub fn drawn_words(&self) -> Option<String> {
        let drawn = self.drawn_contexts();
        (drawn > self.contexts).then(|| {
            format!(
                "{drawn} contexts are drawn, so that no annotator meets a response twice; with {} annotators {} would do",
                self.annotators_for_all(),
                self.contexts
            )
        })
    }

    /// Annotators for whom no more contexts than [`Definition::contexts`] are drawn.
    pub(super) fn annotators_for_all(&self) -> usize {
        self.blocks().len() * self.raters_per_item
    }

    /// Items for each annotator, including checks, and judgements in all.
    pub fn workload(&self) -> (usize, usize) {
        let blocks = self.blocks();
        let of_a_block = blocks.first().map_or(0, Vec::len);
        let portions = self.contexts * blocks.len() * self.raters_per_item;
        let annotators = self.annotators.len();
        (
            portions.div_ceil(annotators.max(1)) * of_a_block + self.attention_checks,
            portions * of_a_block + self.attention_checks * annotators,
        )
    }
}

/// The pairs of `systems` in rounds in which each occurs once at most, by the circle method of tournaments: one stays,
/// the others move on by a place from round to round. Of an odd number one rests.
fn rounds(systems: usize) -> Vec<Vec<(usize, usize)>> {
    let places = systems + systems % 2;
    let round = |shift: usize| {
        let at = |place: usize| match place {
            0 => 0,
            place => 1 + (place - 1 + shift) % (places - 1),
        };
        let pairs = (0..places / 2).map(|place| (at(place), at(places - 1 - place)));
        pairs
            .map(|(a, b)| (a.min(b), a.max(b)))
            .filter(|(_, b)| *b < systems)
            .collect()
    };
    (1..places).map(round).collect()
}

/// The portions of all drawn contexts. Every block is judged in equally many, by equally many annotators, who have equally
/// many portions (but for a remainder) and about equally many of each block.
pub(super) fn portions(definition: &Definition) -> Vec<Portion> {
    let blocks = definition.blocks();
    let people = definition.annotators.len();
    let at_once = definition.blocks_at_once(blocks.len());
    let mut rng = stream(definition.blinded_seed(), "annotators", 0);
    let mut done = vec![vec![0; blocks.len()]; people];
    let all: Vec<usize> = (0..definition.contexts * blocks.len()).collect();
    let mut portions = Vec::new();
    for (context, slots) in all.chunks(at_once).enumerate() {
        let slots: Vec<usize> = slots.iter().map(|slot| slot % blocks.len()).collect();
        let wanted = slots.len() * definition.raters_per_item;
        let mut free = least_busy(&done, &slots, wanted, &mut rng);
        exchange(&mut free, &slots, definition.raters_per_item, &done);
        for (block, raters) in slots.iter().zip(free.chunks(definition.raters_per_item)) {
            for person in raters {
                done[*person][*block] += 1;
            }
            portions.push(Portion {
                context,
                contents: blocks[*block].clone(),
                raters: raters.to_vec(),
            });
        }
    }
    portions
}

/// Lets people, so many of each of these blocks, change places until no exchange of two makes what they have `done` of
/// the blocks more even.
fn exchange(people: &mut [usize], blocks: &[usize], each: usize, done: &[Vec<usize>]) {
    let mut changed = true;
    while changed {
        changed = false;
        for a in 0..people.len() {
            for b in a + 1..people.len() {
                let had = |person: usize, place: usize| done[people[person]][blocks[place / each]];
                if had(a, a) + had(b, b) > had(a, b) + had(b, a) {
                    people.swap(a, b);
                    changed = true;
                }
            }
        }
    }
}

/// So many different annotators of those with the fewest portions, and among these of those who had the fewest of these
/// blocks; at random where that is equal, too.
fn least_busy(
    done: &[Vec<usize>],
    blocks: &[usize],
    wanted: usize,
    rng: &mut ChaCha8Rng,
) -> Vec<usize> {
    let mut people = draw::order(done.len(), rng);
    people.sort_by_key(|person| {
        let done = &done[*person];
        let of_these = blocks.iter().map(|block| done[*block]).sum::<usize>();
        (done.iter().sum::<usize>(), of_these)
    });
    people.truncate(wanted);
    people.shuffle(rng);
    people
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use super::*;

    fn study(systems: usize, people: usize, pairing: Pairing) -> Definition {
        let names = |of: &str, n: usize| (0..n).map(|at| format!("{of} {at}")).collect();
        let mut study = Definition::new(
            StudyKind::AbTest,
            names("system", systems),
            names("person", people),
        );
        study.pairing = pairing;
        study.contexts = 60;
        study
    }

    /// Every combination of a few systems and annotators.
    #[test]
    fn nobody_meets_a_response_twice_and_all_have_the_same_work() {
        for (systems, people, pairing) in [
            (2, 3, Pairing::FirstAgainstEach),
            (9, 24, Pairing::FirstAgainstEach),
            (9, 7, Pairing::FirstAgainstEach),
            (4, 5, Pairing::FirstAgainstEach),
            (4, 9, Pairing::EveryPair),
            (5, 4, Pairing::EveryPair),
            (5, 17, Pairing::EveryPair),
        ] {
            let study = study(systems, people, pairing);
            let case = format!("{systems} systems, {people} people, {pairing:?}");
            let portions = portions(&study);
            let mut met = HashSet::new();
            let mut judged: BTreeMap<(usize, usize), usize> = BTreeMap::new();
            let mut of_person: BTreeMap<usize, BTreeMap<(usize, usize), usize>> = BTreeMap::new();
            for portion in &portions {
                assert!(portion.context < study.drawn_contexts(), "{case}");
                assert_eq!(portion.raters.len(), 3, "{case}");
                for content in &portion.contents {
                    let Content::Pair(a, b) = *content else {
                        panic!("{case}: {content:?}")
                    };
                    *judged.entry((a, b)).or_default() += 1;
                    for person in &portion.raters {
                        assert!(met.insert((portion.context, *person, a)), "{case}: twice");
                        assert!(met.insert((portion.context, *person, b)), "{case}: twice");
                        *of_person
                            .entry(*person)
                            .or_default()
                            .entry((a, b))
                            .or_default() += 1;
                    }
                }
            }
            let pairs = study.pairs();
            let wanted: BTreeMap<_, _> = pairs.iter().map(|pair| (*pair, 60)).collect();
            assert_eq!(judged, wanted, "{case}");
            let (each, all) = study.workload();
            let totals: Vec<usize> = (0..people)
                .map(|person| of_person[&person].values().sum())
                .collect();
            assert_eq!(totals.iter().sum::<usize>(), all, "{case}");
            assert_eq!(totals.iter().max(), Some(&each), "{case}");
            let of_a_block = portions[0].contents.len();
            assert!(
                totals.iter().all(|n| each - n <= of_a_block),
                "{case}: {totals:?}"
            );
            for (person, judged) in of_person {
                let counts = || {
                    pairs
                        .iter()
                        .map(|pair| judged.get(pair).copied().unwrap_or(0))
                };
                let (least, most) = (counts().min().unwrap(), counts().max().unwrap());
                assert!(most - least <= 2, "{case}: person {person} {judged:?}");
            }
        }
    }

    #[test]
    fn too_few_annotators_need_more_contexts() {
        let mut study = study(9, 24, Pairing::FirstAgainstEach);
        assert_eq!(
            (study.drawn_contexts(), study.annotators_for_all()),
            (60, 24)
        );
        study.annotators.truncate(7);
        assert_eq!(study.drawn_contexts(), 240);
        study.annotators.truncate(3);
        assert_eq!(study.drawn_contexts(), 480);
        study.repeats = true;
        assert_eq!(study.drawn_contexts(), 60);
    }

    #[test]
    fn repeats_are_one_block_of_all_pairs() {
        let mut study = study(4, 5, Pairing::EveryPair);
        study.repeats = true;
        let portions = portions(&study);
        assert_eq!(portions.len(), 60);
        assert!(portions.iter().all(|portion| portion.contents.len() == 6));
    }

    #[test]
    fn rounds_have_every_pair_once() {
        for systems in 2..10 {
            let rounds = rounds(systems);
            let pairs: HashSet<(usize, usize)> = rounds.iter().flatten().copied().collect();
            assert_eq!(pairs.len(), systems * (systems - 1) / 2);
            assert_eq!(rounds.iter().flatten().count(), pairs.len());
            for round in rounds {
                let met: HashSet<usize> = round.iter().flat_map(|(a, b)| [*a, *b]).collect();
                assert_eq!(met.len(), 2 * round.len());
            }
        }
    }
}
