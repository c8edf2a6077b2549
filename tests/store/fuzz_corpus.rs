//! The inputs that fuzzing kept are read without a panic, and the fuzz targets do not rot: they call these readers.

use std::fs;
use std::path::Path;

#[path = "../../fuzz/readers.rs"]
mod readers;

#[test]
fn every_kept_input_is_read_or_refused() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, read) in readers::READERS {
        let inputs = fs::read_dir(corpus.join(name)).expect("every reader has inputs");
        let mut tried = 0;
        for input in inputs {
            let path = input.expect("an entry").path();
            // What a panic says next is about this one.
            println!("{}", path.display());
            read(&fs::read(&path).expect("a file"));
            tried += 1;
        }
        assert!(tried > 0, "{name} has no input");
    }
}
