use super::*;

struct Words(Vec<Name>);

impl Vocabulary for Words {
    fn name(&self, name: &str) -> Option<Cow<'_, Name>> {
        let known = self.0.iter().find(|known| known.name == name);
        known.map(Cow::Borrowed)
    }
    fn names(&self) -> &[Name] {
        &self.0
    }
}

fn words() -> Words {
    let name = |name: &str, kind| Name {
        name: name.into(),
        kind,
        help: String::new(),
    };
    Words(vec![
        name(
            "status",
            Kind::Choice(vec!["finished".into(), "failed".into()]),
        ),
        name("kl", Kind::Number { curve: true }),
        name("ppo.lr", Kind::Number { curve: false }),
        name("name", Kind::Text),
        name("tag", Kind::List),
        name("started", Kind::Day),
        name("archived", Kind::Flag),
    ])
}

struct Run;

impl Facts for Run {
    fn fact(&self, name: &str, part: Part) -> Fact {
        match (name, part) {
            ("status", _) => Fact::Text("finished".into()),
            ("kl", Part::Last) => Fact::Number(2.0),
            ("kl", Part::Min) => Fact::Number(-0.5),
            ("kl", Part::Max) => Fact::Number(9.0),
            ("name", _) => Fact::Text("Long Run".into()),
            ("tag", _) => Fact::List(vec!["paper".into(), "Seeds".into()]),
            ("started", _) => Fact::Moment(1_795_219_200_000),
            ("archived", _) => Fact::Flag(false),
            _ => Fact::Missing,
        }
    }
    fn mentions(&self, lower: &str) -> bool {
        "long run".contains(lower)
    }
}

fn holds(text: &str) -> bool {
    let filter = parse(text, &words());
    filter
        .unwrap_or_else(|error| panic!("{}", error.pointed(text)))
        .matches(&Run)
}

#[test]
fn conditions_are_joined_and_turned_round() {
    for (text, expected) in [
        ("", true),
        ("status = finished and kl < 3 and tag:paper", true),
        ("status=failed or kl<3", true),
        ("status = failed or kl > 3", false),
        ("not status = failed", true),
        ("not (status = failed or kl < 3)", false),
        ("kl < 3 status = failed", false),
        ("KL", false),
        ("long", true),
        ("LONG status = finished", true),
        ("\"long run\"", true),
        ("not not long", true),
        // `and` binds more closely than `or`.
        ("status = finished or status = failed and kl > 3", true),
        ("(status = finished or status = failed) and kl > 3", false),
    ] {
        assert_eq!(holds(text), expected, "{text}");
    }
}

#[test]
fn every_kind_of_value_is_compared() {
    for (text, expected) in [
        ("kl = 2", true),
        ("kl != 2", false),
        ("kl >= 2e0", true),
        ("min(kl) < 0 and max(kl) > 8 and last(kl) <= 2", true),
        ("name ~ \"g r\"", true),
        ("name = \"long run\"", true),
        ("name = long", false),
        ("tag:seeds", true),
        ("tag != paper", false),
        ("tag != other", true),
        ("archived = no", true),
        ("started = 2026-11-21", true),
        ("started < 2026-11-21", false),
        ("started >= 2026-11-21 and started < 2026-11-22", true),
        // What is not there fits no comparison.
        ("ppo.lr > 0", false),
        ("ppo.lr != 0", false),
        ("has:ppo.lr", false),
        ("has:kl", true),
        ("has:archived", false),
    ] {
        assert_eq!(holds(text), expected, "{text}");
    }
}

#[test]
fn errors_point_at_the_place_and_say_what_would_do() {
    for (text, place, words_of_it) in [
        ("staus = finished", "staus", "did you mean `status`"),
        ("status = done", "done", "finished, failed"),
        ("kl < much", "much", "is a number"),
        ("kl < ", "<", "a value is missing"),
        ("status < finished", "<", "not a number"),
        ("(kl < 3", "(", "not closed"),
        ("kl < 3)", ")", "closes nothing"),
        ("name = \"open", "\"open", "not closed"),
        ("kl ! 3", "!", "before `=` only"),
        ("and kl < 3", "and", "missing before"),
        ("= 3", "=", "a name is missing"),
        ("min(ppo.lr) < 3", "ppo.lr", "no curve"),
        ("started = yesterday", "yesterday", "2026-11-21"),
        ("archived = perhaps", "perhaps", "yes or no"),
        ("lr > 1", "lr", "`ppo.lr`"),
    ] {
        let error = parse(text, &words()).unwrap_err();
        assert_eq!(&text[error.at.clone()], place, "{text}: {error}");
        assert!(error.message.contains(words_of_it), "{text}: {error}");
    }
    for text in [
        "kl < 3 and",
        "not",
        "kl < 3 or ",
        "min(kl)",
        "min(",
        "max()",
    ] {
        let error = parse(text, &words()).unwrap_err();
        assert!(error.at.start <= text.len(), "{text}: {error:?}");
        assert!(error.pointed(text).contains('^'), "{text}");
    }
    let deep = format!("{}kl < 3", "(".repeat(5_000));
    assert!(
        parse(&deep, &words())
            .unwrap_err()
            .message
            .contains("deeply")
    );
}

#[test]
fn completion_knows_what_may_follow() {
    let offers = |text: &str| -> Vec<String> {
        let found = complete(text, text.len(), &words());
        found.into_iter().map(|offer| offer.insert).collect()
    };
    assert_eq!(offers("sta"), ["status", "started"]);
    assert_eq!(offers("status = f"), ["finished", "failed"]);
    assert_eq!(offers("status = fi"), ["finished"]);
    assert_eq!(offers("kl < 3 "), ["and", "or"]);
    // A name alone may be looked for as a word, or begin a condition.
    assert_eq!(offers("kl "), ["<", ">", "=", "and", "or"]);
    assert_eq!(offers("name = kl "), ["and", "or"]);
    assert_eq!(offers("kl < 3 and st"), ["status", "started"]);
    assert_eq!(offers("lr"), ["ppo.lr"]);
    assert_eq!(offers("archived = "), ["yes", "no"]);
    assert_eq!(offers("has:k"), ["kl"]);
    assert!(offers("name = \"st").is_empty());
    assert_eq!(offers("").len(), 7);
    let offer = &complete("(kl < 3) or sta", 15, &words())[0];
    assert_eq!(
        (offer.at.clone(), offer.insert.as_str()),
        (12..15, "status")
    );
    // A cursor within a letter or past the end does no harm.
    complete("ä", 1, &words());
    complete("ä", 99, &words());
}
