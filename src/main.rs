use emprl::experiment::*;
use emprl::train::observer::*;
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
struct P(std::time::Instant);
impl Observer for P {
    fn report(&mut self, r: Report) {
        match r {
            Report::Metrics { stage, step, total, values } => {
                if step % 20 == 0 || values.len() > 12 {
                    let v: Vec<String> = values.iter().filter(|(k, _)| !k.contains("seconds")).map(|(k, v)| format!("{}={:.4}", k.rsplit('/').next().unwrap(), v)).collect();
                    println!("{:.1}s {stage} {step}/{total} {}", self.0.elapsed().as_secs_f64(), v.join(" "));
                }
            }
            Report::Samples { dialogues, .. } => {
                for d in dialogues.iter().take(2) { println!("   C: {:?}\n   T: {}\n   G: {} {:?}", d.context.last(), d.target, d.generated, d.reward); }
            }
            other => println!("{:.1}s {other:?}", self.0.elapsed().as_secs_f64()),
        }
    }
    fn directive(&mut self) -> Directive { Directive::Continue }
}
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut file = ExperimentFile::read(std::path::Path::new(&args[0])).unwrap();
    file.assign(&args[2..]).unwrap();
    println!("{:?}", file.config.problems());
    let dir = std::path::Path::new(&args[1]);
    let r = emprl::train::pipeline::run(&file.config, &dir.join("store"), &dir.join("run"), &mut P(std::time::Instant::now()));
    println!("{r:?}");
}
