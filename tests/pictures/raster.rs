//! Draws a window's frames into pictures on the processor, so that they are the same on every machine.
//!
//! Knows triangles and textures only. Blends as the window's own shader does: premultiplied colours,
//! in gamma space.

use std::collections::HashMap;

use eframe::egui::epaint::{ImageData, ImageDelta, Mesh, Primitive, Vertex};
use eframe::egui::{Context, FullOutput, Rect, TextureId, TexturesDelta};
use egui_kittest::TestRenderer;
use image::RgbaImage;

/// A colour in parts of 1, premultiplied: red, green, blue, alpha.
type Colour = [f32; 4];

/// Draws triangles one after another.
#[derive(Default)]
pub struct Raster {
    textures: HashMap<TextureId, Texture>,
}

#[derive(Default)]
struct Texture {
    width: usize,
    height: usize,
    texels: Vec<Colour>,
}

impl Texture {
    fn update(&mut self, delta: &ImageDelta) {
        let ImageData::Color(patch) = &delta.image;
        let [width, height] = patch.size;
        let [left, top] = delta.pos.unwrap_or_default();
        if delta.pos.is_none() {
            *self = Texture {
                width,
                height,
                texels: vec![[0.0; 4]; width * height],
            };
        }
        for (n, texel) in patch.pixels.iter().enumerate() {
            let at = (top + n / width) * self.width + left + n % width;
            self.texels[at] = texel.to_array().map(|part| f32::from(part) / 255.0);
        }
    }

    /// The colour at `(u, v)`, mixed from the four texels around it.
    fn at(&self, u: f32, v: f32) -> Colour {
        let x = (u * self.width as f32 - 0.5).clamp(0.0, (self.width - 1) as f32);
        let y = (v * self.height as f32 - 0.5).clamp(0.0, (self.height - 1) as f32);
        let (left, top) = (x as usize, y as usize);
        let right = (left + 1).min(self.width - 1);
        let below = (top + 1).min(self.height - 1);
        let texel = |x: usize, y: usize| self.texels[y * self.width + x];
        let upper = mix(texel(left, top), texel(right, top), x.fract());
        let lower = mix(texel(left, below), texel(right, below), x.fract());
        mix(upper, lower, y.fract())
    }
}

fn mix(a: Colour, b: Colour, part: f32) -> Colour {
    std::array::from_fn(|n| a[n] + (b[n] - a[n]) * part)
}

impl TestRenderer for Raster {
    fn handle_delta(&mut self, delta: &mut TexturesDelta) {
        for (id, patches) in delta.set.drain() {
            let texture = self.textures.entry(id).or_default();
            patches.iter().for_each(|patch| texture.update(patch));
        }
        for id in delta.free.drain() {
            self.textures.remove(&id);
        }
    }

    fn render(&mut self, ctx: &Context, output: &FullOutput) -> Result<RgbaImage, String> {
        let scale = ctx.pixels_per_point();
        let size = ctx.content_rect().size() * scale;
        let mut canvas = Canvas {
            width: size.x.round() as usize,
            height: size.y.round() as usize,
            pixels: Vec::new(),
        };
        canvas.pixels = vec![[0.0; 4]; canvas.width * canvas.height];
        for clipped in ctx.tessellate(output.shapes.clone(), scale) {
            let Primitive::Mesh(mesh) = &clipped.primitive else {
                return Err("a paint callback, which only a graphics card can draw".into());
            };
            let texture = self.textures.get(&mesh.texture_id);
            let texture = texture.ok_or("a texture that was never given")?;
            canvas.mesh(mesh, texture, clipped.clip_rect * scale, scale);
        }
        let bytes = canvas.pixels.iter().flatten().copied().map(byte).collect();
        RgbaImage::from_raw(canvas.width as u32, canvas.height as u32, bytes)
            .ok_or_else(|| "a picture of another size".into())
    }
}

fn byte(part: f32) -> u8 {
    (part * 255.0).round() as u8
}

struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<Colour>,
}

impl Canvas {
    /// Draws a mesh inside `clip`, which is in pixels.
    fn mesh(&mut self, mesh: &Mesh, texture: &Texture, clip: Rect, scale: f32) {
        for corners in mesh.indices.chunks_exact(3) {
            let corner = |n: usize| mesh.vertices[corners[n] as usize];
            self.triangle([corner(0), corner(1), corner(2)], texture, clip, scale);
        }
    }

    fn triangle(&mut self, corners: [Vertex; 3], texture: &Texture, clip: Rect, scale: f32) {
        let points = corners.map(|corner| [corner.pos.x * scale, corner.pos.y * scale]);
        let area = cross(points[0], points[1], points[2]);
        if area == 0.0 {
            return;
        }
        let colours =
            corners.map(|corner| corner.color.to_array().map(|part| f32::from(part) / 255.0));
        let span = |axis: usize, low: f32, high: f32, limit: usize| {
            let values = points.map(|point| point[axis]);
            let from = values
                .into_iter()
                .fold(f32::INFINITY, f32::min)
                .max(low.round());
            let to = values
                .into_iter()
                .fold(f32::NEG_INFINITY, f32::max)
                .min(high.round());
            (from - 0.5).ceil().max(0.0) as usize
                ..((to - 0.5).floor() + 1.0).clamp(0.0, limit as f32) as usize
        };
        for y in span(1, clip.min.y, clip.max.y, self.height) {
            for x in span(0, clip.min.x, clip.max.x, self.width) {
                let centre = [x as f32 + 0.5, y as f32 + 0.5];
                let Some(weights) = inside(points, area, centre) else {
                    continue;
                };
                let mean = |value: [f32; 3]| (0..3).map(|n| weights[n] * value[n]).sum::<f32>();
                let texel = texture.at(
                    mean(corners.map(|corner| corner.uv.x)),
                    mean(corners.map(|corner| corner.uv.y)),
                );
                let source: Colour =
                    std::array::from_fn(|n| texel[n] * mean(colours.map(|colour| colour[n])));
                let pixel = &mut self.pixels[y * self.width + x];
                for n in 0..4 {
                    pixel[n] = (source[n] + pixel[n] * (1.0 - source[3])).min(1.0);
                }
            }
        }
    }
}

/// Twice the signed area of a triangle.
fn cross(a: [f32; 2], b: [f32; 2], c: [f32; 2]) -> f32 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

/// The weights of the three corners at `point`; none outside. A point on an edge that two triangles
/// share belongs to one of them.
fn inside(points: [[f32; 2]; 3], area: f32, point: [f32; 2]) -> Option<[f32; 3]> {
    let mut weights = [0.0; 3];
    for (n, weight) in weights.iter_mut().enumerate() {
        let (from, to) = (points[(n + 1) % 3], points[(n + 2) % 3]);
        let edge = cross(from, to, point) * area.signum();
        let (dx, dy) = (
            (to[0] - from[0]) * area.signum(),
            (to[1] - from[1]) * area.signum(),
        );
        let owned = dy < 0.0 || (dy == 0.0 && dx > 0.0);
        if edge < 0.0 || (edge == 0.0 && !owned) {
            return None;
        }
        *weight = edge / area.abs();
    }
    Some(weights)
}
