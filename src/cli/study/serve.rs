//! `emprl study serve` and `emprl study links`: judging in a browser, by a link for each annotator.
//!
//! A link is told once, when it is made. Knows no system.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{called, find};
use crate::cli::output::{duration, line_on_stderr, moment, number_of};
use crate::cli::{CommandContext, Failure, interrupts};
use crate::data::regular_file::open_regular_file;
use crate::operations::existing_store;
use crate::operations::studies::desk::Desk;
use crate::operations::studies::{self, GivenLink, Whom};
use crate::report::judging::{Completion, Texts};
use crate::report::{Align, TextTable};
use crate::store::{
    Leaving, LinkId, LinkRow, StoreError, StoreReader, StudyId, StudyRow, WorkerState, now_ms,
};
use crate::text::shown::one_line;
use crate::web::judging::{ENTRANCES, Endings, LINKS, ServedJudging};
use crate::web::{Certificate, Server};

/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 3_600_000;

#[derive(Debug, clap::Args)]
pub struct Serve {
    /// The study's number
    study: StudyId,
    /// Where to listen; port 0 is any free one, so that links then last until this command ends
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8420")]
    address: String,
    /// How annotators reach it, where that is another address, such as https://lab.example/judge behind a proxy
    #[arg(long, value_name = "URL")]
    public: Option<String>,
    /// For whom links are made: numbers, pseudonyms such as A2, or names; without it, for everybody who has none
    #[arg(
        long,
        value_name = "WHO,…",
        value_delimiter = ',',
        conflicts_with = "links"
    )]
    annotators: Vec<String>,
    /// Make links for so many annotators who have none, in their order
    #[arg(long, value_name = "K")]
    links: Option<usize>,
    /// Open an entrance for people of a crowd platform: consent, a check with two tries and practice come before the items,
    /// and each who comes gets the next free annotator's place
    #[arg(long)]
    crowd: bool,
    /// What who has judged everything is given for the platform: a code, or an address to return to
    #[arg(long, value_name = "CODE|URL", requires = "crowd")]
    completion: Option<String>,
    /// The same of who failed the check or did not consent
    #[arg(long, value_name = "CODE|URL", requires = "crowd")]
    screened_out: Option<String>,
    /// Make new links in place of the open ones, which stop working
    #[arg(long, conflicts_with = "links")]
    renew: bool,
    /// Days after which new links stop working
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=3650))]
    days: u16,
    /// What the pages say: en, es, zh or ar, or a file like theirs with other words
    #[arg(long, value_name = "LANGUAGE|FILE", default_value = "en")]
    texts: String,
    /// Answer by HTTPS, with this certificate (PEM, with those it hangs on)
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,
    /// The certificate's key (PEM)
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
}

