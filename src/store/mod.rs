//! Runs on disk: SQLite for what happened, files for checkpoints.
