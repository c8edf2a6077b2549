//! The tensors of weights files: safetensors, and PyTorch's pickles by a parser that runs nothing. GGUF's are read as
//! these are, from a range of the file.
//!
//! Opening a file reads names and shapes only; numbers are read tensor by tensor, so that a large model is in
//! memory once. Knows no networks.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::store::pytorch_reader::{DType, PytorchReader, Tensor as Pickled};
use safetensors::Dtype;
use safetensors::tensor::Metadata;

use super::WeightsError;
use super::gguf::Blocks;

/// A tensor that is still in its file.
pub(super) struct Stored {
    path: Arc<PathBuf>,
    shape: Vec<usize>,
    numbers: Numbers,
    /// Heads whose rows lie interleaved; see [`Stored::interleaved`].
    heads: Option<usize>,
}

enum Numbers {
    Range {
        file: Arc<File>,
        first: u64,
        bytes: usize,
        kind: Kind,
    },
    Pickled {
        tensor: Box<Pickled>,
        kind: Kind,
    },
}

/// How a number is written.
#[derive(Clone)]
pub(super) enum Kind {
    F64,
    F32,
    F16,
    Bf16,
    /// Several together.
    Blocks(Blocks),
    /// In a way that no weight is.
    Other(String),
}

impl Stored {
    /// A tensor in `bytes` bytes of a file from byte `first` on.
    pub fn range(
        path: &Arc<PathBuf>,
        file: &Arc<File>,
        first: u64,
        bytes: usize,
        shape: Vec<usize>,
        kind: Kind,
    ) -> Self {
        Stored {
            path: path.clone(),
            shape,
            numbers: Numbers::Range {
                file: file.clone(),
                first,
                bytes,
                kind,
            },
            heads: None,
        }
    }

    /// The same tensor where the rows of each of `heads` heads are stored as llama.cpp does it: row `2 i + half` is
    /// the model's row `half * rows / 2 + i`.
    pub fn interleaved(self, heads: Option<usize>) -> Self {
        Stored { heads, ..self }
    }

    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The numbers row by row; `name` is for the error.
    pub fn values(&self, name: &str) -> Result<Vec<f32>, WeightsError> {
        let foreign = |problem: String| WeightsError::Foreign {
            path: self.path.to_path_buf(),
            problem: format!("tensor `{name}` {problem}"),
        };
        let (Numbers::Range { kind, .. } | Numbers::Pickled { kind, .. }) = &self.numbers;
        if let Kind::Other(kind) = kind {
            return Err(foreign(format!("holds {kind}, which are no weights")));
        }
        let bytes = match &self.numbers {
            Numbers::Range {
                file, first, bytes, ..
            } => {
                let mut buffer = vec![0; *bytes];
                let mut file = file.as_ref();
                file.seek(SeekFrom::Start(*first))
                    .and_then(|_| file.read_exact(&mut buffer))
                    .map_err(WeightsError::io(&self.path))?;
                buffer
            }
            Numbers::Pickled { tensor, .. } => tensor
                .read()
                .map_err(|error| foreign(format!("cannot be read: {error}")))?,
        };
        let values = kind.decode(&bytes);
        if values.len() != self.shape.iter().product::<usize>() {
            return Err(foreign("holds fewer numbers than its shape says".into()));
        }
        if values.iter().any(|value| !value.is_finite()) {
            return Err(foreign(
                "holds a value that is infinite or not a number".into(),
            ));
        }
        match self.heads {
            None => Ok(values),
            Some(heads) => deinterleaved(&values, self.shape[0], heads)
                .ok_or_else(|| foreign(format!("has rows that are not those of {heads} heads"))),
        }
    }
}

/// The rows of every head, the even ones first; none if they are not an even number a head.
fn deinterleaved(values: &[f32], rows: usize, heads: usize) -> Option<Vec<f32>> {
    let head = rows.checked_div(heads)?;
    if head * heads != rows || head % 2 != 0 {
        return None;
    }
    let width = values.len() / rows;
    let order = |row: usize| {
        let (head_start, row) = (row / head * head, row % head);
        head_start + row % (head / 2) * 2 + row / (head / 2)
    };
    let row = |row: usize| &values[order(row) * width..][..width];
    Some((0..rows).flat_map(row).copied().collect())
}

impl Kind {
    fn decode(&self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Kind::F64 => decode(bytes, |b| f64::from_le_bytes(b) as f32),
            Kind::F32 => decode(bytes, f32::from_le_bytes),
            Kind::F16 => decode(bytes, |b| half::f16::from_le_bytes(b).to_f32()),
            Kind::Bf16 => decode(bytes, |b| half::bf16::from_le_bytes(b).to_f32()),
            Kind::Blocks(blocks) => blocks.decode(bytes),
            Kind::Other(_) => Vec::new(),
        }
    }
}