impl Serve {
    pub fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        let texts = texts(&self.texts)?;
        let certificate = match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => {
                let read = Certificate::read(certificate, key);
                Some(read.map_err(|error| Failure::Failed(error.to_string()))?)
            }
            _ => None,
        };
        let mut store = existing_store(&ctx.store)?;
        let study = store.reader()?.study(self.study)?;
        if study.unblinding.is_some() {
            return Err(StoreError::Unblinded { study: self.study }.into());
        }
        if self.crowd {
            let fits = texts.check_for(&study.head);
            fits.map_err(|error| Failure::Usage(format!("--texts {}: {error}", self.texts)))?;
        }
        let server =
            Server::bind(&self.address).map_err(|error| Failure::Failed(error.to_string()))?;
        let address = server.address();
        let scheme = if certificate.is_some() {
            "https"
        } else {
            "http"
        };
        let public = match &self.public {
            Some(public) => checked_public(public)?,
            None if address.ip().is_unspecified() => {
                return Err(Failure::Usage(format!(
                    "--address {}: listens everywhere, and a link must name one place; say with --public URL how \
                     annotators reach it",
                    self.address
                )));
            }
            None => format!("{scheme}://{address}"),
        };
        let endings = Endings {
            completed: completion("--completion", self.completion.as_deref())?,
            screened_out: completion("--screened-out", self.screened_out.as_deref())?,
        };
        let stopper = server.stopper();
        interrupts::handle(move || {
            stopper.stop();
            line_on_stderr(
                "Stopping once what is under way is recorded; Ctrl-C again ends at once.",
            );
        })?;
        if !server.is_private() && !public.starts_with("https://") {
            line_on_stderr(
                "warning: without HTTPS, whoever listens on the way can read links and answers; give --certificate and \
                 --key, or put a proxy with HTTPS before it and name it with --public",
            );
        }
        let numbers = self.numbers(&study)?;
        let whom = match (self.links, numbers.is_empty()) {
            (Some(wanted), _) => Whom::Next(wanted),
            // Places are for who comes.
            (None, true) if self.crowd => Whom::These(&[]),
            (None, true) => Whom::All,
            (None, false) => Whom::These(&numbers),
        };
        let expires_ms = now_ms() + i64::from(self.days) * DAY_MS;
        let given = studies::give_links(&mut store, self.study, whom, expires_ms, self.renew)?;
        let entrance = match self.crowd {
            true => Some(studies::open_entrance(
                &mut store, self.study, expires_ms, self.renew,
            )?),
            false => None,
        };
        let served = ServedJudging {
            endings,
            desk: Desk::new(store)?,
            texts,
            report: Box::new(|why| line_on_stderr(&format!("warning: an answer waits: {why}"))),
        };
        let entrance = entrance.map(|token| token.map(|token| entrance_url(&public, &token)));
        self.tell(ctx, &public, &given, entrance)?;
        served
            .serve(server, certificate)
            .map_err(|error| Failure::Failed(error.to_string()))
    }

    fn numbers(&self, study: &StudyRow) -> Result<Vec<u32>, Failure> {
        let mut numbers = Vec::new();
        for who in &self.annotators {
            let number = find(study, who)?.number;
            if !numbers.contains(&number) {
                numbers.push(number);
            }
        }
        Ok(numbers)
    }

    /// Tells the links; a token is never told again.
    fn tell(
        &self,
        ctx: &CommandContext,
        public: &str,
        given: &[GivenLink],
        entrance: Option<Option<String>>,
    ) -> Result<(), Failure> {
        let url = |link: &GivenLink| {
            let token = link.token.as_ref();
            token.map(|token| format!("{public}{LINKS}{token}"))
        };
        let rows: Vec<Value> = given
            .iter()
            .map(|link| {
                json!({
                    "link": link.link,
                    "annotator": link.annotator,
                    "pseudonym": link.pseudonym,
                    "name": link.name,
                    "url": url(link),
                    "expires": link.expires_ms,
                })
            })
            .collect();
        let document = json!({
            "study": self.study,
            "address": public,
            "links": rows,
            "entrance": entrance.clone().flatten(),
        });
        ctx.out.show_line(&document, || {
            let mut text = format!("Study {} is judged at {public} until Ctrl-C.\n", self.study);
            let mut old = false;
            for link in given {
                let who = match link.name.is_empty() {
                    true => link.pseudonym.clone(),
                    false => format!("{} ({})", link.pseudonym, link.name),
                };
                let where_to = url(link).unwrap_or_else(|| {
                    old = true;
                    format!("has link {}, made before", link.link)
                });
                text += &format!("{}: {where_to}\n", one_line(&who));
            }
            match &entrance {
                None => {}
                Some(Some(url)) => text += &format!("The entrance, for the platform: {url}\n"),
                Some(None) => {
                    text += "The entrance that was opened before still works; --renew makes another.\n";
                }
            }
            text += "A link is told once, here. Whoever has it judges as this annotator: send each to one person.\n";
            if old {
                text += "Links that were made before still work; --renew replaces them if they are lost.\n";
            }
            text
        })
    }
}

