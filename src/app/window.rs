//! The window itself: draws the shell, runs commands after each frame, and asks before it closes during a run.

use std::sync::Arc;
use std::time::Duration;

use eframe::egui::{self, Context, FocusDirection, Key, ThemePreference, Ui, ViewportCommand};

use super::command::{Command, Commands, Zoom};
use super::format::Clock;
use super::logic::{Core, Wakers};
use super::place::Place;
use super::state::{Prefs, ThemeChoice};
use super::theme::{self, space};
use super::views::ViewState;
use super::views::runs::filter_id;
use super::widgets::button::Button;
use super::widgets::modal::modal;
use super::widgets::text as words;
use super::{Options, shell};

/// The key of the stored preferences.
pub const PREFS: &str = "window";
/// The interval between frames that a run requests.
const FRAME: Duration = Duration::from_millis(100);

pub struct App {
    core: Core,
    views: ViewState,
    commands: Commands,
    closing: Closing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closing {
    No,
    Ask,
    Yes,
}

impl App {
    /// The window with default preferences.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn open(ctx: &Context, options: Options) -> std::io::Result<Self> {
        App::new(ctx, options, Prefs::default(), Clock::default())
    }

    /// Creates the window's state and starts its threads. Applies the theme to `ctx`.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub(super) fn new(
        ctx: &Context,
        options: Options,
        mut prefs: Prefs,
        clock: Clock,
    ) -> std::io::Result<Self> {
        theme::apply(ctx);
        prefs.close_gaps();
        if prefs.place == Place::Live {
            // The live run is gone.
            prefs.place = Place::Start;
        }
        ctx.set_zoom_factor(prefs.zoom.clamp(0.5, 3.0));
        let (now, run) = (ctx.clone(), ctx.clone());
        let wakers = Wakers {
            now: Arc::new(move || now.request_repaint()),
            run: Arc::new(move || run.request_repaint_after(FRAME)),
        };
        let pack = options.pack.clone();
        let mut core = Core::new(options, prefs, clock, wakers)?;
        if let Some(pack) = pack {
            core.go(Place::Studies);
            core.receive_pack(pack);
        }
        let mut views = ViewState::default();
        views.runs.chosen = core.chosen_before().ticked;
        Ok(App {
            core,
            views,
            commands: Commands::default(),
            closing: Closing::No,
        })
    }

    /// The window as one was left whose preferences these are ([`App::left`]).
    ///
    /// # Errors
    /// They cannot be read, or the system refuses a thread.
    pub fn open_again(ctx: &Context, options: Options, left: &str) -> std::io::Result<Self> {
        App::new(ctx, options, serde_json::from_str(left)?, Clock::default())
    }

    /// The preferences, as they are kept when the window closes.
    ///
    /// # Errors
    /// They have no written form.
    pub fn left(&mut self) -> Result<String, serde_json::Error> {
        self.keep();
        serde_json::to_string(&self.core.state.prefs)
    }

    /// Brings into the preferences what is kept of the views.
    fn keep(&mut self) {
        self.core.keep_chosen(self.views.runs.chosen.clone());
    }

    /// What happens before each frame, and while the window is hidden.
    pub fn logic(&mut self, ctx: &Context) {
        self.core.update();
        self.attend(ctx);
        if let Some(wait) = self.core.refresh() {
            ctx.request_repaint_after(wait);
        }
        self.close_or_ask(ctx);
        self.run_commands(ctx);
    }

    /// Whether the store has answered every request of the window. Long work does not count.
    pub fn is_idle(&self) -> bool {
        self.core.is_idle()
    }

    pub fn ui(&mut self, ui: &mut Ui) {
        let ctx = ui.ctx().clone();
        self.apply_theme(&ctx);
        let zoom = self.core.state.prefs.zoom;
        shell::window_ui(
            ui,
            &mut self.core.state,
            &mut self.views,
            &mut self.commands,
        );
        let prefs = &mut self.core.state.prefs;
        if prefs.zoom == zoom {
            // egui handles the zoom keys.
            prefs.zoom = ctx.zoom_factor();
        } else {
            ctx.set_zoom_factor(prefs.zoom);
        }
        if self.closing == Closing::Ask {
            self.closing_ui(ui);
        }
        if self.run_commands(&ctx) {
            ctx.request_repaint();
        }
        keep_focus(&ctx);
    }

    fn apply_theme(&self, ctx: &Context) {
        let wanted = match self.core.state.prefs.theme {
            ThemeChoice::System => ThemePreference::System,
            ThemeChoice::Light => ThemePreference::Light,
            ThemeChoice::Dark => ThemePreference::Dark,
        };
        if ctx.options(|options| options.theme_preference) != wanted {
            ctx.set_theme(wanted);
        }
    }

    /// Counts the time for which an item is attended to: while the window is focused and shows it.
    fn attend(&mut self, ctx: &Context) {
        let state = &mut self.core.state;
        let in_sight = state.prefs.place == Place::Studies;
        if let Some(judging) = &mut state.people.judging {
            let (now, focused, sign) =
                ctx.input(|input| (input.time, input.focused, !input.events.is_empty()));
            judging.attend(now, focused && in_sight, sign);
        }
    }

    /// Runs the commands of the frame. True when there were any.
    fn run_commands(&mut self, ctx: &Context) -> bool {
        let commands = self.commands.take();
        let any = !commands.is_empty();
        for command in commands {
            self.run(ctx, command);
        }
        any
    }

    fn run(&mut self, ctx: &Context, command: Command) {
        match command {
            Command::Run(action) => action(&mut self.core),
            Command::Go(place) => {
                self.core.go(place);
                let ticked = &self.views.runs.chosen;
                let nothing_yet = self.core.state.compare.runs.is_empty();
                if place == Place::Compare && nothing_yet && ticked.len() > 1 {
                    self.core.compare(ticked.iter().copied().collect());
                }
            }
            Command::SetUp(experiment) => {
                self.core.set_up(&experiment);
                self.views.plan = Default::default();
            }
            Command::FilterRuns => {
                self.core.state.prefs.place = Place::Runs;
                self.core.state.runs.open = None;
                ctx.memory_mut(|memory| memory.request_focus(filter_id()));
            }
            // Over another dialog it would hide what that asks.
            Command::Palette => {
                let has_dialog = ctx.memory(|memory| memory.top_modal_layer().is_some());
                if self.views.palette.open || !has_dialog {
                    self.views.palette.toggle();
                }
            }
            Command::ShowStep(stage, step) => {
                self.core.state.prefs.place = Place::Live;
                self.views.live.side.jump_to = Some((stage, step));
            }
            // The preference follows in the next frame, as after egui's own keys.
            Command::Zoom(zoom) => match zoom {
                Zoom::In => egui::gui_zoom::zoom_in(ctx),
                Zoom::Out => egui::gui_zoom::zoom_out(ctx),
                Zoom::Reset => ctx.set_zoom_factor(1.0),
            },
            Command::Copy(text) => {
                ctx.copy_text(text);
                self.core.show_done("Copied".to_string(), false);
            }
        }
    }

    /// Asks before the window closes during a run.
    fn close_or_ask(&mut self, ctx: &Context) {
        let running = self.core.has_run();
        if self.closing == Closing::Ask && !running {
            // The run ended while the question was open.
            self.closing = Closing::Yes;
            ctx.send_viewport_cmd(ViewportCommand::Close);
        }
        if !ctx.input(|input| input.viewport().close_requested()) || self.closing == Closing::Yes {
            return;
        }
        if running {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            self.closing = Closing::Ask;
            ctx.request_repaint();
        }
    }

    fn closing_ui(&mut self, ui: &Ui) {
        let queue = &self.core.state.experiments.queue.runs;
        let ((close, stay), dismissed) = modal(ui, "closing", 380.0, |ui| {
            words::heading(ui, "A run is in progress");
            words::secondary(
                ui,
                "Closing stops it after it has saved a checkpoint. It can be resumed later, in Runs.",
            );
            if !queue.is_empty() {
                let queued = "The queue is kept, and starts when you say so.";
                words::secondary(ui, queued);
            }
            ui.add_space(space::S);
            ui.horizontal(|ui| {
                let close = Button::primary("Stop and close").clicked(ui);
                (close, Button::secondary("Keep the window open").clicked(ui))
            })
            .inner
        });
        if close {
            self.closing = Closing::Yes;
            ui.ctx().send_viewport_cmd(ViewportCommand::Close);
        } else if stay || dismissed {
            self.closing = Closing::No;
        }
    }

    /// Stops the run in progress, if there is one, and waits until it has saved itself.
    pub fn shut_down(&mut self) {
        self.core.shut_down();
    }
}

/// Arrow keys move within a table, a chart or a field. egui would also move the focus from one button to another, and
/// a space would then press what nobody looks at; the focus is moved by Tab alone.
fn keep_focus(ctx: &Context) {
    const ARROWS: [Key; 4] = [
        Key::ArrowUp,
        Key::ArrowDown,
        Key::ArrowLeft,
        Key::ArrowRight,
    ];
    if ctx.input(|input| ARROWS.iter().any(|key| input.key_pressed(*key))) {
        ctx.memory_mut(|memory| memory.move_focus(FocusDirection::None));
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &Context, _frame: &mut eframe::Frame) {
        App::logic(self, ctx);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        App::ui(self, ui);
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        self.keep();
        eframe::set_value(storage, PREFS, &self.core.state.prefs);
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        self.shut_down();
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }
}
