//! What must happen even when the window is hidden: hearing from runs and the store, and carrying out
//! what a person asked for.

mod closing;
mod hearing;
mod keeping;
mod library;
mod people;
mod playground;
mod queue;
mod running;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::Receiver;
use eframe::egui::{self, Context, ThemePreference, Ui};

use super::command::{Command, Commands, Place, Zoom};
use super::format::{self, Clock};
use super::state::form::Form;
use super::state::people::People;
use super::state::{
    CompareState, ExperimentsState, LiveState, Notices, OpenRun, Prefs, RunsState, State,
    ThemeChoice,
};
use super::theme;
use super::views::Looks;
use super::views::runs::filter_id;
use super::workers::answerer::Answerer;
use super::workers::desk::{Desk, Task};
use super::workers::errand::Errand;
use super::workers::finder::Finder;
use super::workers::keeper::{self, Keeper};
use super::workers::launch::{Dried, Prepared};
use super::workers::librarian::{self, Librarian};
use super::workers::reader::{Reader, Request, Wanted};
use super::{Options, shell};
use crate::engine::{Message, RunHandle, Supervisor, Waker};
use crate::nn::device;

/// The name under which what is remembered is kept.
pub const PREFS: &str = "window";
/// How long a frame may spend on hearing.
const BUDGET: Duration = Duration::from_millis(5);
/// Between two frames that a run asks for.
const FRAME: Duration = Duration::from_millis(100);
/// How often runs of other programs are looked at, while their table is in sight.
const LOOK_AGAIN: Duration = Duration::from_secs(3);
/// How long a run is given to save itself when the window closes.
const CLOSING: Duration = Duration::from_secs(20);

/// The window.
pub struct App {
    state: State,
    looks: Looks,
    commands: Commands,
    options: Options,
    ctx: Context,
    reader: Reader,
    desk: Desk,
    errand: Option<Errand>,
    answerer: Answerer,
    librarian: Librarian,
    finder: Finder,
    /// None when the store cannot be opened for writing: then `no_supervisor` says why.
    supervisor: Option<Supervisor>,
    no_supervisor: String,
    handle: Option<RunHandle>,
    launching: Option<Receiver<Prepared>>,
    /// Whether the place Live comes into sight when the run that is being made ready starts.
    follow: bool,
    planning: Option<Receiver<Dried>>,
    asked: Asked,
    keeper: Keeper,
    /// Files that are being written.
    saving: Vec<Receiver<Result<String, String>>>,
    /// Events heard while the run is read again from the store.
    held: Vec<Message>,
    looked: Instant,
    close: Closing,
}

/// Numbers of the requests whose replies are awaited; older replies are dropped.
#[derive(Default)]
struct Asked {
    runs: Option<u64>,
    deleted: Option<u64>,
    compared: Option<u64>,
    page: Option<u64>,
    live: Option<u64>,
    resume: Option<u64>,
    needs: Option<u64>,
    queue: Option<u64>,
    table: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closing {
    No,
    Ask,
    Yes,
}

impl App {
    /// The window as it is opened for the first time.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn open(ctx: &Context, options: Options) -> std::io::Result<Self> {
        App::new(ctx, options, Prefs::default(), Clock::utc())
    }

