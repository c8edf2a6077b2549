//! A pack as one HTML file, which judges in any browser without a network and gives back the pack that `study merge` reads.
//!
//! Everything is in the file: the page's script and looks, every item as a fragment, and the pack itself.

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::page::{Document, document, done_html, done_saying_html, instructions_html, item_html};
use super::texts::Texts;
use super::{SCRIPT, STYLE};
use crate::report::escape::html;
use crate::study::history::ItemState;
use crate::study::pack::Pack;
use crate::study::page::Worklist;

/// What comes before the pack in the file.
const DATA: &str = "<script type=\"application/json\" id=\"pack\">";

/// What the script is given.
#[derive(Serialize)]
struct Data<'a> {
    file_name: String,
    place: String,
    words: Words<'a>,
    /// In the order of the pages.
    states: Vec<ItemState>,
    pack: &'a Pack,
    /// The version of a pack with its judgements and, as the second, of one with an overruled judgement.
    forms: [u32; 2],
}

/// The words that the script puts in where the server does.
#[derive(Serialize)]
struct Words<'a> {
    count: &'a str,
    skipped: &'a str,
    flag: &'a str,
    flagged: &'a str,
    comment: &'a str,
    not_kept: &'a str,
}

/// The file name of a pack as HTML.
pub fn pack_html_name(pack: &Pack) -> String {
    let name = pack.file_name();
    let stem = name.strip_suffix(".json").unwrap_or(&name);
    format!("{stem}.html")
}

/// The pack that is in such a file.
pub fn pack_in_html(html: &str) -> Option<Pack> {
    #[derive(Deserialize)]
    struct Data {
        pack: Pack,
    }
    let (_, data) = html.split_once(DATA)?;
    let (data, _) = data.split_once("</script>")?;
    let data: Data = serde_json::from_str(data).ok()?;
    Some(data.pack)
}

/// The whole file.
///
/// # Errors
/// The pack cannot be written as JSON.
pub fn pack_html(texts: &Texts, pack: &Pack) -> Result<String, serde_json::Error> {
    let worklist = Worklist::new(
        pack.head.clone(),
        pack.pseudonym.clone(),
        pack.pages.clone(),
        &pack.acts,
    );
    let words = &texts.page.words;
    let data = Data {
        file_name: pack.file_name(),
        place: format!("{}/{}", pack.head.uid, pack.pseudonym),
        words: Words {
            count: &words.count,
            skipped: &words.skipped,
            flag: &words.flag,
            flagged: &words.flagged,
            comment: &words.comment,
            not_kept: &texts.pack.not_kept,
        },
        states: pack.pages.iter().map(|page| worklist.state(page)).collect(),
        pack,
        forms: pack.versions(),
    };
    // No text of a study ends the element.
    let data = serde_json::to_string(&data)?.replace('<', "\\u003c");
    let mut more = String::from("<template id=\"items\">");
    for (at, page) in pack.pages.iter().enumerate() {
        more += &item_html(texts, &worklist, at, &page.item.to_string());
    }
    let save = html(&texts.pack.save);
    let save_button = format!(
        "<p><button type=\"button\" class=\"primary\" data-input=\"save\">{save}</button></p>"
    );
    let _ = write!(
        more,
        "</template><template id=\"done\">{}</template>\
         <div class=\"keep\"><button type=\"button\" class=\"plain\" data-input=\"save\">{save}</button></div>\
         {DATA}{data}</script>",
        done_saying_html(texts, &worklist, &texts.pack.done_text, &save_button, true),
    );
    let reading = worklist.progress().answered == 0 && worklist.next().is_some();
    let first = match worklist.next() {
        Some(at) => item_html(texts, &worklist, at, &pack.pages[at].item.to_string()),
        None => done_html(texts, &worklist),
    };
    let (style, script) = (format!("\n{STYLE}"), format!("\n{SCRIPT}"));
    let head = format!(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src {}; style-src {}; \
         img-src data:; base-uri 'none'; form-action 'none'\">\n<style>{style}</style>\n",
        known_by(&script),
        known_by(&style),
    );
    let page = document(&Document {
        texts,
        title: texts.title_of(&pack.head),
        head: &head,
        fragment: &first,
        instructions: &format!("{}{more}", instructions_html(texts, &worklist, reading)),
        reading,
        place: "",
    });
    // The script comes last, when all is there.
    let script = format!("<script>{script}</script>\n</body>");
    Ok(page.replacen("</body>", &script, 1))
}

/// How a content security policy knows an element by what it holds.
pub(in crate::report) fn known_by(content: &str) -> String {
    format!("'sha256-{}'", base64(&Sha256::digest(content.as_bytes())))
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let at = |place: usize| u32::from(chunk.get(place).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            match place <= chunk.len() {
                true => text.push(char::from(
                    LETTERS[(bits >> (18 - 6 * place)) as usize & 63],
                )),
                false => text.push('='),
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_in_base_64() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
