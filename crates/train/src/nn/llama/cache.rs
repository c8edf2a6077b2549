//! Keys and values of the tokens so far.

use burn::tensor::{Int, Tensor, TensorData};

/// Tokens that room is made for at once, so that those before are not copied for every new one.
const ROOM: usize = 64;

/// What a decoder keeps of the tokens that it has read.
#[derive(Clone, Debug)]
pub struct Cache {
    /// Of each layer.
    pub(super) layers: Vec<KeysValues>,
    /// `[batch, tokens]`: 1 where a token is real.
    pub(super) mask: Tensor<2>,
    /// The position of each row's next token.
    pub(super) next: Vec<usize>,
}

impl Cache {
    /// The same for the rows at `rows`, which may repeat.
    #[must_use]
    pub fn select(self, rows: &[usize]) -> Self {
        let indices: Vec<i32> = rows.iter().map(|row| *row as i32).collect();
        let indices = TensorData::new(indices, [rows.len()]);
        let indices = Tensor::<1, Int>::from_data(indices, &self.mask.device());
        let select = |layer: KeysValues| KeysValues {
            memory: layer.memory.select(0, indices.clone()),
            tokens: layer.tokens,
        };
        Cache {
            layers: self.layers.into_iter().map(select).collect(),
            mask: self.mask.select(0, indices.clone()),
            next: rows.iter().map(|row| self.next[*row]).collect(),
        }
    }
}

/// Keys beside values of one layer, rotated; those of a prefix are not among them.
#[derive(Clone, Debug)]
pub(super) struct KeysValues {
    /// `[batch, tokens or more, 2 * key_width]`
    memory: Tensor<3>,
    tokens: usize,
}

impl KeysValues {
    /// Those of the first tokens, `[batch, tokens, 2 * key_width]`.
    pub fn new(first: Tensor<3>) -> Self {
        KeysValues {
            tokens: first.dims()[1],
            memory: first,
        }
    }

    /// With those of the tokens after them, `[batch, tokens, 2 * key_width]`. Without another owner nothing is copied
    /// while there is room.
    pub fn append(self, next: Tensor<3>) -> Self {
        let [batch, added, width] = next.dims();
        let (first, tokens) = (self.tokens, self.tokens + added);
        let mut memory = self.memory;
        if tokens > memory.dims()[1] {
            let more = [batch, tokens + ROOM - memory.dims()[1], width];
            let more = Tensor::zeros(more, &memory.device());
            memory = Tensor::cat(vec![memory, more], 1);
        }
        KeysValues {
            memory: memory.slice_assign([0..batch, first..tokens, 0..width], next),
            tokens,
        }
    }

    /// With room behind them for more.
    pub fn memory(&self) -> Tensor<3> {
        self.memory.clone()
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn tokens_stand_in_their_order_however_often_room_is_made() {
        let token = |first: usize, tokens: usize| {
            let numbers = (0..2 * tokens * 3).map(|i| (first * 1_000 + i) as f32);
            let numbers = TensorData::new(numbers.collect::<Vec<_>>(), [2, tokens, 3]);
            Tensor::<3>::from_data(numbers, &Device::flex())
        };
        let mut all = vec![token(0, 5)];
        let mut cache = KeysValues::new(token(0, 5));
        for next in 1..=2 * ROOM {
            let added = 1 + next % 2;
            cache = cache.append(token(next, added));
            all.push(token(next, added));
        }
        let known = Tensor::cat(all, 1);
        let found = cache.memory().narrow(1, 0, cache.tokens);
        assert_eq!(found.to_data(), known.to_data());
    }
}