    /// Makes the window's state and starts its threads. `ctx` is dressed in the theme.
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
            // What was live is not any more.
            prefs.place = Place::Start;
        }
        ctx.set_zoom_factor(prefs.zoom.clamp(0.5, 3.0));
        let wake: Waker = {
            let ctx = ctx.clone();
            Arc::new(move || ctx.request_repaint())
        };
        let store = || options.store.clone();
        let reader = Reader::start(store(), options.experiments.clone(), wake.clone())?;
        let keeper = keeper::start(store(), wake.clone())?;
        let desk = Desk::start(store(), wake.clone())?;
        let answerer = Answerer::start(store(), wake.clone())?;
        let librarian = librarian::start(store(), wake.clone())?;
        let finder = Finder::start(wake)?;
        let (supervisor, no_supervisor) = match Supervisor::new(&options.store) {
            Ok(supervisor) => (Some(supervisor), String::new()),
            Err(error) => (None, error.to_string()),
        };
        let state = State {
            prefs,
            experiments: ExperimentsState::default(),
            runs: RunsState::default(),
            live: LiveState::default(),
            compare: CompareState::default(),
            notices: Notices::default(),
            people: People::default(),
            playground: Default::default(),
            library: Default::default(),
            paths: Default::default(),
            clock,
            now_ms: format::now_ms(),
            store: options.store.display().to_string(),
            devices: device::available()
                .iter()
                .map(|device| (device.name, device.title))
                .collect(),
        };
        let mut app = App {
            state,
            looks: Looks::default(),
            commands: Commands::default(),
            options,
            ctx: ctx.clone(),
            reader,
            desk,
            errand: None,
            answerer,
            librarian,
            finder,
            supervisor,
            no_supervisor,
            handle: None,
            launching: None,
            follow: true,
            planning: None,
            asked: Asked::default(),
            keeper,
            saving: Vec::new(),
            held: Vec::new(),
            looked: Instant::now(),
            close: Closing::No,
        };
        app.reader.ask(Request::Experiments);
        app.ask_runs();
        app.ask_queue();
        app.visit(app.state.prefs.place);
        Ok(app)
    }

    /// Hears from runs and the store; carries out what was asked for.
    pub fn logic(&mut self, ctx: &Context) {
        let until = Instant::now() + BUDGET;
        self.state.now_ms = format::now_ms();
        self.hear_launch();
        self.hear_plan();
        self.next_of_queue();
        self.hear_store(until);
        self.hear_keeper();
        self.note_failures();
        self.hear_run(until);
        self.hear_desk(until);
        self.hear_errand();
        self.attend(ctx);
        self.hear_answers(until);
        self.hear_library(until);
        self.hear_paths();
        self.look_again(ctx);
        self.closing(ctx);
        for command in self.commands.take() {
            self.carry_out(ctx, command);
        }
    }

    /// Draws the window.
    pub fn ui(&mut self, ui: &mut Ui) {
        self.dress(ui.ctx());
        let zoom = self.state.prefs.zoom;
        shell::window_ui(ui, &mut self.state, &mut self.looks, &mut self.commands);
        if self.state.prefs.zoom == zoom {
            // The keys for it are egui's.
            self.state.prefs.zoom = ui.ctx().zoom_factor();
        } else {
            ui.ctx().set_zoom_factor(self.state.prefs.zoom);
        }
        if self.close == Closing::Ask {
            self.closing_ui(ui);
        }
        let commands = self.commands.take();
        if !commands.is_empty() {
            let ctx = ui.ctx().clone();
            for command in commands {
                self.carry_out(&ctx, command);
            }
            ctx.request_repaint();
        }
    }

    /// Brings theme and zoom to what was chosen.
    fn dress(&mut self, ctx: &Context) {
        let wanted = match self.state.prefs.theme {
            ThemeChoice::System => ThemePreference::System,
            ThemeChoice::Light => ThemePreference::Light,
            ThemeChoice::Dark => ThemePreference::Dark,
        };
        if ctx.options(|options| options.theme_preference) != wanted {
            ctx.set_theme(wanted);
        }
    }

    /// Wakes the window for a run: ten frames a second show all there is to see of it.
    fn waker(&self) -> Waker {
        let ctx = self.ctx.clone();
        Arc::new(move || ctx.request_repaint_after(FRAME))
    }

    fn ask_runs(&mut self) {
        self.looked = Instant::now();
        let sketch = self.state.prefs.sketch.clone();
        let listed = |deleted| Request::Runs {
            deleted,
            sketch: sketch.clone(),
        };
        if let Some(id) = self.reader.ask(listed(false)) {
            self.asked.runs = Some(id);
        }
        if let Some(id) = self.reader.ask(listed(true)) {
            self.asked.deleted = Some(id);
        }
    }

    fn check_needs(&mut self) {
        let experiments = &self.state.experiments;
        let files = experiments.files.value().map_or(&[][..], Vec::as_slice);
        let mut wanted: Vec<Wanted> = files
            .iter()
            .flatten()
            .map(|file| Wanted::of(&file.name, &file.config))
            .collect();
        if let Some(form) = &experiments.form {
            wanted.push(Wanted::of(&format!("form {}", form.name), &form.config));
        }
        if let Some(id) = self.reader.ask(Request::Needs(wanted)) {
            self.asked.needs = Some(id);
        }
    }

    fn carry_out(&mut self, ctx: &Context, command: Command) {
        match command {
            Command::Go(place) => {
                if place == Place::Runs && self.state.prefs.place == Place::Runs {
                    self.state.runs.open = None;
                }
                self.state.prefs.place = place;
                let ticked = &self.looks.runs.chosen;
                if place == Place::Compare && self.state.compare.runs.is_empty() && ticked.len() > 1
                {
                    self.state.compare.runs = ticked.iter().copied().collect();
                    self.load_compared();
                }
                match place {
                    Place::Start | Place::Runs | Place::Compare => self.ask_runs(),
                    Place::Experiments => {
                        self.check_needs();
                        self.ask_queue();
                    }
                    Place::Cases
                    | Place::Studies
                    | Place::Tables
                    | Place::Playground
                    | Place::Data => self.visit(place),
                    Place::Live | Place::Settings => {}
                }
            }
            Command::ShowExperiment(name) => {
                self.state.prefs.place = Place::Experiments;
                self.state.experiments.form = self.state.experiment(&name).map(Form::new);
                self.state.experiments.refused = None;
                self.looks.plan = Default::default();
                self.check_needs();
            }
            Command::Start(planned) => {
                self.follow = true;
                self.launch(*planned, None);
            }
            Command::Enqueue(runs) => self.enqueue(runs),
            Command::Queue(deed) => self.change_queue(deed),
            Command::ReloadQueue => self.ask_queue(),
            Command::DryRun(planned, of) => self.dry_run(*planned, of),
            Command::ResumeRun(run) => {
                if self.handle.is_none() {
                    self.asked.resume = self.reader.ask(Request::Run(run));
                }
            }
            Command::Ask(ask) => self.ask_run(ask),
            Command::Change(change) => self.change(change),
            Command::TakeBack(change) => self.take_back(&change),
            Command::OpenRun(run) => {
                self.asked.page = self.reader.ask(Request::Run(run));
                self.state.runs.open = Some(OpenRun::new(run));
                self.state.prefs.place = Place::Runs;
            }
            Command::CloseRun => {
                self.state.runs.open = None;
                self.ask_runs();
            }
            Command::LoadSamples { run, stage, step } => {
                self.ask_when_there_is_room(command, Request::Samples { run, stage, step });
            }
            Command::LoadOverSteps { run, position } => {
                self.ask_when_there_is_room(command, Request::OverSteps { run, position });
            }
            Command::LoadRollout { run, stage, step } => {
                self.ask_when_there_is_room(command, Request::Rollout { run, stage, step });
            }
            Command::ReloadRuns => self.ask_runs(),
            Command::Edit(edit) => self.edit(edit),
            Command::Undo => self.undo(),
            Command::Compare(runs) => {
                self.state.compare.runs = runs;
                self.state.prefs.place = Place::Compare;
                self.load_compared();
            }
            Command::LoadCompared => self.load_compared(),
            Command::Save(export) => self.save_export(*export),
            Command::FilterRuns => {
                self.state.prefs.place = Place::Runs;
                self.state.runs.open = None;
                ctx.memory_mut(|memory| memory.request_focus(filter_id()));
            }
            Command::Palette => self.looks.palette.toggle(),
            Command::ShowLog => self.state.notices.log_open = true,
            Command::ShowStep(stage, step) => {
                self.state.prefs.place = Place::Live;
                self.looks.live.side.lead = Some((stage, step));
            }
            Command::Along(along) => self.state.prefs.along = along,
            Command::Theme(theme) => self.state.prefs.theme = theme,
            // What is remembered follows in the next frame, as it does after egui's own keys.
            Command::Zoom(zoom) => match zoom {
                Zoom::In => egui::gui_zoom::zoom_in(ctx),
                Zoom::Out => egui::gui_zoom::zoom_out(ctx),
                Zoom::Reset => ctx.set_zoom_factor(1.0),
            },
            Command::Desk(task) => self.ask_desk(task),
            Command::Errand(work) => self.start_errand(work),
            Command::StopErrand => {
                if let Some(errand) = &self.errand {
                    errand.stop();
                }
            }
            Command::LeaveJudging => {
                self.state.people.judging = None;
                self.ask_desk(Task::Studies);
            }
            Command::CheckNeeds => self.check_needs(),
            Command::Answer(questions) => self.ask_models(questions),
            Command::StopAnswers => self.stop_answers(),
            Command::CloseModels => self.close_models(),
            Command::Path(ask) => self.ask_path(ask),
            Command::Library(task) => self.ask_library(task),
            Command::Copy(text) => ctx.copy_text(text),
        }
    }

    /// Asks now, or in a later frame, so that what is asked for once comes in any case.
    fn ask_when_there_is_room(&mut self, command: Command, request: Request) {
        if self.reader.ask(request).is_none() {
            self.commands.push(command);
        }
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
        eframe::set_value(storage, PREFS, &self.state.prefs);
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        self.shut_down();
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }
}
