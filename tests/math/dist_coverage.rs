//! How often the interval of Dist-n contains Dist-n's mean over samples of the same size.
//!
//!     cargo test --test math dist_coverage -- --ignored --nocapture

use emprl::data::library;
use emprl::metrics::{Bootstrap, ResponseWords};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

const SAMPLES: usize = 400;

/// Responses of words whose frequency falls with their rank, as in English; `stock` of ten are one phrase.
fn zipf(stock: u32, rng: &mut ChaCha8Rng) -> Vec<String> {
    let word = |rng: &mut ChaCha8Rng| {
        // Inverse of the distribution of rank r with weight 1 / (r + 2.7).
        let share: f64 = rng.random();
        let (least, most) = (2.7f64, 8_000.0f64);
        format!("w{}", (least * (most / least).powf(share)) as u64)
    };
    let response = |rng: &mut ChaCha8Rng| match rng.random_range(0..10) < stock {
        true => "that is good .".to_string(),
        false => {
            let words: Vec<String> = (0..rng.random_range(3..16)).map(|_| word(rng)).collect();
            words.join(" ")
        }
    };
    (0..40_000).map(|_| response(rng)).collect()
}

/// The share of samples whose interval contains the mean, for Dist-1 and Dist-2.
fn coverage(population: &[String], n: usize, rng: &mut ChaCha8Rng) -> [f64; 2] {
    let mut found = [const { Vec::new() }; 2];
    for _ in 0..SAMPLES {
        let sample: Vec<&str> = (0..n)
            .map(|_| population[rng.random_range(0..population.len())].as_str())
            .collect();
        let words = ResponseWords::new(&sample);
        for (of, found) in (1..).zip(&mut found) {
            found.extend(words.estimate(of, &Bootstrap::default()));
        }
    }
    found.map(|found| {
        let mean = found.iter().map(|of| of.value).sum::<f64>() / found.len() as f64;
        let contains = found.iter().filter(|of| of.low <= mean && mean <= of.high);
        contains.count() as f64 / found.len() as f64
    })
}

#[test]
#[ignore = "takes minutes: a simulation whose result the definition of Dist-n states"]
fn the_interval_of_dist_covers() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let set = library::open_dialogues(std::path::Path::new("unused"), library::BUILTIN).unwrap();
    let targets: Vec<String> = set.train.iter().map(|e| e.target.clone()).collect();
    let populations = [
        ("the corpus's own targets", targets),
        ("words by Zipf's law", zipf(0, &mut rng)),
        ("four of ten the same", zipf(4, &mut rng)),
    ];
    for (name, population) in populations {
        for n in [150, 1000] {
            let covered = coverage(&population, n, &mut rng);
            println!(
                "{name}, n = {n}: Dist-1 {:.3}, Dist-2 {:.3}",
                covered[0], covered[1]
            );
            // Three standard errors of 400 samples below 0.95.
            assert!(
                covered.iter().all(|covered| *covered > 0.917),
                "{covered:?}"
            );
        }
    }
}
