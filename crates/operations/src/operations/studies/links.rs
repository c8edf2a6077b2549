//! Links to judge by: made for annotators, listed and revoked.
//!
//! A token is told once, to whoever makes the link; the store has its digest only.

use sha2::{Digest, Sha256};

use crate::operations::OperationError;
use crate::store::{
    LinkId, LinkRow, NewLink, Store, StoreError, StoreReader, StudyId, WorkerRow, now_ms,
};
use crate::study::hex;

/// Bytes of chance in a token, and in the secret of a link.
const CHANCE: usize = 16;

/// For whom links are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom<'a> {
    All,
    /// These annotators, by number.
    These(&'a [u32]),
    /// So many that have none yet, in their order.
    Next(usize),
}

/// An annotator's link.
#[derive(Clone, Debug, PartialEq)]
pub struct GivenLink {
    pub link: LinkId,
    pub annotator: u32,
    pub pseudonym: String,
    /// Known in this store only.
    pub name: String,
    pub expires_ms: i64,
    /// What opens the study; `None` of a link that was made before, which nobody can read again.
    pub token: Option<String>,
}

/// Makes a link for everyone of these who has none that is open; `renew` replaces open ones too. Returns the open links
/// of all of these, old and new.
///
/// # Errors
/// There is no such study or annotator, fewer annotators are without a link than are wanted, the study is unblinded, or
/// the system gives no random numbers. Then no link is made.
pub fn give_links(
    store: &mut Store,
    study: StudyId,
    whom: Whom<'_>,
    expires_ms: i64,
    renew: bool,
) -> Result<Vec<GivenLink>, OperationError> {
    let reader = store.reader()?;
    let annotators = reader.study(study)?.annotators;
    let now = now_ms();
    let open: Vec<LinkRow> = reader.links(study)?;
    let open: Vec<LinkRow> = open.into_iter().filter(|row| row.is_open(now)).collect();
    let has_link = |number: u32| open.iter().any(|row| row.annotator.number == number);
    let numbers = annotators.iter().map(|one| one.number);
    let chosen: Vec<u32> = match whom {
        Whom::All => numbers.collect(),
        Whom::These(these) => these.to_vec(),
        Whom::Next(wanted) => {
            let without: Vec<u32> = numbers.filter(|number| !has_link(*number)).collect();
            if without.len() < wanted {
                let found = without.len();
                return Err(OperationError::FewWithoutLink { found, wanted });
            }
            without.into_iter().take(wanted).collect()
        }
    };
    let mut tokens = Vec::new();
    let mut new = Vec::new();
    for number in chosen.iter().filter(|number| renew || !has_link(**number)) {
        let token = chance()?;
        new.push(NewLink {
            annotator: *number,
            token_sha256: digest(&token),
            secret: chance()?,
            expires_ms,
        });
        tokens.push((*number, token));
    }
    let ids = store.make_links(study, &new)?;
    let rows = reader.links(study)?;
    let given = |number: &u32| {
        let made = tokens.iter().zip(&ids).find(|((of, _), _)| of == number);
        let own = rows.iter().filter(|row| row.annotator.number == *number);
        let row = match made {
            Some((_, id)) => own.clone().find(|row| row.link == *id),
            None => own.clone().rfind(|row| row.is_open(now)),
        };
        row.map(|row| GivenLink {
            link: row.link,
            annotator: *number,
            pseudonym: row.annotator.pseudonym.clone(),
            name: row.annotator.name.clone(),
            expires_ms: row.expires_ms,
            token: made.map(|((_, token), _)| token.clone()),
        })
    };
    Ok(chosen.iter().filter_map(given).collect())
}

/// Opens the entrance of a study, by which who comes from a crowd platform gets a place; `renew` replaces an open one.
/// Returns its token, or `None` if one was opened before, which nobody can read again.
///
/// # Errors
/// There is no such study, it is unblinded, or the system gives no random numbers.
pub fn open_entrance(
    store: &mut Store,
    study: StudyId,
    expires_ms: i64,
    renew: bool,
) -> Result<Option<String>, OperationError> {
    if !renew && store.reader()?.has_entrance(study)? {
        return Ok(None);
    }
    let token = chance()?;
    store.make_entrance(study, &digest(&token), &chance()?, expires_ms)?;
    Ok(Some(token))
}

/// All who came to a study from a crowd platform.
///
/// # Errors
/// There is no such study.
pub fn workers(reader: &StoreReader, study: StudyId) -> Result<Vec<WorkerRow>, StoreError> {
    reader.workers(study)
}

/// Forgets the ids that a platform gave to a study's workers; returns of how many.
///
/// # Errors
/// There is no such study.
pub fn forget_workers(store: &mut Store, study: StudyId) -> Result<usize, StoreError> {
    store.forget_workers(study)
}

/// All links of a study.
///
/// # Errors
/// There is no such study.
pub fn links(reader: &StoreReader, study: StudyId) -> Result<Vec<LinkRow>, StoreError> {
    reader.links(study)
}

/// Revokes a link; what was judged by it stays.
///
/// # Errors
/// The study has no such link.
pub fn revoke_link(store: &mut Store, study: StudyId, link: LinkId) -> Result<(), StoreError> {
    store.revoke_link(study, link)
}

/// The digest by which the store knows a token.
pub(super) fn digest(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

/// Random bytes in hexadecimal.
pub(super) fn chance() -> Result<String, OperationError> {
    let mut bytes = [0u8; CHANCE];
    getrandom::fill(&mut bytes).map_err(|error| OperationError::NoChance {
        what: "link that nobody guesses",
        detail: error.to_string(),
    })?;
    Ok(hex(&bytes))
}
