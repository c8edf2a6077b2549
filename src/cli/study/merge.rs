//! `emprl study open | merge | decide`: packs that come in, and answers of one annotator from several places.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::json;

use super::find;
use super::judge::{answer, answer_words};
use crate::cli::output::number_of;
use crate::cli::{CommandContext, Failure};
use crate::operations::studies::{
    self, ContestedItem, GivenAnswer, PackFile, Place, ReceivedPack, contested, decide_all,
    merged_words, place_words, prefer,
};
use crate::store::{MergeTerms, Store, StoreReader, StudyId};
use crate::study::history::Decision;
use crate::study::page::Shown;
use crate::text::shown::one_line;

/// Characters of a response in the list of contested items.
const EXCERPT: usize = 100;

#[derive(Debug, clap::Args)]
pub struct Merge {
    /// The packs
    #[arg(required_unless_present = "prefer")]
    files: Vec<PathBuf>,
    /// Where one annotator answered differently at several places, let the answers of this pack count
    #[arg(long, value_name = "FILE")]
    prefer: Vec<PathBuf>,
    /// Decide so all that these annotators answered differently at several places
    #[arg(long, value_name = "WHICH")]
    contested: Option<Which>,
    /// Take packs in that are not as they were sent, such as with edited texts; their judgements are marked
    #[arg(long)]
    take_edited: bool,
    /// Count judgements that come in after the unblinding; else they are kept without counting
    #[arg(long)]
    count_late: bool,
}

/// Which of the answers from several places counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Which {
    /// Keep the answer that came in first
    Keep,
    /// Take the one that came in after it
    Take,
    /// Neither: the items are open again
    Neither,
}

impl Which {
    fn place(self) -> Place {
        match self {
            Which::Keep => Place::First,
            Which::Take => Place::Second,
            Which::Neither => Place::Neither,
        }
    }
}

#[derive(Debug, clap::Args)]
pub struct Decide {
    /// The study's number
    study: StudyId,
    /// Whose answers: a number, a pseudonym such as A2, or a name
    #[arg(long, value_name = "WHO", required_unless_present = "answers")]
    annotator: Option<String>,
    /// Items and what counts: an answer as it is typed in `study judge`, or keep, take or neither; without any, the
    /// items are listed
    #[arg(value_name = "ITEM=ANSWER", requires = "annotator")]
    answers: Vec<String>,
    /// Decide all contested items of this annotator so
    #[arg(
        long,
        value_name = "WHICH",
        requires = "annotator",
        conflicts_with = "answers"
    )]
    contested: Option<Which>,
}

impl Merge {
    pub fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        let mut files: Vec<&PathBuf> = self.files.iter().collect();
        files.extend(self.prefer.iter().filter(|file| !self.files.contains(file)));
        // All are read before the first is merged, so that an invalid one leaves nothing half done.
        let refused = |error: Failure| match files.len() {
            1 => error,
            _ => Failure::NothingMerged(Box::new(error)),
        };
        let read = |file: &&PathBuf| studies::read_pack(file).map_err(|of| refused(of.into()));
        let packs: Vec<PackFile> = files.iter().map(read).collect::<Result<_, _>>()?;
        let mut store = Store::open(&ctx.store)?;
        let terms = MergeTerms {
            take_edited: self.take_edited,
            count_late: self.count_late,
        };
        let mut edited = Vec::new();
        for pack in &packs {
            let what = studies::pack_doubts(&store.reader()?, pack)?.edited;
            edited.extend(what.map(|what| (pack, what)));
        }
        if let Some((pack, _)) = edited.first().filter(|_| !self.take_edited) {
            // It is refused, with what differs, before another one is merged.
            studies::merge_pack(&mut store, pack, terms).map_err(|of| refused(of.into()))?;
        }
        let mut merged = Vec::new();
        for pack in &packs {
            merged.push(studies::merge_pack(&mut store, pack, terms)?);
        }
        let mut decided = 0;
        for wanted in &self.prefer {
            let mut received = packs.iter().zip(&merged);
            if let Some((pack, received)) = received.find(|(_, one)| one.file == *wanted) {
                decided += prefer(&mut store, pack, received)?;
            }
        }
        if let Some(which) = self.contested {
            let places = merged
                .iter()
                .map(|one| (one.merged.study, one.merged.annotator));
            for (study, annotator) in places.collect::<BTreeSet<_>>() {
                decided += decide_all(&mut store, study, annotator, which.place())?;
            }
        }
        let reader = store.reader()?;
        let mut left = Vec::new();
        for received in &mut merged {
            let study = received.merged.study;
            let items = contested(&reader, study)?;
            let own = |item: &&ContestedItem| item.annotator == received.merged.annotator;
            received.merged.contested = items.iter().filter(own).count();
            for item in items.into_iter().filter(|item| own(&item)) {
                if !left.contains(&(study, item.clone())) {
                    left.push((study, item));
                }
            }
        }
        report(ctx, &merged)?;
        if !ctx.out.json {
            for (pack, what) in &edited {
                ctx.out.text(&format!("{}: {what}\n", pack.pseudonym()))?;
            }
            if merged.iter().any(|one| one.merged.late_left_out > 0) {
                ctx.out
                    .text("--count-late counts what came in after the unblinding.\n")?;
            }
        }
        if decided > 0 && !ctx.out.json {
            let words = number_of(decided as u64, "contested item is", "contested items are");
            ctx.out.text(&format!("{words} decided.\n"))?;
        }
        match left.first() {
            None => Ok(()),
            Some((study, item)) => {
                if !ctx.out.json {
                    ctx.out.text(&listed(&left))?;
                }
                let (store, pseudonym) = (ctx.store_argument(), &item.pseudonym);
                Err(Failure::Failed(format!(
                    "{} answered differently at several places, and none of these answers counts: take those of one \
                     pack with `emprl study merge --prefer FILE{store}`, decide them with `emprl study decide \
                     {study} --annotator {pseudonym} ITEM=ANSWER{store}` or `--contested keep|take|neither`, or let \
                     {pseudonym} judge them again",
                    number_of(left.len() as u64, "item is", "items are"),
                )))
            }
        }
    }
}

