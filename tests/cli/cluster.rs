//! A sweep as a job of Slurm, whose commands are small scripts here: sent off, stopped when its time is up, gone on with,
//! and taken over, with the bits of the same runs on one machine.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::cli_support::{Done, Place, SHORT};
use serde_json::Value;

/// Slurm in miniature: `sbatch` notes the job and answers with a number, the others note what they are asked.
const SLURM: [(&str, &str); 4] = [
    ("sbatch", "echo \"$@\" >> \"$SLURM_NOTES/sbatch\"; echo 41"),
    ("squeue", "cat \"$SLURM_NOTES/queue\" 2>/dev/null || true"),
    ("scancel", "echo \"$@\" >> \"$SLURM_NOTES/scancel\""),
    ("scontrol", "echo \"$@\" >> \"$SLURM_NOTES/scontrol\""),
];

struct Cluster {
    place: Place,
}

impl Cluster {
    fn new() -> Cluster {
        let place = Place::new();
        for (name, body) in SLURM {
            let path = place.write(&format!("bin/{name}"), format!("#!/bin/bash\n{body}\n"));
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::create_dir(place.path().join("notes")).unwrap();
        Cluster { place }
    }

    fn with_slurm(&self, command: &mut Command) {
        let path = std::env::var("PATH").unwrap();
        let own = self.place.path().join("bin");
        command.env("PATH", format!("{}:{path}", own.display()));
        command.env("SLURM_NOTES", self.place.path().join("notes"));
    }

    fn run(&self, arguments: &[&str]) -> Done {
        let mut command = self.place.command(arguments);
        self.with_slurm(&mut command);
        Done::of(command.output().unwrap())
    }

    fn ok(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments);
        assert_eq!(done.code, 0, "{arguments:?}: {}", done.stderr);
        done.stdout
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.ok(&[arguments, &["--json"]].concat())).unwrap()
    }

    fn noted(&self, name: &str) -> String {
        fs::read_to_string(self.place.path().join("notes").join(name)).unwrap_or_default()
    }

    fn submit(&self, more: &[&str]) -> Done {
        self.run(&[&["submit", "quickstart"], SHORT.as_slice(), more].concat())
    }

    fn folder(&self) -> PathBuf {
        fs::canonicalize(self.place.store()).unwrap().join("jobs/1")
    }

    /// Starts a task as the scheduler would.
    fn start(&self, task: usize) -> Child {
        let mut command = Command::new("bash");
        command
            .arg(self.folder().join("job.sh"))
            .env("SLURM_ARRAY_JOB_ID", "41")
            .env("SLURM_ARRAY_TASK_ID", task.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.with_slurm(&mut command);
        command.spawn().unwrap()
    }

    fn state(&self, task: usize) -> Value {
        self.json(&["jobs", "show", "1"])["tasks"][task].clone()
    }
}

/// The results of a run, which have no times.
fn results(place: &Place, run: &str) -> Value {
    place.json(&["runs", "show", run])["results"].clone()
}

#[test]
fn a_job_that_is_stopped_and_sent_off_again_ends_as_on_one_machine() {
    let cluster = Cluster::new();
    let sent = cluster.submit(&["--seeds", "2", "--set=run.checkpoint_every=2"]);
    assert_eq!(sent.code, 0, "{}", sent.stderr);
    assert!(
        sent.stdout
            .contains("Job 1 with 2 tasks is sent off as Slurm's 41"),
        "{}",
        sent.stdout
    );
    assert!(cluster.noted("sbatch").contains("jobs/1/job.sh"));

    // Time is up in the middle of the first task.
    let mut task = cluster.start(0);
    let until = Instant::now() + Duration::from_secs(240);
    loop {
        let run = &cluster.state(0)["run"];
        if run["stage"] == "ppo" && run["step"].as_u64() >= Some(3) {
            break;
        }
        assert!(Instant::now() < until, "{run}");
        assert!(
            task.try_wait().unwrap().is_none(),
            "the task ended early: {run}"
        );
        sleep(Duration::from_millis(30));
    }
    let pid = task.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    task.wait().unwrap();
    assert_eq!(cluster.noted("scontrol").trim(), "requeue 41_0");
    assert_eq!(cluster.state(0)["run"]["status"], "stopped");

    // It is started again, and the other after it.
    for task in 0..2 {
        assert!(cluster.start(task).wait().unwrap().success());
        assert_eq!(cluster.state(task)["run"]["status"], "finished");
    }
    assert!(
        cluster.start(1).wait().unwrap().success(),
        "a finished task does nothing"
    );
    let merged = cluster.json(&["jobs", "merge", "1"]);
    assert_eq!(merged.as_array().unwrap().len(), 2);
    assert!(
        cluster
            .ok(&["jobs", "merge", "1"])
            .contains("1 run was here already")
    );

    let alone = Place::new();
    for seed in ["1", "2"] {
        let seed = ["--seed", seed, "--set=run.checkpoint_every=2"];
        alone.ok(&[&["run", "quickstart"], SHORT.as_slice(), &seed].concat());
    }
    for run in ["1", "2"] {
        let own = results(&cluster.place, run);
        assert!(own.get("EmpRL").is_some(), "{own}");
        assert_eq!(own, results(&alone, run));
    }
    let listed = cluster.ok(&["jobs", "list"]);
    assert!(
        listed.contains("quickstart") && listed.contains("41"),
        "{listed}"
    );
}

