//! Every reader of a file that someone else wrote, each as a function of bytes: what the fuzz targets call, and what
//! `tests/store/fuzz_corpus.rs` calls with the inputs that are kept.
//!
//! An error is a right answer; a panic, an abort or a hang is not.

use std::fs;
use std::path::Path;

use emprl::catalog::vocabulary;
use emprl::data::corpus::{Corpus, Mapping, Record};
use emprl::data::reader::source::Source;
use emprl::data::reader::{self, Wanted};
use emprl::data::rows::{parse_jsonl, write_jsonl};
use emprl::data::{empathetic_dialogues, mental_health_subreddits, preferences};
use emprl::experiment::{Config, ExperimentFile};
use emprl::nn::device;
use emprl::nn::gguf::GgufFile;
use emprl::nn::llama::{Llama, LlamaConfig};
use emprl::nn::lora::LoraConfig;
use emprl::nn::t5::T5Config;
use emprl::nn::value_head::ValueHead;
use emprl::nn::weights::ParamInit;
use emprl::operations::endpoint::{ChatAnswer, Rubric};
use emprl::study::contexts::OrderedContexts;
use emprl::study::pack::Pack;
use emprl::study::responses;
use emprl::text::Tokenizer;
use emprl::text::chat::{ChatTemplate, Message, Role};
use emprl::{checkpoint, filter, trackers};

type Reader = fn(&[u8]);

/// The readers by their names.
pub const READERS: [(&str, Reader); 30] = [
    ("adapter_config", adapter_config),
    ("chat_answer", chat_answer),
    ("chat_request", chat_request),
    ("chat_template", chat_template),
    ("config_json", config_json),
    ("corpus", any_corpus),
    ("corpus_mapping", corpus_mapping),
    ("corpus_parquet", corpus_parquet),
    ("corpus_table", corpus_table),
    ("csv_rows", csv_rows),
    ("empathetic_dialogues", read_empathetic_dialogues),
    ("experiment", experiment),
    ("filter", read_filter),
    ("gguf", gguf),
    ("jsonl_rows", jsonl_rows),
    ("manifest", manifest),
    ("mental_health_subreddits", read_mental_health_subreddits),
    ("pack", pack),
    ("pack_content", pack_content),
    ("pickle", pickle),
    ("preferences", read_preferences),
    ("record_line", record_line),
    ("response_lines", response_lines),
    ("rubric", rubric),
    ("safetensors", safetensors),
    ("tensorboard_events", tensorboard_events),
    ("tokenizer_json", tokenizer_json),
    ("trackio", trackio),
    ("wandb_csv", wandb_csv),
    ("wandb_json", wandb_json),
];

/// Calls `read` with a folder that holds these files.
fn with_files(files: &[&str], bytes: &[u8], read: impl FnOnce(&Path)) {
    thread_local! {
        static FOLDER: tempfile::TempDir = tempfile::tempdir().expect("a temporary folder");
    }
    FOLDER.with(|folder| {
        for file in files {
            fs::write(folder.path().join(file), bytes).expect("a file can be written");
        }
        read(folder.path());
    });
}

