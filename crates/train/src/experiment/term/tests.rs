use super::*;
use crate::experiment::{Config, ExperimentFile, sweep};

const TERMS: &str = r#"
        [[reward.term]]
        name = "empathy"
        kind = "identifiers"

        [[reward.term]]
        name = "short"
        kind = "length"
        weight = 0.02
        at_most = 12

        [[reward.term]]
        name = "tone"
        kind = "command"
        command = ["python3", "tone.py", "--fast"]
        retries = 1
    "#;

fn config(text: &str) -> Config {
    Config::from_toml("case", text).unwrap()
}

fn problem(text: &str) -> String {
    let config = Config::from_toml("case", text);
    config.map_or_else(
        |error| error.to_string(),
        |config| {
            config
                .problems()
                .iter()
                .map(|p| format!("{}: {}", p.path, p.message))
                .collect()
        },
    )
}

#[test]
fn terms_are_read_and_written_with_the_settings_of_their_kind() {
    let config = config(TERMS);
    let [empathy, short, tone] = config.reward.term.as_slice() else {
        panic!("three terms")
    };
    assert_eq!(
        (empathy.weight, &empathy.scorer),
        (1.0, &Scorer::Identifiers)
    );
    assert_eq!(
        short.scorer,
        Scorer::Length(LengthTerm {
            at_least: 0,
            at_most: 12
        })
    );
    let Scorer::Command(own) = &tone.scorer else {
        panic!("a command")
    };
    assert_eq!((own.command.len(), own.retries, own.timeout), (3, 1, 60.0));
    let text = config.to_toml();
    assert!(!text.contains("address"), "{text}");
    assert_eq!(Config::from_toml("saved", &text).unwrap(), config);
    let problems = config.problems();
    let of_reward = problems.iter().filter(|one| one.path.starts_with("reward"));
    assert_eq!(of_reward.count(), 0, "{problems:?}");
    assert_eq!(Config::default().reward.term, []);
}

#[test]
fn what_does_not_fit_is_refused_with_the_name_of_the_term() {
    let term = |body: &str| format!("[[reward.term]]\n{body}");
    for (body, part) in [
        ("name = \"a\"", "the term a: `kind` is missing"),
        ("kind = \"length\"", "`name` is missing"),
        (
            "name = \"a\"\nkind = \"lengths\"",
            "is not one of identifiers, length",
        ),
        (
            "name = \"a\"\nkind = \"length\"\nngram = 2",
            "`ngram` is no setting of this kind",
        ),
        (
            "name = \"a\"\nkind = \"length\"\nat_most = -1",
            "out of range",
        ),
        ("name = \"A b\"\nkind = \"length\"", "is no name"),
        ("name = \"total\"\nkind = \"length\"", "another metric"),
        (
            "name = \"exploration\"\nkind = \"length\"",
            "another metric",
        ),
        ("name = \"empathy\"\nkind = \"length\"", "another metric"),
        (
            "name = \"a\"\nkind = \"length\"\nat_most = 0",
            "limits nothing",
        ),
        ("name = \"a\"\nkind = \"command\"", "names no program"),
        (
            "name = \"a\"\nkind = \"command\"\ncommand = \"python3 a.py\"",
            "list of texts",
        ),
        (
            "name = \"a\"\nkind = \"http\"\naddress = \"ftp://x\"",
            "http://",
        ),
    ] {
        let why = problem(&term(body));
        assert!(
            why.contains("reward.term") && why.contains(part),
            "{body}: {why}"
        );
    }
    let twice = "[[reward.term]]\nname = \"a\"\nkind = \"length\"\n".repeat(2);
    assert!(problem(&twice).contains("there twice"));
    let second = format!("{TERMS}\n[[reward.term]]\nname = \"levels\"\nkind = \"identifiers\"");
    assert!(problem(&second).contains("second term of the identifiers"));
    let balanced = format!("[reward]\nclass_weights = \"balanced\"\n{TERMS}");
    assert!(
        problem(&balanced).contains("the paper's form"),
        "{}",
        problem(&balanced)
    );
}

#[test]
fn a_setting_of_a_term_has_a_path() {
    let mut file = ExperimentFile::preset("quickstart").unwrap().unwrap();
    file.config.reward.term = config(TERMS).reward.term;
    file.assign(&[
        "reward.term.short.weight=0.5".into(),
        "reward.term.tone.command=[\"sh\", \"tone.sh\"]".into(),
    ])
    .unwrap();
    assert_eq!(
        file.config.get("reward.term.short.weight"),
        Some(0.5.into())
    );
    assert_eq!(file.config.get("reward.term.1.at_most"), Some(12.into()));
    for wrong in [
        "reward.term.long.weight=1",
        "reward.term.short.weight=much",
        "reward.term.short.nothing=1",
    ] {
        assert!(file.assign(&[wrong.into()]).is_err(), "{wrong}");
    }
    file.config
        .set("reward.term.2.kind", "repetition".into())
        .unwrap();
    assert_eq!(
        file.config.reward.term[2].scorer,
        Scorer::Repetition(RepetitionTerm::default())
    );

    let axis = sweep::Axis::parse("reward.term.short.weight", "0, 0.5").unwrap();
    let runs = sweep::grid(&file.config, &[axis]).unwrap();
    let weights = runs.iter().map(|run| run.config.reward.term[1].weight);
    assert_eq!(weights.collect::<Vec<_>>(), [0.0, 0.5]);
}

#[test]
fn a_child_that_has_terms_has_none_of_its_parents() {
    let mut parent = Config::default();
    parent.reward.term = config(TERMS).reward.term;
    let mut child = parent.clone();
    child.reward.term.truncate(1);
    let differences = child.differences(&parent);
    let [difference] = differences.as_slice() else {
        panic!("one difference")
    };
    assert_eq!(difference.path, super::super::config::TERMS);
    let words = crate::experiment::value_words(&difference.parent);
    assert!(
        words.contains("short (length, at_least 0, at_most 12, weight 0.02)"),
        "{words}"
    );
    assert!(
        words.contains("tone (command python3 tone.py --fast, retries 1"),
        "{words}"
    );
}

#[test]
fn terms_need_identifiers_only_where_one_is_theirs() {
    let without = |text: &str| {
        let mut config = config(text);
        config.run.stages.remove(0);
        config
            .problems()
            .iter()
            .any(|problem| problem.path == "run.stages")
    };
    assert!(without(TERMS) && without(""));
    assert!(!without(
        "[[reward.term]]\nname = \"a\"\nkind = \"repetition\""
    ));
}
