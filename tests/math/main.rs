//! Numbers against those of Transformers, TRL, PyTorch, NLTK, scikit-learn, rliable and SciPy.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)] // a failed test says why

#[path = "../support/device.rs"]
mod device_support;
#[path = "../support/shared_data.rs"]
mod shared_data;
#[path = "../support/t5.rs"]
mod t5_support;

mod bert_parity;
mod chat;
mod dist_coverage;
mod gguf;
mod identifier_parity;
mod language_model;
mod llama_layouts;
mod llama_parity;
mod llama_prefix;
mod lora;
mod metrics;
mod optimizer;
mod over_seeds;
mod pair_parity;
mod ppo_math;
mod series_pyramid;
mod study_statistics;
mod t5_files;
mod t5_generation;
mod t5_layouts;
mod t5_parity;
mod t5_prefix;
mod tokenizer;
mod tokenizer_bpe;
mod tokenizer_files;
mod words;
