//! What is measured: the declaration of every metric, and those computed from words and levels.