/// Numbers of `N` bytes each as f32.
fn decode<const N: usize>(bytes: &[u8], convert: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    let (numbers, _) = bytes.as_chunks::<N>();
    numbers.iter().map(|number| convert(*number)).collect()
}

/// Names and shapes of the tensors of a file; `.bin`, `.pt` and `.pth` are pickles.
pub(super) fn tensors(path: &Path) -> Result<HashMap<String, Stored>, WeightsError> {
    if !path.is_file() {
        return Err(WeightsError::Missing {
            path: path.to_path_buf(),
            fix: "give the path of a weights file".into(),
        });
    }
    if head(path, POINTER.len())? == POINTER {
        return Err(WeightsError::pointer(path));
    }
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("bin" | "pt" | "pth") => read_pickle(path),
        _ => read_safetensors(path),
    }
}

/// A header is a line of JSON for each tensor, 150 bytes of it; a longer one is no header.
const LONGEST_HEADER: u64 = 10_000_000;

fn read_safetensors(path: &Path) -> Result<HashMap<String, Stored>, WeightsError> {
    let foreign = |problem: String| WeightsError::Foreign {
        path: path.to_path_buf(),
        problem,
    };
    let mut file = File::open(path).map_err(WeightsError::io(path))?;
    let length = file.metadata().map_err(WeightsError::io(path))?.len();
    let mut size = [0; 8];
    if length < 8 {
        return Err(foreign(format!("has only {length} bytes")));
    }
    file.read_exact(&mut size).map_err(WeightsError::io(path))?;
    let size = u64::from_le_bytes(size);
    if size > LONGEST_HEADER || size > length - 8 {
        return Err(foreign("does not begin with a safetensors header".into()));
    }
    let mut header = vec![0; size as usize];
    file.read_exact(&mut header)
        .map_err(WeightsError::io(path))?;
    let header: Metadata =
        serde_json::from_slice(&header).map_err(|error| foreign(error.to_string()))?;
    let first = 8 + size;
    let needed = first + header.data_len() as u64;
    if needed != length {
        return Err(foreign(format!(
            "has {length} bytes where its header needs {needed}"
        )));
    }
    let (path, file) = (Arc::new(path.to_path_buf()), Arc::new(file));
    header
        .tensors()
        .into_iter()
        .map(|(name, info)| {
            let kind = match info.dtype {
                Dtype::F64 => Kind::F64,
                Dtype::F32 => Kind::F32,
                Dtype::F16 => Kind::F16,
                Dtype::BF16 => Kind::Bf16,
                other => Kind::Other(other.to_string()),
            };
            let (from, to) = info.data_offsets;
            let (first, shape) = (first + from as u64, info.shape.clone());
            Ok((
                name,
                Stored::range(&path, &file, first, to - from, shape, kind),
            ))
        })
        .collect()
}

/// How a Git LFS pointer begins.
pub(super) const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// The reader takes a TAR into memory as large as it says it is.
fn is_tar(path: &Path) -> Result<bool, WeightsError> {
    Ok(head(path, 262)?.get(257..) == Some(b"ustar"))
}

/// The first bytes of a file, at most `count`.
pub(super) fn head(path: &Path, count: usize) -> Result<Vec<u8>, WeightsError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(count as u64).read_to_end(&mut bytes))
        .map_err(WeightsError::io(path))?;
    Ok(bytes)
}

fn read_pickle(path: &Path) -> Result<HashMap<String, Stored>, WeightsError> {
    let foreign = |problem: String| WeightsError::Foreign {
        path: path.to_path_buf(),
        problem,
    };
    let length = path.metadata().map_err(WeightsError::io(path))?.len();
    if is_tar(path)? {
        return Err(foreign(
            "is of PyTorch before 0.1.10, which no T5 was saved with".into(),
        ));
    }
    let reader = PytorchReader::new(path).map_err(|error| foreign(error.to_string()))?;
    let path = Arc::new(path.to_path_buf());
    reader
        .into_tensors()
        .into_iter()
        .map(|(name, tensor)| {
            let kind = match tensor.dtype() {
                DType::F64 => Kind::F64,
                DType::F32 => Kind::F32,
                DType::F16 => Kind::F16,
                DType::BF16 => Kind::Bf16,
                other => Kind::Other(format!("{other:?}")),
            };
            // A file cannot hold more than its own length: what says so repeats one number many times over.
            if tensor.byte_len() as u64 > length {
                return Err(foreign(format!(
                    "tensor `{name}` would be {} bytes, more than the whole file",
                    tensor.byte_len()
                )));
            }
            let shape = tensor.shape().to_vec();
            let numbers = Numbers::Pickled {
                tensor: Box::new(tensor),
                kind,
            };
            Ok((
                name,
                Stored {
                    path: path.clone(),
                    shape,
                    numbers,
                    heads: None,
                },
            ))
        })
        .collect()
}