/// The entrance as a platform wants it, with the places for its ids.
fn entrance_url(public: &str, token: &str) -> String {
    format!(
        "{public}{ENTRANCES}{token}?PROLIFIC_PID={{{{%PROLIFIC_PID%}}}}&STUDY_ID={{{{%STUDY_ID%}}}}\
         &SESSION_ID={{{{%SESSION_ID%}}}}"
    )
}

fn completion(option: &str, given: Option<&str>) -> Result<Completion, Failure> {
    let Some(given) = given else {
        return Ok(Completion::None);
    };
    let is_plain = |letter: char| letter.is_ascii_graphic() && !"\"<>\\".contains(letter);
    if given.is_empty() || given.len() > 500 || !given.chars().all(is_plain) {
        return Err(Failure::Usage(format!(
            "{option} {given}: give a code such as C1ABCDE, or an address that begins with https://"
        )));
    }
    Ok(
        match given.starts_with("https://") || given.starts_with("http://") {
            true => Completion::Address(given.to_string()),
            false => Completion::Code(given.to_string()),
        },
    )
}

/// The words of a language that comes along, or of a file.
pub(super) fn texts(given: &str) -> Result<Texts, Failure> {
    let path = Path::new(given);
    if let Some(texts) = Texts::of_language(given).filter(|_| !path.exists()) {
        return texts.map_err(|error| Failure::Failed(error.to_string()));
    }
    let mut text = String::new();
    let read = open_regular_file(path).and_then(|mut file| file.read_to_string(&mut text));
    read.map_err(|error| {
        Failure::Failed(format!(
            "{given}: {error}; give a language (en, es, zh, ar) or a file of texts"
        ))
    })?;
    Texts::parse(&text).map_err(|error| Failure::Usage(format!("{given}: {error}")))
}

/// An address as links begin, without a slash at its end.
fn checked_public(public: &str) -> Result<String, Failure> {
    let wrong = |why: &str| {
        Err(Failure::Usage(format!(
            "--public {public}: {why}; give one such as https://lab.example/judge"
        )))
    };
    let Some((scheme, rest)) = public.split_once("://") else {
        return wrong("has no scheme");
    };
    if !["http", "https"].contains(&scheme) {
        return wrong("is neither http nor https");
    }
    let is_plain = |letter: char| letter.is_ascii_graphic() && !"?#\"<>@\\".contains(letter);
    if rest.trim_matches('/').is_empty() || !rest.chars().all(is_plain) {
        return wrong("is no address of a server");
    }
    Ok(public.trim_end_matches('/').to_string())
}

#[derive(Debug, clap::Args)]
pub struct Links {
    /// The study's number
    study: StudyId,
    /// Let this link open nothing any more; what was judged by it stays
    #[arg(long, value_name = "LINK")]
    revoke: Option<LinkId>,
}

impl Links {
    pub fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        if let Some(link) = self.revoke {
            studies::revoke_link(&mut existing_store(&ctx.store)?, self.study, link)?;
        }
        let reader = StoreReader::open(&ctx.store)?;
        let links = studies::links(&reader, self.study)?;
        let now = now_ms();
        if ctx.out.json {
            let rows: Vec<Value> = links
                .iter()
                .map(|row| {
                    json!({
                        "link": row.link,
                        "annotator": row.annotator.number,
                        "pseudonym": row.annotator.pseudonym,
                        "name": row.annotator.name,
                        "progress": row.annotator.progress,
                        "state": state(row, now),
                        "made": row.made_ms,
                        "expires": row.expires_ms,
                        "seen": row.seen_ms,
                        "revoked": row.revoked_ms,
                    })
                })
                .collect();
            return ctx.out.document(&rows);
        }
        if links.is_empty() {
            return ctx.out.text(&format!(
                "Study {} has no links yet. `emprl study serve {0}{}` makes them.\n",
                self.study,
                ctx.store_argument()
            ));
        }
        let mut table = TextTable::new(&[
            ("Link", Align::Right),
            ("Annotator", Align::Left),
            ("Judged", Align::Right),
            ("Last seen", Align::Left),
            ("State", Align::Left),
            ("Works until", Align::Left),
        ]);
        for row in &links {
            let progress = row.annotator.progress;
            table.row([
                row.link.to_string(),
                one_line(&called(&row.annotator)).into_owned(),
                format!("{}/{}", progress.answered, progress.assigned),
                row.seen_ms.map_or_else(|| "never".to_string(), moment),
                state(row, now).to_string(),
                moment(row.expires_ms),
            ]);
        }
        ctx.out.text(&table.text())
    }
}

