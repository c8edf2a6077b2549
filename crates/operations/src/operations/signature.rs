//! Whether a store still has what a signature says that figures were computed from.

use std::path::Path;

use serde::Serialize;

use super::OperationError;
use crate::metrics::signature::{DifferingPart, Signature};
use crate::report::provenance::{Provenance, system_signature};
use crate::store::{RunId, StoreReader};

/// What a signature was compared with, and how it came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Checked {
    /// These have everything that it says: a run for each of its seeds, or a system.
    Ok { found: Vec<String> },
    /// The closest one in the store differs.
    Differs {
        closest: String,
        differing: Vec<DifferingPart>,
    },
    /// The store has no run and no system.
    Nothing,
}

/// Compares a signature with a store, and with the metrics of this program.
///
/// # Errors
/// There is no store, or it cannot be read.
pub fn check(store: &Path, signature: &Signature) -> Result<Checked, OperationError> {
    let reader = StoreReader::open(store)?;
    let metrics = signature.metrics();
    let metrics: Vec<&str> = metrics.iter().map(String::as_str).collect();
    let mut all: Vec<(String, Option<u64>, Signature)> = Vec::new();
    for row in reader.list_runs()? {
        let found = Provenance::of(&reader.run(row.id)?);
        let own = Signature::new(&metrics, &found.origin, &[found.seed]);
        all.push((named(row.id), Some(found.seed), own));
    }
    for system in reader.systems()? {
        let own = system_signature(&metrics, &system);
        all.push((format!("system {}", system.name), None, own));
    }
    Ok(outcome(signature, &all))
}

fn named(run: RunId) -> String {
    format!("run {run}")
}

fn outcome(signature: &Signature, all: &[(String, Option<u64>, Signature)]) -> Checked {
    const SEEDS: &[&str] = &["seeds"];
    let same = |own: &Signature| signature.differing(own, SEEDS).is_empty();
    let with_seed = |seed: Option<u64>| {
        let mut all = all.iter();
        all.find(|(_, of, own)| *of == seed && same(own))
            .map(|(name, ..)| name.clone())
    };
    let found: Option<Vec<String>> = match signature.seeds() {
        Some(seeds) if seeds.is_empty() => with_seed(None).map(|name| vec![name]),
        Some(seeds) => seeds
            .into_iter()
            .map(|seed| with_seed(Some(seed)))
            .collect(),
        None => None,
    };
    if let Some(found) = found {
        return Checked::Ok { found };
    }
    // Where all other parts agree, a seed is missing.
    let differing = all.iter().map(|(name, _, own)| {
        let but_seeds = signature.differing(own, SEEDS);
        match but_seeds.is_empty() {
            true => (name, vec![missing_seeds(signature, all)]),
            false => (name, but_seeds),
        }
    });
    let closest = differing.min_by_key(|(_, differing)| differing.len());
    match closest {
        Some((closest, differing)) => Checked::Differs {
            closest: closest.clone(),
            differing,
        },
        None => Checked::Nothing,
    }
}

/// The seeds of which the store has runs that agree in everything else, beside those of the signature.
fn missing_seeds(signature: &Signature, all: &[(String, Option<u64>, Signature)]) -> DifferingPart {
    let agree = all
        .iter()
        .filter(|(_, _, own)| signature.differing(own, &["seeds"]).is_empty());
    let mut seeds: Vec<u64> = agree.filter_map(|(_, seed, _)| *seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
    let listed = |seeds: Vec<String>| match seeds.is_empty() {
        true => "-".to_string(),
        false => seeds.join(","),
    };
    let own = signature.seeds().unwrap_or_default();
    DifferingPart {
        part: "seeds",
        signature: listed(own.iter().map(u64::to_string).collect()),
        store: listed(seeds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::signature::Origin;

    fn signature(data: &str, seeds: &[u64]) -> Signature {
        let origin = Origin {
            tokenizer: "nltk".into(),
            data: data.into(),
            decoding: "given".into(),
            commit: "1ae1d48a9f5c".into(),
        };
        Signature::new(&["validation/ppl"], &origin, seeds)
    }

    fn store(of: &[(&str, u64)]) -> Vec<(String, Option<u64>, Signature)> {
        of.iter()
            .zip(1..)
            .map(|((data, seed), id)| (named(RunId(id)), Some(*seed), signature(data, &[*seed])))
            .collect()
    }

    #[test]
    fn a_run_for_each_seed_is_found() {
        let all = store(&[("a", 1), ("b", 2), ("a", 2)]);
        let found = outcome(&signature("a", &[1, 2]), &all);
        let runs = ["run 1", "run 3"].map(str::to_string).to_vec();
        assert_eq!(found, Checked::Ok { found: runs });
    }

    #[test]
    fn the_part_that_differs_is_named() {
        let parts = |checked: Checked| match checked {
            Checked::Differs { closest, differing } => {
                let parts = differing
                    .into_iter()
                    .map(|of| (of.part, of.signature, of.store));
                (closest, parts.collect::<Vec<_>>())
            }
            other => panic!("{other:?}"),
        };
        let all = store(&[("a", 1), ("b", 2)]);
        let (closest, differing) = parts(outcome(&signature("c", &[1]), &all));
        assert_eq!(closest, "run 1");
        assert_eq!(differing, [("data", "c".into(), "a".into())]);
        let (_, differing) = parts(outcome(&signature("a", &[1, 7]), &all));
        assert_eq!(differing, [("seeds", "1,7".into(), "1".into())]);
        assert_eq!(outcome(&signature("a", &[1]), &[]), Checked::Nothing);
    }
}
