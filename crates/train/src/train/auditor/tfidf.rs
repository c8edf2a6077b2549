//! Texts as sparse rows of word n-grams, weighted by tf-idf as scikit-learn's `TfidfVectorizer` does.

use std::collections::{BTreeMap, HashMap};

/// The non-zero features of a text with their weights, by feature.
pub type SparseRow = Vec<(usize, f64)>;

/// n-grams of one and two words that occur in several texts, with their inverse document frequencies.
///
/// Lower-case words (`\w+`) and single signs (`[^\w\s]`); `sublinear_tf`, `smooth_idf`, rows of length 1.
pub struct Tfidf {
    features: HashMap<String, usize>,
    idf: Vec<f64>,
}

/// A feature occurs in so many texts at least.
const MIN_TEXTS: usize = 2;

impl Tfidf {
    /// Learns features, in alphabetical order, and frequencies.
    pub fn fit(texts: &[&str]) -> Self {
        let mut frequencies: BTreeMap<String, usize> = BTreeMap::new();
        for text in texts {
            for (gram, _) in counts(text) {
                *frequencies.entry(gram).or_default() += 1;
            }
        }
        frequencies.retain(|_, found| *found >= MIN_TEXTS);
        let inverse =
            |found: &usize| (1.0 + texts.len() as f64).ln() - (1.0 + *found as f64).ln() + 1.0;
        let idf = frequencies.values().map(inverse).collect();
        let features = frequencies
            .into_keys()
            .enumerate()
            .map(|(at, gram)| (gram, at));
        Tfidf {
            features: features.collect(),
            idf,
        }
    }

    /// The number of features.
    pub fn len(&self) -> usize {
        self.idf.len()
    }

    /// A text with its features numbered from `offset`.
    pub fn row(&self, text: &str, offset: usize) -> SparseRow {
        let weight = |(gram, count): (String, usize)| {
            let feature = *self.features.get(&gram)?;
            Some((feature, (1.0 + (count as f64).ln()) * self.idf[feature]))
        };
        let mut row: SparseRow = counts(text).into_iter().filter_map(weight).collect();
        row.sort_unstable_by_key(|(feature, _)| *feature);
        let length = row
            .iter()
            .map(|(_, weight)| weight * weight)
            .sum::<f64>()
            .sqrt();
        for (feature, weight) in &mut row {
            *feature += offset;
            *weight /= length;
        }
        row
    }
}

/// How often each n-gram occurs in a text.
fn counts(text: &str) -> HashMap<String, usize> {
    let words = words(&text.to_lowercase());
    let pairs = words.windows(2).map(|pair| pair.join(" "));
    let mut counts = HashMap::new();
    for gram in pairs.chain(words.iter().cloned()) {
        *counts.entry(gram).or_default() += 1;
    }
    counts
}

fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut goes_on = false;
    for letter in text.chars() {
        let is_word = letter.is_alphanumeric() || letter == '_';
        match words.last_mut() {
            Some(word) if is_word && goes_on => String::push(word, letter),
            _ if letter.is_whitespace() => {}
            _ => words.push(letter.to_string()),
        }
        goes_on = is_word;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_words_and_white_space_is_none() {
        assert_eq!(
            words("i'm ok_1,  why?!\n"),
            ["i", "'", "m", "ok_1", ",", "why", "?", "!"]
        );
        assert!(words(" \n").is_empty());
    }

    #[test]
    fn a_text_without_known_words_is_empty() {
        let tfidf = Tfidf::fit(&["a b", "a c"]);
        assert_eq!(tfidf.len(), 1);
        assert_eq!(tfidf.row("A!", 7), [(7, 1.0)]);
        assert!(tfidf.row("b c", 0).is_empty());
    }
}
