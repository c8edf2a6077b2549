//! GGUF, llama.cpp's container: metadata and named tensors, most of them quantised. Knows no network.

mod blocks;
mod header;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) use blocks::Blocks;
pub(in crate::nn) use header::Field;
use header::TensorInfo;

use super::read::{Kind, POINTER, Stored, head};
use super::{WeightsError, WeightsFile};

/// A GGUF file: its metadata in memory, its tensors still on disk.
pub(in crate::nn) struct Gguf {
    pub path: PathBuf,
    pub fields: BTreeMap<String, Field>,
    tensors: HashMap<String, Tensor>,
}

struct Tensor {
    stored: Stored,
    format: &'static str,
}

impl Gguf {
    /// Reads the header.
    ///
    /// # Errors
    /// The file is not there, no GGUF of version 2 or 3, damaged, or has tensors in a format that is not read.
    pub fn open(path: &Path) -> Result<Self, WeightsError> {
        if !path.is_file() {
            return Err(WeightsError::Missing {
                path: path.to_path_buf(),
                fix: "give the path of a GGUF file".into(),
            });
        }
        if head(path, POINTER.len())? == POINTER {
            return Err(WeightsError::pointer(path));
        }
        let foreign = |problem: String| WeightsError::Foreign {
            path: path.to_path_buf(),
            problem,
        };
        let file = File::open(path).map_err(WeightsError::io(path))?;
        let length = file.metadata().map_err(WeightsError::io(path))?.len();
        let header = header::read(&file, length).map_err(foreign)?;
        let (file, shared_path) = (Arc::new(file), Arc::new(path.to_path_buf()));
        let room = length.saturating_sub(header.data);
        let mut tensors = HashMap::new();
        let mut together = 0_u64;
        for info in header.tensors {
            let (kind, format) =
                format(info.format).map_err(|format| WeightsError::Unsupported {
                    path: path.to_path_buf(),
                    problem: format!("tensor `{}` is in {format}", info.name),
                    fix: "give a file in F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q4_K or Q6_K".into(),
                })?;
            let bytes = size(&info, &kind).map_err(foreign)?;
            // Tensors that share bytes would let a small file fill the memory.
            together = together.saturating_add(bytes);
            let inside = info
                .offset
                .checked_add(bytes)
                .is_some_and(|end| end <= room);
            if !inside || together > room {
                return Err(foreign(format!(
                    "tensor `{}` needs {bytes} bytes from byte {} on, and the file has {length}",
                    info.name,
                    header.data.saturating_add(info.offset)
                )));
            }
            let first = header.data + info.offset;
            let stored =
                Stored::range(&shared_path, &file, first, bytes as usize, info.shape, kind);
            if tensors
                .insert(info.name.clone(), Tensor { stored, format })
                .is_some()
            {
                return Err(foreign(format!("has the tensor `{}` twice", info.name)));
            }
        }
        Ok(Gguf {
            path: path.to_path_buf(),
            fields: header.fields,
            tensors,
        })
    }

    /// The shape of a tensor, if it is there: the outermost dimension first.
    pub fn shape(&self, tensor: &str) -> Option<&[usize]> {
        self.tensors.get(tensor).map(|tensor| tensor.stored.shape())
    }

    /// The numbers of a tensor, if it is there.
    pub fn values(&self, tensor: &str) -> Option<Result<Vec<f32>, WeightsError>> {
        let found = self.tensors.get(tensor)?;
        Some(found.stored.values(tensor))
    }

    /// The formats that its tensors are in, with the number of tensors in each, the commonest first.
    pub fn formats(&self) -> Vec<(&'static str, usize)> {
        let mut counts = BTreeMap::new();
        for tensor in self.tensors.values() {
            *counts.entry(tensor.format).or_default() += 1;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        counts
    }

    /// Its tensors under other names: `place` gives the name of each, and the number of heads where rows for rotary
    /// embedding lie interleaved; none for a tensor that is left out.
    pub fn into_weights(
        self,
        place: impl Fn(&str) -> Option<(String, Option<usize>)>,
    ) -> WeightsFile {
        let tensors = self.tensors.into_iter().filter_map(|(name, tensor)| {
            let (name, heads) = place(&name)?;
            Some((name, tensor.stored.interleaved(heads)))
        });
        WeightsFile::of(tensors.collect(), self.path)
    }
}

/// ggml's formats by their numbers, or the name of one that is not read.
fn format(number: u32) -> Result<(Kind, &'static str), String> {
    Ok(match number {
        0 => (Kind::F32, "F32"),
        1 => (Kind::F16, "F16"),
        2 => (Kind::Blocks(Blocks::Q4_0), "Q4_0"),
        3 => (Kind::Blocks(Blocks::Q4_1), "Q4_1"),
        8 => (Kind::Blocks(Blocks::Q8_0), "Q8_0"),
        12 => (Kind::Blocks(Blocks::Q4K), "Q4_K"),
        14 => (Kind::Blocks(Blocks::Q6K), "Q6_K"),
        30 => (Kind::Bf16, "BF16"),
        6 => return Err("Q5_0".into()),
        7 => return Err("Q5_1".into()),
        10 => return Err("Q2_K".into()),
        11 => return Err("Q3_K".into()),
        13 => return Err("Q5_K".into()),
        other => return Err(format!("ggml's format {other}")),
    })
}

/// Bytes of a tensor, or what is wrong with its shape.
fn size(info: &TensorInfo, kind: &Kind) -> Result<u64, String> {
    let (numbers, bytes) = match kind {
        Kind::Blocks(blocks) => blocks.size(),
        Kind::F32 => (1, 4),
        _ => (1, 2),
    };
    let TensorInfo { name, shape, .. } = info;
    let row = shape.last().copied().unwrap_or_default();
    if row % numbers != 0 {
        return Err(format!(
            "tensor `{name}` has rows of {row} numbers, which are not whole blocks of {numbers}"
        ));
    }
    let count = shape
        .iter()
        .try_fold(1_usize, |all, size| all.checked_mul(*size));
    count
        .and_then(|count| (count / numbers).checked_mul(bytes))
        .map(|bytes| bytes as u64)
        .ok_or_else(|| format!("tensor `{name}` has the impossible shape {shape:?}"))
}
