//! Systems, cases, studies and tables for the window: read and written on a thread of its own.
//!
//! Tasks are carried out one after the other, each answered; what is answered as recorded is on disk. Knows
//! no widget; wakes the window through the function it is given. No task or answer about a blind study says
//! anything of a system.

use std::path::{Path, PathBuf};

use super::worker::{Worker, guarded, said};
use crate::engine::Waker;
use crate::metrics::Bootstrap;
use crate::report::tables::{Chosen, Format, Table, TableNumber, gather};
use crate::store::{
    RunRow, ScoredSystem, Store, StoreError, StoreReader, StudyId, StudyRow, SystemRow, now_ms,
};
use crate::study::cases::CaseBook;
use crate::study::contexts::{ContextKey, TestOrder};
use crate::study::definition::{Definition, StudyKind};
use crate::study::export::{csv, full_rows, own_rows};
use crate::study::judgement::{Act, Deed};
use crate::study::make::{Remarks, fresh_nonce, make};
use crate::study::pack::Pack;
use crate::study::page::Desk as AnnotatorDesk;
use crate::study::responses::import;
use crate::study::results::{Results, results};
use crate::study::statistics::power::{ab_forecast, forecast_words, rating_words};

/// How many tasks may wait.
const WAITING: usize = 64;

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    /// Every study.
    Studies,
    /// The systems, with what was measured of them.
    Systems,
    /// Every case.
    Cases,
    /// One annotator's pages and own answers.
    OpenDesk { study: StudyId, annotator: u32 },
    /// Records what an annotator did with an item.
    Judge {
        study: StudyId,
        annotator: u32,
        item: u32,
        deeds: Vec<Deed>,
        shown_ms: u64,
    },
    /// Takes the annotator's last answer back.
    Undo { study: StudyId, annotator: u32 },
    /// What a study of this size can show.
    Forecast {
        kind: StudyKind,
        contexts: u64,
        ties_percent: u64,
    },
    /// Makes a study.
    Create(Box<Wanted>),
    /// Gives the fourth annotator the items on which three differ, after naming one where a name is given.
    Assign {
        study: StudyId,
        adjudicator: Option<String>,
    },
    /// Unblinds a study.
    Unblind {
        study: StudyId,
        by: String,
        reason: String,
    },
    /// The results of an unblinded study.
    Results(StudyId),
    /// Writes annotators' parts into a folder of the store: everybody's, or one's.
    WritePacks {
        study: StudyId,
        annotator: Option<u32>,
    },
    /// Takes a pack in: merged where its study was made here, else to be judged here.
    TakePack(PathBuf),
    /// Writes judgements into the store's folder: an annotator's own, or everybody's once unblinded.
    ExportJudgements {
        study: StudyId,
        annotator: Option<u32>,
    },
    /// Takes in a system's responses.
    TakeResponses {
        file: PathBuf,
        system: String,
        contexts: Option<PathBuf>,
    },
    /// Pins a case with a note, or takes the pin away.
    Pin {
        case: ContextKey,
        note: Option<String>,
    },
    /// Makes a table.
    Table { table: TableNumber, chosen: Chosen },
    /// Makes a table and writes it in every form into the store's folder.
    SaveTable { table: TableNumber, chosen: Chosen },
}

/// A study as it is set up in the window. Its systems are never part of a log.
#[derive(Clone, PartialEq)]
pub struct Wanted(pub Definition);

impl std::fmt::Debug for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a study")
    }
}

/// What came of a task.
pub enum Outcome {
    Studies(Vec<StudyRow>),
    Systems {
        systems: Vec<SystemRow>,
        scores: Vec<ScoredSystem>,
        runs: Vec<RunRow>,
    },
    Cases(Box<CaseBook>),
    Desk(Box<AnnotatorDesk>),
    /// What was recorded, in order.
    Recorded(Vec<Act>),
    Forecast(String),
    Created {
        study: StudyId,
        remarks: Remarks,
    },
    /// How many items the fourth annotator got.
    Assigned(usize),
    Unblinded(StudyId),
    Results(StudyId, Box<Results>),
    /// What was written or taken in, in a sentence.
    Told(String),
    Pinned {
        case: ContextKey,
        note: Option<String>,
    },
    Table(Box<Table>),
}

/// A task with what came of it, or why nothing did.
pub struct Answer {
    pub id: u64,
    pub task: Task,
    pub outcome: Result<Outcome, String>,
}

/// The thread, as the window holds it.
pub struct Desk {
    worker: Worker<(u64, Task), Answer>,
    next: u64,
}

impl Desk {
    /// Starts the thread; `wake` is called after every answer.
    ///
    /// # Errors
    /// The system refuses another thread.
    pub fn start(store: PathBuf, wake: Waker) -> std::io::Result<Self> {
        let worker = Worker::start("study desk", WAITING, wake, move |tasks, answers| {
            let mut hands = Hands {
                dir: store,
                store: None,
            };
            for (id, task) in tasks {
                let outcome = guarded("The study desk", || hands.carry_out(&task)).flatten();
                answers.send(Answer { id, task, outcome });
            }
        })?;
        Ok(Desk { worker, next: 1 })
    }

