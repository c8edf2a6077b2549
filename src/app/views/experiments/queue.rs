//! The queue: the waiting runs, their order, and whether they start by themselves.

use eframe::egui::{Label, RichText, ScrollArea, Ui};

use crate::app::command::Commands;
use crate::app::format::Now;
use crate::app::logic::Core;
use crate::app::state::{QueueMode, QueueState};
use crate::app::theme::{self, space, text};
use crate::app::widgets::button::Button;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::text as words;
use crate::operations::queue::QueueEntry;
use crate::store::QueueId;

/// The height of a queued run.
const QUEUED: f32 = 24.0;

/// The queued runs; nothing while there are none.
pub fn queue_ui(ui: &mut Ui, queue: &QueueState, now: Now, commands: &mut Commands) {
    if queue.runs.is_empty() && queue.removed.is_none() {
        return;
    }
    let t = theme::of(ui);
    ui.horizontal_wrapped(|ui| {
        words::heading(ui, "Queue");
        let (state, colour, button) = match queue.mode {
            QueueMode::Untouched => (
                "kept, nothing of it starts by itself",
                t.secondary,
                Button::secondary("Start the queue")
                    .hint("Start the first of them, and the next as soon as there is room for it"),
            ),
            QueueMode::Paused => (
                "held",
                t.warning,
                Button::secondary("Resume")
                    .hint("Start the next run as soon as there is room for it"),
            ),
            QueueMode::Running => (
                "",
                t.secondary,
                Button::secondary("Hold").hint("Start no further run until you resume the queue"),
            ),
        };
        if !state.is_empty() {
            words::label(ui, state, colour);
        }
        if let Some(why) = &queue.short_of_memory {
            let waits = "the next waits until a run in progress has ended, for want of memory";
            words::label(ui, waits, t.warning).on_hover_text(why);
        }
        if !queue.runs.is_empty() && ui.add(button.low()).clicked() {
            let hold = queue.mode == QueueMode::Running;
            commands.run(move |core| core.pause_queue(hold));
        }
        if let Some(removed) = &queue.removed {
            let words = format!("Put back {}", removed.run.name);
            if Button::quiet(&words)
                .with_icon(Icon::Revert)
                .low()
                .clicked(ui)
            {
                commands.run(Core::requeue);
            }
        }
    });
    let height = (ui.available_height() * 0.25).clamp(2.0 * QUEUED, 6.0 * QUEUED);
    ScrollArea::vertical()
        .id_salt("queue")
        .max_height(height)
        .auto_shrink([false, true])
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            ui.spacing_mut().interact_size.y = QUEUED;
            for (at, run) in queue.runs.iter().enumerate() {
                queued_ui(ui, queue, at, run, now, commands);
            }
        });
    ui.add_space(space::M);
}

fn queued_ui(
    ui: &mut Ui,
    queue: &QueueState,
    at: usize,
    waiting: &QueueEntry,
    now: Now,
    commands: &mut Commands,
) {
    let t = theme::of(ui);
    let queued = &waiting.queued;
    let name = &queued.run.name;
    let when = now.relative(queued.queued);
    let neighbour = |at: Option<usize>| Some(queue.runs.get(at?)?.queued.id);
    let (before, after) = (neighbour(at.checked_sub(1)), neighbour(Some(at + 1)));
    let starting = queue.starting == Some(queued.id);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::XS;
        let mut button = |icon, words: &str, other: Option<QueueId>| {
            let button = Button::icon(icon, words).low();
            let clicked = button.clicked_if(ui, other.is_some() && !starting);
            other.filter(|_| clicked)
        };
        let earlier = button(Icon::Up, &format!("Run {name} earlier"), before);
        let later = button(Icon::Down, &format!("Run {name} later"), after);
        if let Some(other) = earlier.or(later) {
            let id = queued.id;
            commands.run(move |core| core.swap_queued(id, other));
        }
        let words = format!("Take {name} out of the queue");
        if let Some(id) = button(Icon::Cross, &words, Some(queued.id)) {
            commands.run(move |core| core.unqueue(id));
        }
        ui.add_space(space::XS);
        let title = RichText::new(format!("{}  {name}", queued.id)).color(t.text);
        ui.add(Label::new(title).truncate())
            .on_hover_text("Its number in the queue, as `emprl queue list` shows it");
        let takes = queued.run.reuse;
        let takes = takes.map_or_else(String::new, |run| format!(", takes over from run {run}"));
        let differs = format!("{}{takes}", waiting.differs);
        let from = match (starting, name == &queued.run.experiment) {
            (true, _) => "starting…".to_string(),
            (false, true) => format!("{differs} · queued {when}"),
            (false, false) => format!("{}, {differs} · queued {when}", queued.run.experiment),
        };
        let hint = format!(
            "It starts with the settings it was queued with on {}; a later change of the file changes \
             nothing here.",
            now.clock.exact(queued.queued)
        );
        let from = RichText::new(from).font(text::small()).color(t.secondary);
        ui.add(Label::new(from).truncate()).on_hover_text(hint);
    });
}