/// Each item with its answers, and where they were given.
fn listed(items: &[(StudyId, ContestedItem)]) -> String {
    let line = |(_, item): &(StudyId, ContestedItem)| {
        let answers = item.answers.iter();
        let answers: Vec<String> = answers.map(given_words).collect();
        format!(
            "{}, item {}: {}\n",
            item.pseudonym,
            item.page.item,
            answers.join("; ")
        )
    };
    items.iter().map(line).collect()
}

/// An answer, with where it was given.
fn given_words(given: &GivenAnswer) -> String {
    let place = place_words(&given.from);
    format!("{} {}", answer_words(&given.answer), one_line(&place))
}

impl Decide {
    pub fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        let reader = StoreReader::open(&ctx.store)?;
        let study = reader.study(self.study)?;
        let annotator = match &self.annotator {
            Some(who) => Some(find(&study, who)?.number),
            None => None,
        };
        if let Some(annotator) = annotator.filter(|_| !self.answers.is_empty()) {
            let known = contested(&reader, self.study)?;
            let of_item = |item: u32| {
                let mut own = known.iter().filter(|one| one.annotator == annotator);
                own.find(|one| one.page.item == item)
            };
            let parse = |typed: &String| {
                let (item, said) = typed.split_once('=')?;
                let (item, said): (u32, &str) = (item.trim().parse().ok()?, said.trim());
                if let Ok(which) = Which::from_str(said, true) {
                    let by_place = of_item(item).map(|one| one.decision(which.place()));
                    // One that is not contested is refused by the store.
                    return Some((item, by_place.unwrap_or(Some(Decision::Neither))?));
                }
                Some((item, Decision::Counts(answer(said, &study.head)?)))
            };
            let mut decisions: Vec<(u32, Decision)> = Vec::new();
            for typed in &self.answers {
                let (item, decision) = parse(typed).ok_or_else(|| {
                    Failure::Usage(format!(
                        "{typed}: is not an item and an answer, such as 5=1 in an A/B test, 5=435 in a rating (\"5=10 7\" with own aspects), or 5=keep, \
                         5=take or 5=neither"
                    ))
                })?;
                if decisions.iter().any(|(other, _)| *other == item) {
                    return Err(Failure::Usage(format!(
                        "{typed}: item {item} is given twice; give it once, with the answer that counts"
                    )));
                }
                decisions.push((item, decision));
            }
            Store::open(&ctx.store)?.decide(self.study, annotator, &decisions)?;
        }
        if let (Some(annotator), Some(which)) = (annotator, self.contested) {
            let store = &mut Store::open(&ctx.store)?;
            decide_all(store, self.study, annotator, which.place())?;
        }
        let mut items = contested(&reader, self.study)?;
        items.retain(|item| annotator.is_none_or(|number| item.annotator == number));
        if ctx.out.json {
            return ctx.out.document(&items);
        }
        let mut text = String::new();
        for item in &items {
            let answers: Vec<String> = item.answers.iter().map(given_words).collect();
            let answers = answers.join(" or ");
            text += &format!("{}, item {}: {answers}\n", item.pseudonym, item.page.item);
            match &item.page.shown {
                Shown::Pair { left, right } => {
                    text += &format!("  1  {}\n  2  {}\n", excerpt(left), excerpt(right));
                }
                Shown::Single { response } => text += &format!("  {}\n", excerpt(response)),
            }
        }
        let count = number_of(items.len() as u64, "contested item", "contested items");
        ctx.out.text(&format!("{text}{count}\n"))
    }
}

/// The beginning of a text, on one line.
fn excerpt(text: &str) -> String {
    let line = one_line(text);
    match line.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line.into_owned(),
    }
}

/// Says what came with each pack.
pub(super) fn report(ctx: &CommandContext, packs: &[ReceivedPack]) -> Result<(), Failure> {
    if ctx.out.json {
        let rows = packs.iter().map(|pack| {
            let mut row = json!(pack.merged);
            row["file"] = json!(pack.file);
            row["pseudonym"] = json!(pack.pseudonym);
            row
        });
        return ctx.out.document(&rows.collect::<Vec<_>>());
    }
    let line = |pack: &ReceivedPack| {
        let (file, who, study) = (pack.file.display(), &pack.pseudonym, pack.merged.study);
        match pack.made_here {
            true => format!(
                "{file}: study {study}, {who}: {}\n",
                merged_words(&pack.merged)
            ),
            false => format!(
                "{file}: study {study} can be judged here: `emprl study judge {study} --annotator {who}{store}`; then \
                 `emprl study pack {study}{store}` writes the file to send back\n",
                store = ctx.store_argument()
            ),
        }
    };
    ctx.out.text(&packs.iter().map(line).collect::<String>())
}
