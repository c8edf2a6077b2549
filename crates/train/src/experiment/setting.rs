//! The description of a setting: label, help, unit, range, the paper's value.
//!
//! The `settings!` macro generates the tables from the fields, so that the form, the file reader, `--help` and
//! the documentation agree.

/// What values a setting takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SettingKind {
    /// A whole number within `min..=max`.
    Int { min: i64, max: i64 },
    /// A finite number within `min..=max`.
    Float { min: f64, max: f64 },
    /// Yes or no.
    Bool,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Any text, such as the name of a data set or a folder.
    Text,
    /// Some of these words, in order.
    List(&'static [&'static str]),
    /// Texts, in order, such as a program and its arguments.
    Texts,
    /// Tables, one for each term of the reward.
    Terms,
}

/// The description of one setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its path in an experiment file, as in `ppo.lr`.
    pub path: &'static str,
    help: &'static str,
    label: Option<&'static str>,
    /// Such as "tokens" or "steps".
    pub unit: Option<&'static str>,
    pub kind: SettingKind,
    /// The paper's value, where it states one.
    pub paper: Option<&'static str>,
    /// TRL's default, where the setting is one of its own.
    pub trl: Option<&'static str>,
}

impl Setting {
    pub(super) const fn new(path: &'static str, help: &'static str, spec: Spec) -> Self {
        Setting {
            path,
            help,
            label: spec.label,
            unit: spec.unit,
            kind: spec.kind,
            paper: spec.paper,
            trl: spec.trl,
        }
    }

    /// What it means, in one or two sentences.
    pub fn help(&self) -> &'static str {
        self.help.trim()
    }

    /// The section it belongs to, as in `ppo`.
    pub fn section(&self) -> &'static str {
        self.path
            .rsplit_once('.')
            .map_or("", |(section, _)| section)
    }

    /// Its name within the section, as in `lr`.
    pub fn field(&self) -> &'static str {
        self.path.rsplit_once('.').map_or(self.path, |(_, f)| f)
    }

    /// Its name on screen.
    pub fn label(&self) -> String {
        if let Some(label) = self.label {
            return label.to_string();
        }
        let words = self.field().replace('_', " ");
        let mut letters = words.chars();
        match letters.next() {
            Some(first) => first.to_uppercase().chain(letters).collect(),
            None => words,
        }
    }

    /// The range, or the words, in a few characters; empty where anything goes.
    pub fn range(&self) -> String {
        match self.kind {
            SettingKind::Int { min, max } => format!("{min} to {max}"),
            SettingKind::Float { min, max } => format!("{min} to {max}"),
            SettingKind::Bool => "true or false".into(),
            SettingKind::Choice(words) | SettingKind::List(words) => words.join(", "),
            SettingKind::Text | SettingKind::Texts | SettingKind::Terms => String::new(),
        }
    }
}

/// A field's description for the `settings!` macro.
#[derive(Clone, Copy)]
pub(super) struct Spec {
    kind: SettingKind,
    label: Option<&'static str>,
    unit: Option<&'static str>,
    paper: Option<&'static str>,
    trl: Option<&'static str>,
}

impl Spec {
    pub(super) const fn of(kind: SettingKind) -> Self {
        Spec {
            kind,
            label: None,
            unit: None,
            paper: None,
            trl: None,
        }
    }

    pub(super) const fn label(mut self, label: &'static str) -> Self {
        self.label = Some(label);
        self
    }

    pub(super) const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = Some(unit);
        self
    }

    pub(super) const fn paper(mut self, paper: &'static str) -> Self {
        self.paper = Some(paper);
        self
    }

    pub(super) const fn trl(mut self, default: &'static str) -> Self {
        self.trl = Some(default);
        self
    }
}

pub(super) const fn int(min: i64, max: i64) -> Spec {
    Spec::of(SettingKind::Int { min, max })
}

pub(super) const fn float(min: f64, max: f64) -> Spec {
    Spec::of(SettingKind::Float { min, max })
}

pub(super) const fn choice(words: &'static [&'static str]) -> Spec {
    Spec::of(SettingKind::Choice(words))
}

pub(super) const BOOL: Spec = Spec::of(SettingKind::Bool);
pub(super) const TEXT: Spec = Spec::of(SettingKind::Text);
pub(super) const LIST_OF_TEXTS: Spec = Spec::of(SettingKind::Texts);

/// Declares a section of settings: the struct, its defaults, and the table of descriptions.
macro_rules! settings {
    (
        $(#[doc = $about:literal])+
        $name:ident in $section:literal {
            $( $(#[doc = $help:literal])+ $field:ident : $type:ty = $default:expr => $spec:expr; )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $( $(#[doc = $help])+ pub $field: $type, )+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: $default, )+ }
            }
        }

        impl $name {
            pub(super) const SETTINGS: &'static [$crate::experiment::setting::Setting] = &[
                $( $crate::experiment::setting::Setting::new(
                    concat!($section, ".", stringify!($field)),
                    concat!($($help),+),
                    $spec,
                ), )+
            ];
        }
    };
}

/// Declares an enumeration whose variants are words in experiment files.
macro_rules! words {
    (
        $(#[doc = $about:literal])+
        $name:ident { $( $(#[doc = $help:literal])+ $variant:ident = $word:literal, )+ }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $( $(#[doc = $help])+ #[serde(rename = $word)] $variant, )+
        }

        impl $name {
            /// The words, as experiment files write them.
            pub const WORDS: &'static [&'static str] = &[$($word),+];
        }
    };
}

pub(super) use {settings, words};
