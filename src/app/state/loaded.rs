//! Something that is read elsewhere and comes later.

/// Something read from the store: not asked for yet, on its way, there, or refused.
#[derive(Clone, Debug, Default)]
pub enum Loaded<T> {
    #[default]
    Nothing,
    Value(T),
    Failed(String),
}

impl<T> Loaded<T> {
    pub fn value(&self) -> Option<&T> {
        match self {
            Loaded::Value(value) => Some(value),
            Loaded::Nothing | Loaded::Failed(_) => None,
        }
    }
}
