//! `emprl study quality`: how the annotators of a study work, as its lead may see it while it is blind.

use crate::cli::output::{duration, moment, number_of};
use crate::cli::{CommandContext, Failure};
use crate::metrics::Digits;
use crate::operations::studies;
use crate::report::{Align, TextTable};
use crate::store::{StoreReader, StudyId};
use crate::study::results::{AnnotatorResults, ItemRemark};
use crate::text::shown::one_line;

pub(super) fn show(ctx: &CommandContext, study: StudyId) -> Result<(), Failure> {
    let quality = studies::quality(&StoreReader::open(&ctx.store)?, study)?;
    if ctx.out.json {
        return ctx.out.document(&quality);
    }
    let mut text = annotators_text(&quality.annotators);
    for remark in &quality.remarks {
        text += &remark_line(remark);
    }
    ctx.out.text(&text)
}

/// A table of all annotators, with what it means below.
pub(super) fn annotators_text(annotators: &[AnnotatorResults]) -> String {
    let right = |title| (title, Align::Right);
    let mut table = TextTable::new(&[
        ("Annotator", Align::Left),
        right("Judged"),
        right("Checks passed"),
        right("Distance to the others"),
        right("over time"),
        right("Median time"),
        right("Too fast"),
        right("Alike in a row"),
        right("Left/right"),
    ]);
    for annotator in annotators {
        let distance =
            |value: Option<f64>| value.map_or("–".to_string(), |v| Digits::SCORE.write(v));
        let over_time: Vec<String> = annotator
            .over_time
            .iter()
            .map(|block| distance(block.distance))
            .collect();
        table.row([
            annotator.pseudonym.clone(),
            format!(
                "{}/{}",
                annotator.progress.answered, annotator.progress.assigned
            ),
            annotator.checks.map_or("–".to_string(), |checks| {
                format!("{}/{}", checks.passed, checks.answered)
            }),
            distance(annotator.distance),
            over_time.join(" "),
            annotator
                .median_ms
                .map_or("–".to_string(), |ms| duration(ms as i64)),
            annotator.too_fast.to_string(),
            annotator.longest_run.to_string(),
            annotator.sides.as_ref().map_or("–".to_string(), |sides| {
                let p = sides.p.as_ref();
                let p = p.map_or(String::new(), |p| format!(" (p {})", Digits::P.write(*p)));
                format!("{}/{}{p}", sides.left, sides.right)
            }),
        ]);
    }
    let contested = annotators.iter().filter(|one| one.progress.contested > 0);
    let contested = contested.map(|one| {
        format!(
            "{}: {} answered differently at several places; none of these answers counts.\n",
            one.pseudonym,
            number_of(one.progress.contested as u64, "item was", "items were")
        )
    });
    let standings = annotators.iter().flat_map(|one| {
        let changes = one.standings.iter();
        changes.map(|change| {
            let reason = one_line(&change.reason).into_owned();
            format!(
                "{}: {} {}: {reason}\n",
                one.pseudonym,
                change.standing.key(),
                moment(change.wall_ms)
            )
        })
    });
    format!(
        "\n{}Distance: the share of answers that differ from another's, or the points between two scores. Too fast: answers in \
         less time than the words can be read in (600 a minute). Left/right: how often each side was chosen, and p of a sign \
         test.\n{}",
        table.text(),
        contested.chain(standings).collect::<String>()
    )
}

fn remark_line(remark: &ItemRemark) -> String {
    let flagged = if remark.flagged { " flagged" } else { "" };
    let comment = match remark.comment.is_empty() {
        true => String::new(),
        false => format!(": {}", one_line(&remark.comment)),
    };
    format!(
        "{}, item {}{flagged}{comment}\n",
        remark.pseudonym, remark.item
    )
}
