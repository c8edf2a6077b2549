//! Settings of runs that take seconds.
#![allow(dead_code)] // every test binary uses a part of it

use emprl::experiment::{Config, ExperimentFile, IdentifierInit};

/// The quickstart that comes with the program.
pub fn quickstart() -> Config {
    let file = ExperimentFile::preset("quickstart").expect("it comes with the program");
    file.expect("it can be read").config
}

/// The quickstart with the smallest T5 that learns.
pub fn tiny() -> Config {
    let mut config = quickstart();
    config.model.vocabulary = 400;
    config.model.d_model = 32;
    config.model.d_ff = 64;
    config.evaluation.resamples = 20;
    config
}

/// Identifiers from nothing after a few steps on the beginnings of texts.
pub fn with_hasty_identifiers(config: &mut Config) {
    config.identifiers.init = IdentifierInit::Random;
    config.identifiers.batch = 128;
    config.identifiers.epochs = 1;
    config.identifiers.max_context = 16;
    config.identifiers.max_response = 16;
}