#[derive(Debug, clap::Args)]
pub struct Workers {
    /// The study's number
    study: StudyId,
    /// Forget the ids that the platform gave them; places and judgements stay
    #[arg(long)]
    forget: bool,
}

impl Workers {
    pub fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        if self.forget {
            let forgotten = studies::forget_workers(&mut existing_store(&ctx.store)?, self.study)?;
            return ctx.out.show(&json!({"forgotten": forgotten}), || {
                let workers = number_of(forgotten as u64, "worker is", "workers are");
                format!("The platform's ids of {workers} forgotten.\n")
            });
        }
        let workers = studies::workers(&StoreReader::open(&ctx.store)?, self.study)?;
        if ctx.out.json {
            return ctx.out.document(&workers);
        }
        if workers.is_empty() {
            return ctx.out.text(&format!(
                "Nobody has come to study {} from a platform. `emprl study serve {0} --crowd{}` opens an entrance.\n",
                self.study,
                ctx.store_argument()
            ));
        }
        let mut table = TextTable::new(&[
            ("Worker", Align::Left),
            ("Place", Align::Left),
            ("Came", Align::Left),
            ("Judged", Align::Right),
            ("In view", Align::Right),
            ("From consent to end", Align::Right),
            ("State", Align::Left),
        ]);
        for row in &workers {
            let state = &row.state;
            let whole = state.finished_ms.zip(state.consented_ms);
            table.row([
                one_line(&row.ids.worker).into_owned(),
                row.pseudonym.clone(),
                moment(row.arrived_ms),
                format!("{}/{}", row.answered, row.assigned),
                duration(i64::try_from(row.shown_ms).unwrap_or(i64::MAX)),
                whole.map_or_else(String::new, |(end, begin)| duration(end - begin)),
                worker_words(state).to_string(),
            ]);
        }
        ctx.out.text(&table.text())
    }
}

fn worker_words(state: &WorkerState) -> &'static str {
    match (
        state.left,
        state.finished_ms,
        state.passed_ms,
        state.consented_ms,
    ) {
        (Some(Leaving::Declined), ..) => "did not consent",
        (Some(Leaving::ScreenedOut), ..) => "failed the check",
        (None, Some(_), ..) => "finished",
        (None, None, Some(_), _) => "judges",
        (None, None, None, Some(_)) => "consented",
        (None, None, None, None) => "came",
    }
}

fn state(row: &LinkRow, now: i64) -> &'static str {
    match (row.revoked_ms, row.left) {
        (Some(_), _) => "revoked",
        (None, Some(Leaving::Declined)) => "declined",
        (None, Some(Leaving::ScreenedOut)) => "screened out",
        (None, None) if row.is_open(now) => "open",
        (None, None) => "expired",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_address_is_one() {
        let sound = checked_public("https://lab.example/judge/").unwrap();
        assert_eq!(sound, "https://lab.example/judge");
        for wrong in [
            "lab.example",
            "ftp://lab.example",
            "https://",
            "https://lab.example/?x",
            "https://a b",
        ] {
            assert!(checked_public(wrong).is_err(), "{wrong}");
        }
    }
}
