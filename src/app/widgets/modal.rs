//! A dialog over the dimmed window.

use eframe::egui::{Frame, Id, Modal, Ui};

use crate::app::theme::{self, space};

/// Draws a dialog `width` wide. Gives what its content gives, and whether it was dismissed: by Escape or by a click
/// beside it.
pub fn modal<R>(ui: &Ui, name: &str, width: f32, content: impl FnOnce(&mut Ui) -> R) -> (R, bool) {
    let frame = Frame::popup(ui.style()).inner_margin(space::L);
    let modal = Modal::new(Id::unique(name))
        .backdrop_color(theme::of(ui).backdrop())
        .frame(frame);
    let shown = modal.show(ui.ctx(), |ui| {
        ui.set_width(width);
        ui.spacing_mut().item_spacing.y = space::S;
        content(ui)
    });
    let dismissed = shown.should_close();
    (shown.inner, dismissed)
}