    /// Asks. None when too many tasks wait already: ask again later.
    pub fn ask(&mut self, task: Task) -> Option<u64> {
        let id = self.next;
        self.worker.ask((id, task)).ok()?;
        self.next += 1;
        Some(id)
    }

    /// The next answer, if one is there.
    pub fn answer(&self) -> Option<Answer> {
        self.worker.answer()
    }
}

struct Hands {
    dir: PathBuf,
    store: Option<Store>,
}

type Told = Result<Outcome, String>;

impl Hands {
    fn store(&mut self) -> Result<&mut Store, String> {
        if self.store.is_none() {
            self.store = Some(Store::open(&self.dir).map_err(said)?);
        }
        self.store
            .as_mut()
            .ok_or_else(|| "the store is not open".to_string())
    }

    /// The store to read; none where there is none yet.
    fn reader(&self) -> Result<Option<StoreReader>, String> {
        match StoreReader::open(&self.dir) {
            Ok(reader) => Ok(Some(reader)),
            Err(StoreError::Missing { .. }) => Ok(None),
            Err(error) => Err(said(error)),
        }
    }

    fn there(&self) -> Result<StoreReader, String> {
        StoreReader::open(&self.dir).map_err(said)
    }

    fn carry_out(&mut self, task: &Task) -> Told {
        match task {
            Task::Studies => {
                let reader = self.reader()?;
                let studies = reader.map_or(Ok(Vec::new()), |reader| reader.list_studies());
                studies.map(Outcome::Studies).map_err(said)
            }
            Task::Systems => self.systems(),
            Task::Cases => {
                let book = self
                    .reader()?
                    .map_or(Ok(CaseBook::default()), |r| r.case_book());
                book.map(|book| Outcome::Cases(Box::new(book)))
                    .map_err(said)
            }
            Task::OpenDesk { study, annotator } => {
                let desk = self.there()?.desk(*study, *annotator);
                desk.map(|desk| Outcome::Desk(Box::new(desk))).map_err(said)
            }
            Task::Judge {
                study,
                annotator,
                item,
                deeds,
                shown_ms,
            } => {
                let acts = self
                    .store()?
                    .judge(*study, *annotator, *item, deeds, *shown_ms);
                acts.map(Outcome::Recorded).map_err(said)
            }
            Task::Undo { study, annotator } => {
                let act = self.store()?.undo(*study, *annotator).map_err(said)?;
                Ok(Outcome::Recorded(act.into_iter().collect()))
            }
            Task::Forecast {
                kind,
                contexts,
                ties_percent,
            } => Ok(Outcome::Forecast(match kind {
                StudyKind::AbTest => {
                    forecast_words(&ab_forecast(*contexts, *ties_percent as f64 / 100.0))
                }
                StudyKind::Rating => rating_words(*contexts),
            })),
            Task::Create(wanted) => self.create(&wanted.0),
            Task::Assign { study, adjudicator } => {
                let store = self.store()?;
                if let Some(name) = adjudicator {
                    store.set_adjudicator(*study, name).map_err(said)?;
                }
                let given = store.route_to_adjudicator(*study).map_err(said)?;
                Ok(Outcome::Assigned(given))
            }
            Task::Unblind { study, by, reason } => {
                self.store()?.unblind(*study, by, reason).map_err(said)?;
                Ok(Outcome::Unblinded(*study))
            }
            Task::Results(study) => {
                let unblinded = self.there()?.unblinded(*study).map_err(said)?;
                let found = results(&unblinded, &Bootstrap::default());
                Ok(Outcome::Results(*study, Box::new(found)))
            }
            Task::WritePacks { study, annotator } => self.write_packs(*study, *annotator),
            Task::TakePack(path) => self.take_pack(path),
            Task::ExportJudgements { study, annotator } => self.export(*study, *annotator),
            Task::TakeResponses {
                file,
                system,
                contexts,
            } => self.take_responses(file, system, contexts.as_deref()),
            Task::Pin { case, note } => {
                self.store()?.set_pin(case, note.as_deref()).map_err(said)?;
                Ok(Outcome::Pinned {
                    case: case.clone(),
                    note: note.clone(),
                })
            }
            Task::Table { table, chosen } => {
                let made = self.table(*table, chosen)?;
                Ok(Outcome::Table(Box::new(made)))
            }
            Task::SaveTable { table, chosen } => {
                let made = self.table(*table, chosen)?;
                let dir = self.folder("tables")?;
                for (format, _) in Format::FILES {
                    let name = format!("{}.{}", made.file_stem(), format.ending());
                    write(&dir.join(name), made.write(format).as_bytes())?;
                }
                let stem = dir.join(made.file_stem());
                Ok(Outcome::Told(format!(
                    "Written to {}.tex, .md and .csv",
                    stem.display()
                )))
            }
        }
    }

    fn systems(&self) -> Told {
        let Some(reader) = self.reader()? else {
            return Ok(Outcome::Systems {
                systems: Vec::new(),
                scores: Vec::new(),
                runs: Vec::new(),
            });
        };
        Ok(Outcome::Systems {
            systems: reader.systems().map_err(said)?,
            scores: reader.scores().map_err(said)?,
            runs: reader.list_runs().map_err(said)?,
        })
    }

