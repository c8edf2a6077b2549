//! Dialogues, examples and labelled pairs: where they come from and how they are read.