#[test]
fn the_script_says_what_was_asked_and_a_site_may_have_its_own() {
    let cluster = Cluster::new();
    let asked = [
        "--sweep",
        "ppo.lr=1e-5,3e-5",
        "--seeds",
        "3..5",
        "--partition",
        "gpu",
        "--gpus",
        "1",
        "--time",
        "8:00:00",
        "--memory",
        "16G",
        "--cpus",
        "4",
        "--dry-run",
    ];
    let script = cluster.submit(&asked).stdout;
    for line in [
        "#SBATCH --array=0-5",
        "#SBATCH --partition=gpu",
        "#SBATCH --gpus=1",
        "#SBATCH --time=8:00:00",
        "#SBATCH --mem=16G",
        "#SBATCH --cpus-per-task=4",
        "#SBATCH --requeue",
    ] {
        assert!(script.lines().any(|own| own == line), "{line}: {script}");
    }
    assert!(!script.contains("{{"), "{script}");
    assert!(cluster.noted("sbatch").is_empty() && !cluster.place.store().join("jobs").exists());

    let own = cluster.place.write(
        "site.sh",
        "#PBS -J 0-{{last}}\n{{program}} task {{folder}} $PBS_ARRAY_INDEX\n",
    );
    let script = cluster
        .submit(&["--template", &own, "--seeds", "2", "--dry-run"])
        .stdout;
    assert!(script.starts_with("#PBS -J 0-1\n"), "{script}");
    let lacking = cluster
        .place
        .write("lacking.sh", "{{program}} task {{folder}}\n");
    let refused = cluster.submit(&["--template", &lacking, "--dry-run"]);
    assert!(
        refused.code != 0 && refused.stderr.contains("{{last}}"),
        "{}",
        refused.stderr
    );
    let refused = cluster.submit(&["--partition", "a b; rm", "--dry-run"]);
    assert!(
        refused.code != 0 && refused.stderr.contains("--partition"),
        "{}",
        refused.stderr
    );
}

#[test]
fn what_cannot_be_sent_off_leaves_no_job() {
    let cluster = Cluster::new();
    let refuse = "#!/bin/bash\necho 'sbatch: error: invalid partition' >&2; exit 1\n";
    let sbatch = cluster.place.write("bin/sbatch", refuse);
    fs::set_permissions(&sbatch, fs::Permissions::from_mode(0o755)).unwrap();
    let refused = cluster.submit(&[]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("invalid partition"),
        "{}",
        refused.stderr
    );
    assert!(cluster.ok(&["jobs", "list"]).contains("No job"));
    let wrong = cluster.submit(&["--seeds", "none"]);
    assert!(
        wrong.code == 2 && wrong.stderr.contains("run.seed"),
        "{}",
        wrong.stderr
    );
    let unknown = cluster.run(&["jobs", "show", "7"]);
    assert!(
        unknown.stderr.contains("there is no job 7"),
        "{}",
        unknown.stderr
    );
    let without = cluster
        .place
        .command(&["submit", "quickstart"])
        .env("PATH", Path::new("/nowhere"))
        .output()
        .unwrap();
    let without = Done::of(without);
    assert!(
        without.stderr.contains("Slurm is not on this machine"),
        "{}",
        without.stderr
    );
}

#[test]
fn a_cancelled_job_is_not_queued_again_by_itself_but_can_be_sent_off_again() {
    let cluster = Cluster::new();
    assert_eq!(cluster.submit(&["--seeds", "2"]).code, 0);
    fs::write(
        cluster.place.path().join("notes/queue"),
        "0 RUNNING\n1 PENDING\n",
    )
    .unwrap();
    assert_eq!(cluster.state(1)["scheduler"], "PENDING");
    cluster.ok(&["jobs", "cancel", "1"]);
    assert_eq!(cluster.noted("scancel").trim(), "41");
    assert!(cluster.folder().join("cancelled").exists());
    assert!(
        cluster
            .ok(&["jobs", "requeue", "1"])
            .contains("still with Slurm")
    );
    fs::remove_file(cluster.place.path().join("notes/queue")).unwrap();
    cluster.ok(&["jobs", "requeue", "1"]);
    assert!(cluster.noted("sbatch").contains("--array=0,1"));
    assert!(!cluster.folder().join("cancelled").exists());
}

#[test]
fn stores_are_merged_by_name_and_one_without_runs_says_so() {
    let (here, data_alone) = (Place::new(), Place::new());
    data_alone.write(
        "rows.jsonl",
        "{\"context\": [\"Hi.\"], \"response\": \"Hello.\"}\n",
    );
    data_alone.ok(&["corpus", "import", "rows.jsonl", "rows"]);
    let other = data_alone.store().display().to_string();
    let said = here.ok(&["store", "merge", &other]);
    assert!(said.contains("it has no runs"), "{said}");
    let own = here.store().display().to_string();
    let same = here.run(&["store", "merge", &own]);
    assert!(
        same.code != 0
            && same
                .stderr
                .contains("the store that its runs would be taken into"),
        "{}",
        same.stderr
    );
    let missing = here.run(&["store", "merge", "nowhere"]);
    assert!(
        missing.stderr.contains("nowhere: there is no store here"),
        "{}",
        missing.stderr
    );
}
