//! `emprl study create`: prints what difference the study can show, then makes it.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::output::number_of;
use crate::cli::{CommandContext, Failure};
use crate::data::regular_file::open_regular_file;
use crate::operations::studies::{self, Forecast};
use crate::store::{Store, StoreReader};
use crate::study::aspects::Aspects;
use crate::study::definition::{Definition, Pairing, StudyKind};
use crate::study::make::Remarks;
use crate::study::signs::Sign;

#[derive(Debug, clap::Args)]
pub struct Create {
    /// What annotators are asked
    #[arg(long, value_name = "KIND")]
    kind: Kind,
    /// The systems; in an A/B test the first is model A
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', required = true)]
    systems: Vec<String>,
    /// Who judges; the names stay in this store
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', required = true)]
    annotators: Vec<String>,
    /// Who judges items on which three differ; may also be named later
    #[arg(long, value_name = "NAME")]
    adjudicator: Option<String>,
    /// Contexts of each pair, or of each system in a rating
    #[arg(long, value_name = "N", default_value_t = 100)]
    contexts: usize,
    /// Let annotators of an A/B test meet a response again in other pairs: fewer contexts do, but it shows them whose
    /// responses all others are compared with
    #[arg(long)]
    repeats: bool,
    /// Seed of the contexts that are drawn; sides and orders also depend on a random number kept with the study
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Let emotions keep their shares among the contexts drawn
    #[arg(long)]
    stratified: bool,
    /// Let every system meet every other in an A/B test, not only the first each of the others
    #[arg(long)]
    every_pair: bool,
    /// Annotators per item; 3 in an A/B test
    #[arg(long, value_name = "N", default_value_t = 3)]
    raters: usize,
    /// Attention checks for every annotator
    #[arg(long, value_name = "N", default_value_t = 0)]
    checks: usize,
    /// What annotators see at the head; must not name a system
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// A text file with what annotators read first; else the paper's definitions
    #[arg(long, value_name = "FILE")]
    instructions: Option<PathBuf>,
    /// A TOML file with what a rating asks in place of the paper's three aspects: an [[aspect]] for each, with name, question,
    /// low and high (what the ends of its scale mean), points (2 to 11, else 5), and check = true for the one in which the
    /// shuffled words of attention checks must score low
    #[arg(long, value_name = "FILE")]
    aspects: Option<PathBuf>,
    /// What annotators are asked to comment on, such as "What would you have said?"; nobody has to
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    /// Share of ties that the forecast assumes
    #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
    ties: f64,
    /// Only say what the study could show, or why it cannot be made
    #[arg(long)]
    dry_run: bool,
}

/// What annotators are asked.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Kind {
    /// Which of two responses is better
    Ab,
    /// How good a response is: in the paper's three aspects from 1 to 5, or in aspects of your own (--aspects)
    Rating,
}

impl Create {
    pub fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        if !(0.0..=1.0).contains(&self.ties) {
            return Err(Failure::Usage(format!(
                "--ties: {} is not a share; give one from 0 to 1",
                self.ties
            )));
        }
        let definition = self.definition()?;
        definition.validate()?;
        let reader = StoreReader::open(&ctx.store)?;
        let signs = studies::signs(&reader, &definition)?;
        if self.dry_run {
            studies::check(&reader, &definition)?;
        }
        drop(reader);
        let forecast = studies::forecast(definition.kind, self.contexts as u64, self.ties);
        if !ctx.out.json {
            ctx.out.text(&format!("{forecast}\n"))?;
            ctx.out.text(&remarks_before(&definition, &signs))?;
        }
        let forecast = match forecast {
            Forecast::AbTest(forecast) => Some(forecast),
            Forecast::Rating { .. } => None,
        };
        if self.dry_run {
            return match ctx.out.json {
                true => ctx
                    .out
                    .document(&json!({"study": null, "forecast": forecast, "signs": signs})),
                false => Ok(()),
            };
        }
        let created = studies::create(&mut Store::open(&ctx.store)?, &definition)?;
        let study = created.study;
        let (each, all) = definition.workload();
        if ctx.out.json {
            return ctx.out.document(&json!({
                "study": study,
                "uid": created.uid,
                "items_each": each,
                "judgements": all,
                "annotators": created.annotators,
                "remarks": created.remarks,
                "forecast": forecast,
                "signs": signs,
            }));
        }
        ctx.out.text(&format!(
            "Study {study} is created: {} for each annotator, {} in all.\n{}\
             `emprl study pack {study}{store}` writes the annotators' parts, `emprl study judge {study} \
             --annotator A1{store}` judges here.\n",
            number_of(each as u64, "item", "items"),
            number_of(all as u64, "judgement", "judgements"),
            remark_lines(&created.remarks),
            store = ctx.store_argument()
        ))
    }

    fn definition(&self) -> Result<Definition, Failure> {
        let kind = match self.kind {
            Kind::Ab => StudyKind::AbTest,
            Kind::Rating => StudyKind::Rating,
        };
        let trimmed = |names: &[String]| names.iter().map(|name| name.trim().to_string()).collect();
        let mut definition =
            Definition::new(kind, trimmed(&self.systems), trimmed(&self.annotators));
        definition.adjudicator.clone_from(&self.adjudicator);
        definition.contexts = self.contexts;
        definition.repeats = self.repeats;
        definition.seed = self.seed;
        definition.stratified = self.stratified;
        definition.raters_per_item = self.raters;
        definition.attention_checks = self.checks;
        if self.every_pair {
            definition.pairing = Pairing::EveryPair;
        }
        if let Some(title) = &self.title {
            definition.title.clone_from(title);
        }
        if let Some(path) = &self.aspects {
            let aspects = Aspects::from_toml(&read(path)?)
                .map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))?;
            definition.ask(aspects);
        }
        definition.comment.clone_from(&self.comment);
        if let Some(path) = &self.instructions {
            definition.instructions = read(path)?;
        }
        Ok(definition)
    }
}

/// A text file, whole.
fn read(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = open_regular_file(path).and_then(|mut file| file.read_to_string(&mut text));
    read.map_err(|error| Failure::Failed(format!("{}: {error}; check the path", path.display())))?;
    Ok(text)
}

/// What the lead should know before anybody judges.
fn remarks_before(definition: &Definition, signs: &[Sign]) -> String {
    let remarks = definition.drawn_words().into_iter();
    let remarks = remarks.chain(definition.repeats_give_away());
    let remarks = remarks.chain(signs.iter().map(Sign::words));
    remarks.map(|words| format!("note: {words}\n")).collect()
}

/// Problems with the responses, as counts that reveal nothing about systems.
fn remark_lines(remarks: &Remarks) -> String {
    let mut text = String::new();
    let items = |n: usize| number_of(n as u64, "item", "items");
    if remarks.identical > 0 {
        text += &format!(
            "note: in {} both responses are the same, so that only a tie is right\n",
            items(remarks.identical)
        );
    }
    if remarks.naming > 0 {
        text += &format!(
            "note: in {} a response or the context says the name of a system\n",
            items(remarks.naming)
        );
    }
    text
}
