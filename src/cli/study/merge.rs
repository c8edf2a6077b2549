//! `emprl study open | merge | decide`: packs that come in, and answers of one annotator from several places.

use std::path::PathBuf;

use serde_json::json;

use super::find;
use super::judge::{answer, answer_words};
use crate::cli::output::number_of;
use crate::cli::{CommandContext, Failure};
use crate::operations::studies::{
    self, ContestedItem, PackFile, ReceivedPack, contested, merged_words, prefer,
};
use crate::store::{Store, StoreReader, StudyId};
use crate::study::judgement::Answer;
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
}

#[derive(Debug, clap::Args)]
pub struct Decide {
    /// The study's number
    study: StudyId,
    /// Whose answers: a number, a pseudonym such as A2, or a name
    #[arg(long, value_name = "WHO", required_unless_present = "answers")]
    annotator: Option<String>,
    /// Items and the answers that count, as they are typed in `study judge`; without any, the items are listed
    #[arg(value_name = "ITEM=ANSWER", requires = "annotator")]
    answers: Vec<String>,
}

impl Merge {
    pub fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        let mut files: Vec<&PathBuf> = self.files.iter().collect();
        files.extend(self.prefer.iter().filter(|file| !self.files.contains(file)));
        // All are read before the first is merged, so that an invalid one leaves nothing half done.
        let packs = files.iter().map(|file| studies::read_pack(file));
        let packs: Vec<PackFile> = packs.collect::<Result<_, _>>()?;
        let mut store = Store::open(&ctx.store)?;
        let mut merged = Vec::new();
        for pack in &packs {
            merged.push(studies::merge_pack(&mut store, pack)?);
        }
        let mut decided = 0;
        for wanted in &self.prefer {
            let mut received = packs.iter().zip(&merged);
            if let Some((pack, received)) = received.find(|(_, one)| one.file == *wanted) {
                decided += prefer(&mut store, pack, received)?;
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
        if decided > 0 && !ctx.out.json {
            let words = number_of(decided as u64, "contested item is", "contested items are");
            ctx.out
                .text(&format!("{words} decided by the preferred pack.\n"))?;
        }
        match left.first() {
            None => Ok(()),
            Some((study, item)) => {
                if !ctx.out.json {
                    ctx.out.text(&listed(&left, &packs, &merged))?;
                }
                let (store, pseudonym) = (ctx.store_argument(), &item.pseudonym);
                Err(Failure::Failed(format!(
                    "{} answered differently at several places, and none of these answers counts: take those of one \
                     pack with `emprl study merge --prefer FILE{store}`, decide them with `emprl study decide \
                     {study} --annotator {pseudonym} ITEM=ANSWER{store}`, or let {pseudonym} judge them again",
                    number_of(left.len() as u64, "item is", "items are"),
                )))
            }
        }
    }
}

/// Each item with its answers, and the packs that gave them.
fn listed(
    items: &[(StudyId, ContestedItem)],
    packs: &[PackFile],
    merged: &[ReceivedPack],
) -> String {
    let mut text = String::new();
    for (study, item) in items {
        let from = |answer| {
            let gave = |(pack, received): &(&PackFile, &ReceivedPack)| {
                received.pseudonym == item.pseudonym
                    && received.merged.study == *study
                    && pack.answer(item.page.item) == Some(answer)
            };
            let files = packs.iter().zip(merged).filter(gave);
            let files: Vec<String> = files.map(|(_, r)| r.file.display().to_string()).collect();
            match files.is_empty() {
                true => "judged here, or in a pack merged before".to_string(),
                false => format!("in {}", files.join(" and ")),
            }
        };
        let answers = item.answers.iter();
        let answers: Vec<String> = answers
            .map(|answer| format!("{} {}", answer_words(answer), from(*answer)))
            .collect();
        text += &format!(
            "{}, item {}: {}\n",
            item.pseudonym,
            item.page.item,
            answers.join("; ")
        );
    }
    text
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
            let parse = |typed: &String| {
                let (item, said) = typed.split_once('=')?;
                Some((
                    item.trim().parse().ok()?,
                    answer(said.trim(), study.head.kind)?,
                ))
            };
            let mut decisions: Vec<(u32, Answer)> = Vec::new();
            for typed in &self.answers {
                let (item, answer) = parse(typed).ok_or_else(|| {
                    Failure::Usage(format!(
                        "{typed}: is not an item and an answer, such as 5=1 in an A/B test or 5=435 in a rating"
                    ))
                })?;
                if decisions.iter().any(|(other, _)| *other == item) {
                    return Err(Failure::Usage(format!(
                        "{typed}: item {item} is given twice; give it once, with the answer that counts"
                    )));
                }
                decisions.push((item, answer));
            }
            Store::open(&ctx.store)?.decide(self.study, annotator, &decisions)?;
        }
        let mut items = contested(&reader, self.study)?;
        items.retain(|item| annotator.is_none_or(|number| item.annotator == number));
        if ctx.out.json {
            return ctx.out.document(&items);
        }
        let mut text = String::new();
        for item in &items {
            let answers: Vec<String> = item.answers.iter().map(answer_words).collect();
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