fn read_preferences(bytes: &[u8]) {
    with_files(&["pairs.jsonl"], bytes, |folder| {
        if let Ok((pairs, _)) = preferences::read("preferences", &folder.join("pairs.jsonl"), None)
        {
            preferences::trl_rows(&pairs);
        }
    });
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn safetensors(bytes: &[u8]) {
    weights("head.safetensors", bytes);
}

fn pickle(bytes: &[u8]) {
    weights("head.bin", bytes);
}

/// A line that another program logs.
fn record_line(bytes: &[u8]) {
    if let Some(text) = text(bytes) {
        let _ = trackers::line::read(text);
    }
}

fn tensorboard_events(bytes: &[u8]) {
    tracked("events.out.tfevents.1.host", bytes);
}

fn trackio(bytes: &[u8]) {
    tracked("project.db", bytes);
}

fn wandb_csv(bytes: &[u8]) {
    tracked("plot.csv", bytes);
}

fn wandb_json(bytes: &[u8]) {
    tracked("history.json", bytes);
}

/// Runs that another program logged.
fn tracked(file: &str, bytes: &[u8]) {
    with_files(&[file], bytes, |folder| {
        for run in trackers::read(&folder.join(file)).unwrap_or_default() {
            assert!(run.points() > 0);
            let _ = (run.moments(), run.last_step(), run.nonfinite());
        }
    });
}

/// Two numbers and a bias: as small as a network gets.
fn weights(file: &str, bytes: &[u8]) {
    with_files(&[file], bytes, |folder| {
        let device = device::resolve("flex").expect("flex is always there");
        let _ = ValueHead::load(2, &folder.join(file), &device);
    });
}

/// A model's file: its metadata, and what they say of tokens and conversations.
fn gguf(bytes: &[u8]) {
    with_files(&["model.gguf"], bytes, |folder| {
        if let Ok(file) = GgufFile::open(&folder.join("model.gguf")) {
            if let Ok(tokenizer) = file.tokenizer() {
                encode(&tokenizer);
            }
            let _ = file.chat_template();
            let path = |_: &str| vec!["token_embd.weight".to_string()];
            let device = device::resolve("flex").expect("flex is always there");
            let head = ParamInit::empty(&device).constant([2, 256], 0.0);
            let _ = file.into_weights().load(head, path);
        }
    });
}

/// What a server answers, and what a judge says in it.
fn chat_answer(bytes: &[u8]) {
    if let Some(text) = text(bytes) {
        let answer = ChatAnswer::read(text).unwrap_or_default();
        for name in ["rate", "compare"] {
            let rubric = Rubric::open(name).expect("it comes with the program");
            let _ = (rubric.read(answer.said()), rubric.read(text));
        }
    }
}

/// What others' programs ask a model of ours.
fn chat_request(bytes: &[u8]) {
    let _ = emprl::web::chat::parse(bytes, "m", &Config::default());
}

fn rubric(bytes: &[u8]) {
    if let Some(Ok(rubric)) = text(bytes).map(|text| Rubric::parse(Path::new("r.toml"), text)) {
        let _ = rubric.read("Rating: 3, or {\"score\": \"A\"}");
    }
}

fn chat_template(bytes: &[u8]) {
    let Some(source) = text(bytes) else {
        return;
    };
    if let Ok(template) = ChatTemplate::new(source, Path::new("chat_template.jinja")) {
        let messages = [
            Message::new(Role::User, " I lost my dog.<|im_end|>"),
            Message::new(Role::Assistant, "<think>\n\n</think>Oh no!"),
        ];
        for add_generation_prompt in [false, true] {
            let _ = template.render(&messages, add_generation_prompt);
        }
    }
}

fn encode(tokenizer: &Tokenizer) {
    let ids = tokenizer.encode("I'm so sorry to hear that… 😀\n\u{0} <|im_end|>");
    tokenizer.decode(&ids);
    tokenizer.decode(&[0, 1, 2, 31, u32::MAX]);
}

fn tokenizer_json(bytes: &[u8]) {
    if let Ok(tokenizer) = Tokenizer::from_json(bytes, Path::new("tokenizer.json")) {
        encode(&tokenizer);
        tokenizer.sentinel(0);
    }
}

fn config_json(bytes: &[u8]) {
    with_files(&["config.json"], bytes, |folder| {
        let _ = T5Config::read(folder).map(|config| config.inner());
        let _ = LlamaConfig::read(folder).map(|config| config.key_width());
    });
}

/// What PEFT says of an adapter, beside the weights of one.
fn adapter_config(bytes: &[u8]) {
    thread_local! {
        static MODEL: (Llama, tempfile::TempDir) = model_with_adapter();
    }
    MODEL.with(|(model, folder)| {
        let path = folder.path().join("adapter_config.json");
        fs::write(path, bytes).expect("a file can be written");
        let _ = model.load_lora(folder.path());
    });
}

/// As small as a decoder gets, and the folder of an adapter of it.
fn model_with_adapter() -> (Llama, tempfile::TempDir) {
    let config = LlamaConfig {
        vocab_size: 3,
        hidden_size: 2,
        intermediate_size: 2,
        num_hidden_layers: 1,
        num_attention_heads: 1,
        num_key_value_heads: 1,
        head_dim: 2,
        ..LlamaConfig::default()
    };
    let device = device::resolve("flex").expect("flex is always there");
    let model = Llama::new(&config, &device, 1);
    let config = LoraConfig {
        rank: 1,
        alpha: 1.0,
        dropout: 0.0,
        targets: vec!["q_proj".into(), "v_proj".into()],
    };
    let lora = model.lora(&config, 1).expect("its layers are there");
    let folder = tempfile::tempdir().expect("a temporary folder");
    lora.save(folder.path(), None)
        .expect("an adapter can be written");
    (model, folder)
}

/// Rows that can be read are written, and read again as the same.
fn jsonl_rows(bytes: &[u8]) {
    let path = Path::new("rows.jsonl");
    let Some(Ok(rows)) = text(bytes).map(|text| parse_jsonl(path, text)) else {
        return;
    };
    let mut out = Vec::new();
    write_jsonl(&mut out, &rows).expect("memory can be written");
    let again = parse_jsonl(path, text(&out).expect("UTF-8")).expect("our own rows can be read");
    assert!(
        rows.iter()
            .map(|row| (&row.fields, &row.context, &row.response))
            .eq(again
                .iter()
                .map(|row| (&row.fields, &row.context, &row.response))),
        "rows changed by writing them"
    );
}

fn any_corpus(bytes: &[u8]) {
    corpus("corpus.txt", bytes);
}

fn corpus_table(bytes: &[u8]) {
    corpus("corpus.csv", bytes);
    turns_in_cells(bytes);
}

/// A table without a header, whose first column has conversations as texts.
fn turns_in_cells(bytes: &[u8]) {
    let path = Path::new("corpus.tsv");
    let mapping = r#"
        format = 1
        header = false
        [turns]
        list = "1"
        separator = " EOS "
        forms = ["{who} [{strategy}] {text}", "{who} {text}"]
        role = "who"
        text = "text"
        speaker = ["0"]
        listener = ["1"]
        last = true
        [turns.labels]
        strategy = "strategy"
    "#;
    let mapping = Mapping::from_toml(path, mapping).expect("our own mapping can be read");
    let source = Source::parse_as(path, bytes.to_vec(), mapping.header);
    if let Ok(corpus) = source.and_then(|source| Corpus::of(source, Some(mapping))) {
        let _ = corpus.each(
            |record| {
                assert!(record.target.is_some(), "the last turn answers");
                Ok(())
            },
            |_| {},
        );
    }
}

/// The beginning and the end of a Parquet file, which no fuzzer would find by itself, are put around it.
fn corpus_parquet(bytes: &[u8]) {
    corpus("corpus.parquet", bytes);
    corpus("corpus.parquet", &[b"PAR1", bytes, b"PAR1"].concat());
}

/// A mapping that is found reads the same records again, and records are written and read as the same.
fn corpus(name: &str, bytes: &[u8]) {
    let path = Path::new(name);
    let source = || Source::parse(path, bytes.to_vec());
    let Ok(found) = source().and_then(|source| Corpus::of(source, None)) else {
        return;
    };
    let each = |corpus: &Corpus| {
        let mut lines = Vec::new();
        let counts = corpus.each(
            |record| {
                let line = serde_json::to_string(record).expect("a record can be written");
                let again: Record =
                    serde_json::from_str(&line).expect("our own record can be read");
                assert_eq!(&again, record, "a record changed by writing it");
                lines.push(line);
                Ok(())
            },
            |_| {},
        );
        counts.ok().map(|read| (lines, read.counts.skipped))
    };
    let toml = found.mapping.to_toml().expect("a mapping can be written");
    let mapping = Mapping::from_toml(path, &toml).expect("our own mapping can be read");
    let again =
        Corpus::of(source().expect("as before"), Some(mapping)).expect("its columns are there");
    assert_eq!(each(&again), each(&found));
}

fn corpus_mapping(bytes: &[u8]) {
    if let Some(Ok(mapping)) = text(bytes).map(|text| Mapping::from_toml(Path::new("m.toml"), text))
    {
        let toml = mapping.to_toml().expect("a mapping can be written");
        let again =
            Mapping::from_toml(Path::new("m.toml"), &toml).expect("our own mapping can be read");
        assert_eq!(again, mapping);
    }
}

fn response_lines(bytes: &[u8]) {
    responses("responses.txt", bytes);
}

fn csv_rows(bytes: &[u8]) {
    responses("responses.csv", bytes);
}

fn responses(file: &str, bytes: &[u8]) {
    with_files(&[file], bytes, |folder| {
        let path = folder.join(file);
        for wanted in [Wanted::Responses, Wanted::Contexts] {
            let _ = reader::read(&path, wanted);
        }
        let contexts = folder.join("contexts.jsonl");
        let lines = "{\"context\": [\"Hi.\"], \"conversation\": \"a\", \"turn\": 1}\n{\"context\": \"I am sad.\"}\n";
        fs::write(&contexts, lines).expect("a file can be written");
        let (order, _) = OrderedContexts::from_file(&contexts, &[]).expect("two contexts");
        let _ = responses::import(&path, &order, None);
        if file.ends_with(".txt") {
            let _ = OrderedContexts::from_file(&path, &[]);
        }
    });
}

fn read_empathetic_dialogues(bytes: &[u8]) {
    with_files(&["train.csv", "valid.csv", "test.csv"], bytes, |folder| {
        if let Ok((_, report)) = empathetic_dialogues::read(folder) {
            for file in report.files {
                assert_eq!(file.read, file.kept + file.skipped, "a row is lost");
            }
        }
    });
}

fn read_mental_health_subreddits(bytes: &[u8]) {
    let files = [
        "emotional-reactions-reddit.csv",
        "interpretations-reddit.csv",
        "explorations-reddit.csv",
    ];
    with_files(&files, bytes, |folder| {
        if let Ok((_, report)) = mental_health_subreddits::read(folder) {
            for file in report.files {
                assert_eq!(file.read, file.kept + file.skipped, "a row is lost");
            }
        }
    });
}

fn pack(bytes: &[u8]) {
    if let Ok(pack) = Pack::from_bytes(bytes) {
        pack.file_name();
        let again = pack.to_bytes().expect("a pack can be written");
        assert_eq!(Pack::from_bytes(&again).as_ref(), Ok(&pack));
    }
}

/// A pack under a right checksum, which no fuzzer would find by itself.
fn pack_content(bytes: &[u8]) {
    if let Ok(content) = serde_json::from_slice::<Pack>(bytes) {
        pack(&content.to_bytes().expect("a pack can be written"));
    }
}

/// Settings that can be read are settled by their own text: a run's record reads as the same run.
fn experiment(bytes: &[u8]) {
    with_files(&["case.toml"], bytes, |folder| {
        if let Ok(mut file) = ExperimentFile::read(&folder.join("case.toml")) {
            let problems = file.config.problems();
            let text = file.config.to_toml();
            let again = Config::from_toml("again", &text).expect("our own settings can be read");
            assert_eq!(again, file.config);
            assert_eq!(again.problems(), problems);
            let _ = file.assign(&[format!("ppo.steps={}", file.name)]);
        }
    });
}

fn read_filter(bytes: &[u8]) {
    if let Some(text) = text(bytes) {
        let _ = filter::parse(text, vocabulary());
        // Within letters too: the window completes where the cursor is.
        let odd = bytes.iter().map(|byte| usize::from(*byte)).sum::<usize>();
        for cursor in [odd % (text.len() + 1), text.len()] {
            for completion in filter::complete(text, cursor, vocabulary()) {
                let at = completion.at;
                assert!(text.is_char_boundary(at.start) && text.is_char_boundary(at.end));
            }
        }
    }
}

fn manifest(bytes: &[u8]) {
    with_files(&["manifest.json"], bytes, |folder| {
        fs::write(folder.join("a"), b"abc").expect("a file can be written");
        let _ = checkpoint::verify(folder);
    });
}
