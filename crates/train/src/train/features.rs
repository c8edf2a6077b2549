//! Texts as points: what a sentence encoder, such as all-MiniLM-L6-v2, makes of them.

use std::ops::ControlFlow;
use std::path::Path;

use burn::tensor::Device;

use super::error::TrainError;
use super::identifier::encoder_tokenizer;
use super::tensors::{Tokens, by_length, floats};
use crate::data::batch::cut_target;
use crate::nn::bert::BertEncoder;
use crate::nn::{Dropout, device};
use crate::text::Tokenizer;

/// A BERT of a Hugging Face folder, whose states over a text are averaged as sentence-transformers does it.
pub struct TextEncoder {
    encoder: BertEncoder,
    tokenizer: Tokenizer,
    device: Device,
}

impl TextEncoder {
    /// Opens a folder on the device of this name.
    ///
    /// # Errors
    /// The folder holds no BERT, or a damaged one; the device is not there.
    pub fn open(folder: &Path, device: &str) -> Result<Self, TrainError> {
        let device = device::resolve(device)?;
        Ok(TextEncoder {
            encoder: BertEncoder::load(folder, &device)?,
            tokenizer: encoder_tokenizer(folder)?,
            device,
        })
    }

    /// Numbers of a point.
    pub fn width(&self) -> usize {
        self.encoder.config().hidden_size
    }

    /// The points of texts, one after the other, each of length 1; of a text that is too long, its beginning. Where `done`
    /// breaks, only the first texts have points.
    pub fn points(
        &self,
        texts: &[&str],
        batch: usize,
        done: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> Vec<f32> {
        /// Batches between two reports of progress: enough to find texts of similar length.
        const AT_ONCE: usize = 16;
        let width = self.width();
        let mut points = Vec::with_capacity(texts.len() * width);
        for texts in texts.chunks(batch * AT_ONCE) {
            let rows: Vec<Vec<u32>> = texts.iter().map(|text| self.tokens(text)).collect();
            let first = points.len();
            points.resize(first + rows.len() * width, 0.0);
            for places in by_length(rows.len(), batch, |place| rows[place].len()) {
                let rows: Vec<&[u32]> = places.iter().map(|&place| &*rows[place]).collect();
                let means = self.means(&rows);
                for (mean, place) in means.chunks(width).zip(places) {
                    points[first + place * width..][..width].copy_from_slice(mean);
                }
            }
            if done(points.len() / width).is_break() {
                break;
            }
        }
        points
    }

    fn tokens(&self, text: &str) -> Vec<u32> {
        let (before, after) = self.tokenizer.around();
        let room = self.encoder.config().max_position_embeddings - before.len();
        let ids = self.tokenizer.encode_plain(text);
        let ids = cut_target(&ids, room, after.last().copied());
        before.iter().copied().chain(ids).collect()
    }

    /// Means over the real tokens of each row, `[rows, width]`, of length 1.
    fn means(&self, rows: &[&[u32]]) -> Vec<f32> {
        let tokens = Tokens::pad(rows, &self.device);
        let off = &mut Dropout::off();
        let states = self.encoder.forward(tokens.ids, &tokens.mask, off);
        let mask = tokens.mask.unsqueeze_dim::<3>(2);
        let sums = (states * mask).sum_dim(1).squeeze_dim::<2>(1);
        // The mean and the sum have the same direction.
        let mut points = floats(sums);
        for point in points.chunks_mut(self.width()) {
            let length = point.iter().map(|x| x * x).sum::<f32>().sqrt();
            let length = length.max(f32::MIN_POSITIVE);
            point.iter_mut().for_each(|x| *x /= length);
        }
        points
    }
}
