//! What the parts of the place Case study share.

use eframe::egui::{Frame, Margin, Ui};

use crate::app::theme::space;

pub(super) fn padded(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    Frame::new()
        .inner_margin(Margin::same(space::L as i8))
        .show(ui, content);
}
