//! What the fields of a `config.json` may hold, for every architecture.

/// No model is larger; a file that says so is damaged, and its products would not fit a number.
pub(super) const MAX_VOCABULARY: usize = 1_000_000;
pub(super) const MAX_WIDTH: usize = 65_536;
pub(super) const MAX_FEED_FORWARD: usize = 1_000_000;
pub(super) const MAX_HEADS: usize = 1_024;
pub(super) const MAX_HEAD_WIDTH: usize = 4_096;
pub(super) const MAX_LAYERS: usize = 256;

/// An invalid field, and why.
pub(super) type FieldProblem = (&'static str, String);

/// The first of these fields whose size is not from 1 to its largest.
pub(super) fn size_problem(sizes: &[(&'static str, usize, usize)]) -> Option<FieldProblem> {
    let outside = |(_, size, max): &&(_, usize, usize)| !(1..=*max).contains(size);
    let (field, size, max) = sizes.iter().find(outside)?;
    Some((field, format!("is {size}; it must be from 1 to {max}")))
}

/// A dropout rate.
pub(super) fn rate_problem(field: &'static str, rate: f64) -> Option<FieldProblem> {
    let problem = || (field, format!("is {rate}; it must be from 0 to below 1"));
    (!(0.0..1.0).contains(&rate)).then(problem)
}

/// A number that must be above one bound and below another.
pub(super) fn between(
    field: &'static str,
    value: f64,
    above: f64,
    below: f64,
) -> Option<FieldProblem> {
    let is_inside = value > above && value < below;
    let problem = || format!("is {value}; it must be between {above} and {below}");
    (!is_inside).then(|| (field, problem()))
}

/// The first of these tokens that the vocabulary has not.
pub(super) fn token_problem(
    field: &'static str,
    ids: &[u32],
    vocabulary: usize,
) -> Option<FieldProblem> {
    let id = ids.iter().find(|id| **id as usize >= vocabulary)?;
    Some((
        field,
        format!("is {id}, outside the vocabulary of {vocabulary}"),
    ))
}
