//! One file a place of the window, and the parts that places share.
//!
//! Views draw from the state and emit commands; they know no thread and no store.

pub mod cases;
pub mod compare;
pub mod controls;
pub mod curves;
pub mod data;
pub mod experiments;
pub mod form;
pub mod judging;
pub mod live;
pub mod notices;
pub mod palette;
pub mod playground;
pub mod plots;
pub mod rollout;
pub mod run_page;
pub mod runs;
pub mod samples;
pub mod settings;
pub mod side;
pub mod start;
pub mod studies;
pub mod tables;

/// What views keep between two frames of how they are looked at. The program changes little of it, and
/// nothing of it is kept when the window closes.
#[derive(Debug, Default)]
pub struct Looks {
    pub palette: palette::Palette,
    pub plan: experiments::PlanView,
    pub runs: runs::RunsView,
    pub page: run_page::PageView,
    pub live: curves::CurvesView,
    pub compare: compare::CompareView,
}
