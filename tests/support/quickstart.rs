//! Settings of runs that take seconds.
#![allow(dead_code)] // every test binary uses a part of it

use emprl::experiment::{Config, ExperimentFile};

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
