//! From a parameter's path in a network to the names of its tensors in a file.

/// The names of a network whose tensors are named by its parameters' paths.
pub fn by_path(path: &str) -> Vec<String> {
    vec![path.to_string()]
}

/// `place.part.kind` of each part: tensors that one parameter consists of, one above the other.
pub(in crate::nn) fn stacked(place: &str, parts: &[&str], kind: &str) -> Vec<String> {
    parts
        .iter()
        .map(|part| format!("{place}.{part}.{kind}"))
        .collect()
}

/// The paths of a network's parameters, in order. Saved optimizer states know parameters by these paths, and a
/// gradient's norm is summed in their order.
#[cfg(test)]
pub(in crate::nn) fn paths<M: burn::module::Module>(network: &M) -> Vec<String> {
    use burn::module::{ModuleVisitor, Param};
    use burn::tensor::Tensor;

    #[derive(Default)]
    struct Paths {
        path: Vec<String>,
        found: Vec<String>,
    }

    impl ModuleVisitor for Paths {
        crate::nn::track_path!();

        fn visit_float<const D: usize>(&mut self, _: &Param<Tensor<D>>) {
            self.found.push(self.path.join("."));
        }
    }

    let mut paths = Paths::default();
    network.visit(&mut paths);
    paths.found
}
