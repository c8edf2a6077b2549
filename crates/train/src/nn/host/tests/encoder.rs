//! Kernels of BERT's layers against tensor operations.

use burn::tensor::Tensor;
use burn::tensor::activation::gelu;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::super::{self as host, affine, layer_norm};
use super::{assert_close, draw, gradient, loss, trained, values};

#[test]
fn norms_with_a_mean_biases_and_gelu_and_their_derivatives() {
    let mut random = ChaCha8Rng::seed_from_u64(11);
    for (width, inner) in [(1, 3), (20, 7), (48, 192), (300, 65)] {
        let x = draw(&mut random, [2, 13, width]).mul_scalar(4.0);
        let matrix = draw(&mut random, [inner, width]);
        let rows = [width, width, inner].map(|width| draw(&mut random, [width]));
        let weights = draw(&mut random, [2, 13, inner]);
        let ours = |x: Tensor<3>, matrix, [weight, bias, shift]: [Tensor<1>; 3]| {
            host::gelu(affine(layer_norm(x, weight, bias, 1e-5), matrix, shift))
        };
        let plainly = |x: Tensor<3>, matrix: Tensor<2>, [weight, bias, shift]: [Tensor<1>; 3]| {
            let centred = x.clone() - x.mean_dim(2);
            let variance = (centred.clone() * centred.clone()).mean_dim(2);
            let scale = variance.add_scalar(1e-5).sqrt().recip();
            let normed = centred * scale * weight.unsqueeze() + bias.unsqueeze();
            gelu(normed.matmul(matrix.transpose().unsqueeze::<3>()) + shift.unsqueeze())
        };
        let all = |layer: &dyn Fn(Tensor<3>, Tensor<2>, [Tensor<1>; 3]) -> Tensor<3>| {
            let (x, matrix) = (trained(&x), trained(&matrix));
            let rows = rows.each_ref().map(trained);
            let output = layer(x.clone(), matrix.clone(), rows.clone());
            let mut found = vec![values(output.clone())];
            let gradients = loss(output, &weights).backward();
            found.extend([gradient(&x, &gradients), gradient(&matrix, &gradients)]);
            found.extend(rows.iter().map(|row| gradient(row, &gradients)));
            found
        };
        for (found, known) in all(&ours).into_iter().zip(all(&plainly)) {
            assert_close(found, known, &format!("{width} → {inner}"));
        }
    }
}
