//! Closing the window: a run in progress is asked about first, and given time to save itself.

use eframe::egui::{self, Context, Modal, Ui, ViewportCommand};

use super::{App, CLOSING, Closing};
use crate::app::theme::{self, space};
use crate::app::widgets::{Button, text as words};

impl App {
    /// A run in progress is not lost by closing the window without being asked.
    pub(super) fn closing(&mut self, ctx: &Context) {
        if self.close == Closing::Ask && self.handle.is_none() {
            // The run has ended while the question stood: nothing is left to ask.
            self.close = Closing::Yes;
            ctx.send_viewport_cmd(ViewportCommand::Close);
        }
        if !ctx.input(|input| input.viewport().close_requested()) || self.close == Closing::Yes {
            return;
        }
        if self.handle.is_some() {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            self.close = Closing::Ask;
            ctx.request_repaint();
        }
    }

    pub(super) fn closing_ui(&mut self, ui: &Ui) {
        let ctx = ui.ctx().clone();
        let t = theme::of(ui);
        let shown = Modal::new(egui::Id::unique("closing")).backdrop_color(t.backdrop())
.frame(egui::Frame::popup(ui.style()).inner_margin(space::L)).show(&ctx, |ui| {
            ui.set_width(380.0);
            ui.spacing_mut().item_spacing.y = space::S;
            words::heading(ui, "A run is in progress");
            words::secondary(ui, "Closing stops it after it has saved a checkpoint. It can be resumed later, in Runs.");
            if !self.state.experiments.queue.runs.is_empty() {
                words::secondary(ui, "What waits in the queue is kept, and starts when you say so.");
            }
            ui.add_space(space::S);
            ui.horizontal(|ui| {
                let close = ui.add(Button::primary("Stop and close")).clicked();
                let stay = ui.add(Button::secondary("Keep the window open")).clicked();
                (close, stay)
            })
            .inner
        });
        let (close, stay) = shown.inner;
        if close {
            self.close = Closing::Yes;
            ctx.send_viewport_cmd(ViewportCommand::Close);
        } else if stay || shown.should_close() {
            self.close = Closing::No;
        }
    }

    /// Ends the run in progress, if there is one, and waits until it has saved itself.
    pub fn shut_down(&mut self) {
        if let Some(supervisor) = &self.supervisor
            && let Err(still) = supervisor.shutdown(CLOSING)
        {
            tracing::warn!(%still);
        }
    }
}