    fn create(&mut self, definition: &Definition) -> Told {
        definition.validate().map_err(said)?;
        let store = self.store()?;
        let reader = store.reader().map_err(said)?;
        let candidates = reader.candidates(&definition.systems).map_err(said)?;
        let new = make(definition, &candidates, now_ms(), fresh_nonce()).map_err(said)?;
        let study = store.create_study(&new).map_err(said)?;
        Ok(Outcome::Created {
            study,
            remarks: new.remarks,
        })
    }

    fn take_responses(&mut self, file: &Path, system: &str, contexts: Option<&Path>) -> Told {
        let (order, _) = TestOrder::find(&self.dir, contexts).map_err(said)?;
        let responses = import(file, &order, None).map_err(said)?;
        let source = file.file_name().unwrap_or(file.as_os_str());
        let source = source.to_string_lossy();
        let store = self.store()?;
        store
            .put_system(system, &source, &responses, &order, false)
            .map_err(said)?;
        let kept = responses.answers.iter().flatten().count();
        let mut told = format!("{system}: {kept} responses to {} contexts.", order.len());
        if responses.tokenized {
            told.push_str(" They are tokens in lower case, shown as people write.");
        }
        if let [first, more @ ..] = &responses.problems[..] {
            told.push_str(&format!(" {first}"));
            if !more.is_empty() {
                told.push_str(&format!("; {} more problems", more.len()));
            }
            told.push('.');
        }
        Ok(Outcome::Told(told))
    }

    fn table(&mut self, table: TableNumber, chosen: &Chosen) -> Result<Table, String> {
        let reader = match self.reader()? {
            Some(reader) => reader,
            None => self.store()?.reader().map_err(said)?,
        };
        gather(&reader, table, chosen).map_err(said)
    }

    /// A folder of the store for what is written out.
    fn folder(&self, name: &str) -> Result<PathBuf, String> {
        let dir = self.dir.join(name);
        let made = std::fs::create_dir_all(&dir);
        made.map_err(|error| format!("{}: {error}; mend its permissions", dir.display()))?;
        Ok(dir)
    }

    fn write_packs(&self, id: StudyId, annotator: Option<u32>) -> Told {
        let reader = self.there()?;
        let study = reader.study(id).map_err(said)?;
        let dir = self.folder("packs")?;
        let mut files = Vec::new();
        let whose = study
            .annotators
            .iter()
            .filter(|one| annotator.is_none_or(|number| one.number == number));
        for one in whose {
            let pack = reader.pack(id, one.number).map_err(said)?;
            let path = dir.join(pack.file_name());
            write(&path, &pack.to_bytes().map_err(said)?)?;
            files.push(path);
        }
        Ok(Outcome::Told(match files.as_slice() {
            [one] => format!("Written to {}", one.display()),
            files => format!("{} packs are in {}", files.len(), dir.display()),
        }))
    }

    fn take_pack(&mut self, path: &Path) -> Told {
        let bytes = std::fs::read(path)
            .map_err(|error| format!("{}: {error}; check the path", path.display()))?;
        let pack = Pack::from_bytes(&bytes)
            .map_err(|error| format!("{}: the pack is refused: {error}", path.display()))?;
        let store = self.store()?;
        let merged = match store.open_pack(&pack) {
            Err(StoreError::MadeHere { .. }) => {
                let merged = store.merge_pack(&pack);
                let merged = merged.map_err(|error| format!("{}: {error}", path.display()))?;
                format!(
                    "{} merged into study {}: {} judgements were new, {} were here already",
                    pack.pseudonym, merged.study, merged.added, merged.known
                )
            }
            Err(error) => return Err(format!("{}: {error}", path.display())),
            Ok(opened) => format!(
                "Study {} can be judged here by {}",
                opened.study, pack.pseudonym
            ),
        };
        Ok(Outcome::Told(merged))
    }

    fn export(&self, id: StudyId, annotator: Option<u32>) -> Told {
        let reader = self.there()?;
        let (name, bytes) = match annotator {
            Some(number) => {
                let desk = reader.desk(id, number).map_err(said)?;
                let name = format!("study-{id}-{}.csv", desk.pseudonym);
                (name, csv(&own_rows(&desk)).map_err(said)?)
            }
            None => {
                let study = reader.unblinded(id).map_err(said)?;
                let record = serde_json::to_vec_pretty(&study).map_err(said)?;
                let path = self
                    .folder("exports")?
                    .join(format!("study-{id}-record.json"));
                write(&path, &record)?;
                let rows = csv(&full_rows(&study)).map_err(said)?;
                (format!("study-{id}-judgements.csv"), rows)
            }
        };
        let path = self.folder("exports")?.join(name);
        write(&path, &bytes)?;
        Ok(Outcome::Told(format!("Written to {}", path.display())))
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    std::fs::write(path, bytes).map_err(|error| {
        format!(
            "{}: {error}; free some space or mend its permissions",
            path.display()
        )
    })
}
