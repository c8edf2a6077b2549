//! Chat templates: what a model was trained to read a conversation as, in Jinja, as Transformers renders it.
//!
//! A template is a stranger's program: it may compute and allocate only so much, and what it gives is checked. What a
//! person wrote inside a message stays data, even where it reads like one of the model's control tokens.

mod jinja;
mod namespaces;
mod protect;
mod room;

use std::fs;
use std::path::{Path, PathBuf};

use minijinja::{Environment, Value, context};
use serde_json::Value as Json;
use time::OffsetDateTime;

use super::tokenizer::{self, Tokenizer, TokenizerError};
use protect::StandIns;
pub use room::with_room;

/// Bytes of a template. The longest published ones have about 20 000.
const LONGEST_TEMPLATE: usize = 256 << 10;
/// Messages of a conversation, and bytes of all of them together.
const MOST_MESSAGES: usize = 1_000;
const LONGEST_CONVERSATION: usize = 256 << 10;

/// Why a conversation cannot be written as a model reads it.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    #[error(transparent)]
    File(#[from] TokenizerError),
    #[error("{path}: the chat template cannot be read: {what}; fetch the file again", path = path.display())]
    Template { path: PathBuf, what: String },
    /// The template's own words.
    #[error("{path}: the chat template refuses this conversation: {what}; change its roles or their order", path = path.display())]
    Refused { path: PathBuf, what: String },
    #[error("{path}: the chat template fails: {what}; it may be of another model, or need what this program does not offer", path = path.display())]
    Failed { path: PathBuf, what: String },
    #[error("{path}: the chat template does not end within its limits; it is none of a model", path = path.display())]
    Endless { path: PathBuf },
    #[error(
        "the conversation has {messages} messages and {bytes} bytes, {MOST_MESSAGES} and {LONGEST_CONVERSATION} are allowed; leave out its first messages"
    )]
    TooLong { messages: usize, bytes: usize },
    /// The template treats the text of a control token otherwise than other text.
    #[error("{path}: the chat template reads control tokens within messages, so that text cannot be told from control; take them out of the messages", path = path.display())]
    Inspects { path: PathBuf },
}

/// Who says a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    System,
    User,
    Assistant,
}

impl Role {
    /// As templates have it.
    pub fn name(self) -> &'static str {
        match self {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
        }
    }
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub role: Role,
    pub content: String,
}

impl Message {
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Message {
            role,
            content: content.into(),
        }
    }
}

/// A model's chat template.
#[derive(Clone, Debug)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    source: String,
    /// Those that the template can name.
    tokens: Vec<(&'static str, String)>,
    path: PathBuf,
}

/// The name of the template in its environment, which its errors have.
const NAME: &str = "chat template";
/// Transformers' file of a template, and that of older folders.
const FILE: &str = "chat_template.jinja";
const SETTINGS: &str = "tokenizer_config.json";
/// The tokens that Transformers hands to a template.
const TOKENS: [&str; 4] = ["bos_token", "eos_token", "pad_token", "unk_token"];

impl ChatTemplate {
    /// The template with this Jinja source; `path` is what errors call it.
    ///
    /// # Errors
    /// It is too long or no Jinja.
    pub fn new(source: &str, path: &Path) -> Result<Self, ChatError> {
        let refuse = |what: String| ChatError::Template {
            path: path.to_path_buf(),
            what,
        };
        if source.len() > LONGEST_TEMPLATE {
            return Err(refuse(format!(
                "it has {} bytes, {LONGEST_TEMPLATE} are allowed",
                source.len()
            )));
        }
        if let Some(name) = namespaces::used_whole(source) {
            return Err(refuse(format!(
                "it uses the namespace `{name}` as a whole, where only its fields may be used"
            )));
        }
        let mut environment = jinja::environment();
        environment
            .add_template_owned(NAME, source.to_string())
            .map_err(|error| refuse(error.to_string()))?;
        Ok(ChatTemplate {
            environment,
            source: source.to_string(),
            tokens: Vec::new(),
            path: path.to_path_buf(),
        })
    }

    /// The template of a model folder: `chat_template.jinja`, else that of `tokenizer_config.json`; none where the
    /// model has none.
    ///
    /// # Errors
    /// A file cannot be read, or as [`ChatTemplate::new`].
    pub fn from_folder(folder: &Path) -> Result<Option<Self>, ChatError> {
        let settings_path = folder.join(SETTINGS);
        let settings = tokenizer::json(&settings_path)?;
        let file = folder.join(FILE);
        let mut template = if file.is_file() {
            let source = tokenizer::content(&file)?;
            let source = String::from_utf8(source).map_err(|_| ChatError::Template {
                path: file.clone(),
                what: "it is not UTF-8".into(),
            })?;
            ChatTemplate::new(&source, &file)?
        } else {
            let own = &settings["chat_template"];
            // Several by name: one for plain conversations, others for tools.
            let named = own.as_array().into_iter().flatten();
            let mut default = named.filter(|template| template["name"] == "default");
            let default = default.next().map_or(own, |template| &template["template"]);
            match default.as_str() {
                Some(source) => ChatTemplate::new(source, &settings_path)?,
                None => return Ok(None),
            }
        };
        for token in TOKENS {
            let name = match &settings[token] {
                Json::String(name) => name,
                token => match token["content"].as_str() {
                    Some(name) => name,
                    None => continue,
                },
            };
            template = template.with_token(token, name);
        }
        Ok(Some(template))
    }

    /// Gives the template a token by the name that it has there, such as `bos_token`.
    #[must_use]
    pub fn with_token(mut self, variable: &'static str, token: &str) -> Self {
        self.environment.add_global(variable, token);
        self.tokens.push((variable, token.to_string()));
        self
    }

    /// The tokens that the template can name, by their names there.
    pub fn tokens(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.tokens
            .iter()
            .map(|(variable, token)| (*variable, token.as_str()))
    }

    /// Writes what [`ChatTemplate::from_folder`] reads.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn save(&self, folder: &Path) -> Result<(), ChatError> {
        let tokens: serde_json::Map<String, Json> = self
            .tokens()
            .map(|(variable, token)| (variable.to_string(), token.into()))
            .collect();
        for (name, content) in [
            (FILE, self.source.clone()),
            (SETTINGS, format!("{:#}\n", Json::Object(tokens))),
        ] {
            let path = folder.join(name);
            fs::write(&path, content).map_err(|source| TokenizerError::Io { path, source })?;
        }
        Ok(())
    }

    /// Gives the template a date, as `strftime_now`. Without one, a template that writes the date has its own default,
    /// so that a prompt is the same on every day.
    #[must_use]
    pub fn with_date(mut self, date: OffsetDateTime) -> Self {
        jinja::add_date(&mut self.environment, date);
        self
    }

    /// The Jinja source.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The conversation as the model reads it, with the start of the assistant's next message if `add_generation_prompt`.
    ///
    /// # Errors
    /// The conversation is too long, or the template refuses it, fails or does not end.
    pub fn render(
        &self,
        messages: &[Message],
        add_generation_prompt: bool,
    ) -> Result<String, ChatError> {
        let contents: Vec<&str> = messages.iter().map(|m| m.content.as_str()).collect();
        self.rendered(messages, &contents, add_generation_prompt)
    }

    /// The ids of the conversation. The template's control tokens become tokens; what reads like one in a message stays
    /// text, unless the tokenizer takes control tokens in texts for such.
    ///
    /// # Errors
    /// As [`ChatTemplate::render`], or the template treats the control tokens of a message otherwise than other text.
    pub fn encode(
        &self,
        tokenizer: &Tokenizer,
        messages: &[Message],
        add_generation_prompt: bool,
    ) -> Result<Vec<u32>, ChatError> {
        let plain = self.render(messages, add_generation_prompt)?;
        let controls: Vec<(u32, &str)> = tokenizer.controls().collect();
        let contents: Vec<&str> = messages.iter().map(|m| m.content.as_str()).collect();
        let stand_ins = match tokenizer.special_tokens() {
            true => StandIns::none(),
            false => StandIns::of(&controls, &contents, &self.source),
        };
        let protected: Vec<String> = (contents.iter())
            .map(|content| stand_ins.protect(content))
            .collect();
        let same = protected.iter().eq(contents.iter());
        let rendered = if same {
            plain
        } else {
            let protected: Vec<&str> = protected.iter().map(String::as_str).collect();
            let rendered = self.rendered(messages, &protected, add_generation_prompt)?;
            if stand_ins.restore(&rendered) != plain {
                return Err(ChatError::Inspects {
                    path: self.path.clone(),
                });
            }
            rendered
        };
        let mut ids = Vec::new();
        for (text, control) in protect::split(&rendered, &controls) {
            if !text.is_empty() {
                ids.extend(tokenizer.encode_plain(&stand_ins.restore(text)));
            }
            ids.extend(control);
        }
        Ok(ids)
    }

    /// The conversation with these contents for those of its messages.
    fn rendered(
        &self,
        messages: &[Message],
        contents: &[&str],
        add_generation_prompt: bool,
    ) -> Result<String, ChatError> {
        let bytes = contents.iter().map(|content| content.len()).sum();
        if bytes > LONGEST_CONVERSATION || messages.len() > MOST_MESSAGES {
            return Err(ChatError::TooLong {
                messages: messages.len(),
                bytes,
            });
        }
        let (fuel, stack) = jinja::limits(messages.len(), bytes);
        let mut environment = self.environment.clone();
        environment.set_fuel(Some(fuel));
        let render = move || {
            let message = |(message, content): (&Message, &&str)| {
                context! { role => message.role.name(), content => *content }
            };
            let messages: Vec<Value> = messages.iter().zip(contents).map(message).collect();
            environment.get_template(NAME)?.render(context! {
                messages,
                add_generation_prompt,
                tools => (),
                documents => (),
            })
        };
        let failed = |what: String| ChatError::Failed {
            path: self.path.clone(),
            what,
        };
        match room::on_a_stack(stack, render) {
            Ok(Ok(rendered)) => rendered.map_err(|error| self.failure(&error)),
            Ok(Err(_)) => Err(failed("it broke off".into())),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    fn failure(&self, error: &minijinja::Error) -> ChatError {
        let path = self.path.clone();
        if let Some(what) = jinja::raised(error) {
            return ChatError::Refused { path, what };
        }
        match error.kind() {
            minijinja::ErrorKind::OutOfFuel => ChatError::Endless { path },
            _ => ChatError::Failed {
                path,
                what: error.to_string(),
            },
        }
    }
}
