//! The matrix registers of Intel's processors (Advanced Matrix Extensions): 16 rows of 64 bytes each.

use super::pack::{Columns, Rows};

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
pub use tiles::{is_available, multiply};

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
pub fn is_available() -> bool {
    false
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
pub fn multiply(_: &mut [f32], _: &Rows<'_>, _: usize, _: &Columns, _: bool) {
    unreachable!("only where it is available")
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod tiles {
    use std::arch::asm;
    use std::arch::x86_64::{__cpuid, __cpuid_count};
    use std::sync::LazyLock;

    use super::super::pack::{LANES, Tile};
    use super::{Columns, Rows};

    /// Whether the processor has the registers and the system lets this process use them.
    pub fn is_available() -> bool {
        static AVAILABLE: LazyLock<bool> = LazyLock::new(|| has_tiles() && is_permitted());
        *AVAILABLE
    }

    fn has_tiles() -> bool {
        const TILES_AND_BF16: u32 = 1 << 24 | 1 << 22;
        __cpuid(0).eax >= 7 && __cpuid_count(7, 0).edx & TILES_AND_BF16 == TILES_AND_BF16
    }

    /// Asks Linux for the registers' room in the state of this process's threads.
    fn is_permitted() -> bool {
        const ARCH_PRCTL: i64 = 158;
        const ARCH_REQ_XCOMP_PERM: u64 = 0x1023;
        const XFEATURE_XTILEDATA: u64 = 18;
        let mut result = ARCH_PRCTL;
        // SAFETY: the call reads and writes no memory of ours.
        unsafe {
            asm!(
                "syscall",
                inlateout("rax") result,
                in("rdi") ARCH_REQ_XCOMP_PERM,
                in("rsi") XFEATURE_XTILEDATA,
                out("rcx") _,
                out("r11") _,
                options(nostack),
            );
        }
        result == 0
    }

    /// The shapes of the eight registers, as `ldtilecfg` reads them.
    #[repr(C, align(64))]
    struct Shapes {
        palette: u8,
        start_row: u8,
        reserved: [u8; 14],
        bytes: [u16; 16],
        rows: [u8; 16],
    }

    static SHAPES: Shapes = Shapes {
        palette: 1,
        start_row: 0,
        reserved: [0; 14],
        bytes: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
        rows: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
    };

    /// See [`super::super::multiply_tiles`], which has checked the sizes.
    pub fn multiply(
        output: &mut [f32],
        rows: &Rows<'_>,
        first: usize,
        columns: &Columns,
        add: bool,
    ) {
        assert!(
            output.len() >= rows.padded() * columns.padded(),
            "room for the product"
        );
        assert!(columns.chunks() > 0, "terms to sum");
        let width = columns.padded();
        // SAFETY: the registers are there and permitted, or nobody calls this.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const SHAPES, options(nostack, readonly)) };
        for strip in (0..rows.strips()).step_by(2) {
            for left in (0..columns.strips()).step_by(2) {
                let block = Block {
                    output: &raw mut output[strip * LANES * width + left * LANES],
                    width: width * size_of::<f32>(),
                    rows: [strip, strip + 1].map(|strip| rows.tile(strip, first)),
                    row_step: rows.row_step(),
                    chunk_step: rows.chunk_step(),
                    columns: columns.strip(left).as_ptr(),
                    chunks: columns.chunks(),
                };
                // SAFETY: both sides have these tiles and the output has room for their product.
                unsafe {
                    match left + 1 < columns.strips() {
                        true => block.two_by_two(columns.strip(left + 1).as_ptr(), add),
                        false => block.two_by_one(add),
                    }
                }
            }
        }
        // SAFETY: as above; gives the registers' state back.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }

    /// Two strips of rows and the columns that they meet; steps and widths in bytes.
    struct Block {
        output: *mut f32,
        width: usize,
        rows: [*const u8; 2],
        row_step: usize,
        chunk_step: usize,
        columns: *const Tile,
        chunks: usize,
    }

    impl Block {
        /// With the 16 columns at `right` beside them.
        ///
        /// # Safety
        /// All of it lies within the memory, and the registers have their shapes.
        unsafe fn two_by_two(self, right: *const Tile, add: bool) {
            // SAFETY: as the caller promises.
            unsafe {
                asm!(
                    "tilezero tmm0",
                    "tilezero tmm1",
                    "tilezero tmm2",
                    "tilezero tmm3",
                    "test {add:e}, {add:e}",
                    "jz 2f",
                    "tileloadd tmm0, [{upper} + {width}]",
                    "tileloadd tmm1, [{upper} + {width} + 64]",
                    "tileloadd tmm2, [{lower} + {width}]",
                    "tileloadd tmm3, [{lower} + {width} + 64]",
                    "2:",
                    "mov {add:e}, 64",
                    "3:",
                    "tileloadd tmm4, [{a} + {row_step}]",
                    "tileloadd tmm6, [{b} + {add}]",
                    "tdpbf16ps tmm0, tmm4, tmm6",
                    "tileloadd tmm7, [{c} + {add}]",
                    "tdpbf16ps tmm1, tmm4, tmm7",
                    "tileloadd tmm5, [{d} + {row_step}]",
                    "tdpbf16ps tmm2, tmm5, tmm6",
                    "tdpbf16ps tmm3, tmm5, tmm7",
                    "add {a}, {chunk_step}",
                    "add {d}, {chunk_step}",
                    "add {b}, 1024",
                    "add {c}, 1024",
                    "dec {chunks}",
                    "jnz 3b",
                    "tilestored [{upper} + {width}], tmm0",
                    "tilestored [{upper} + {width} + 64], tmm1",
                    "tilestored [{lower} + {width}], tmm2",
                    "tilestored [{lower} + {width} + 64], tmm3",
                    add = inout(reg) u64::from(add) => _,
                    a = inout(reg) self.rows[0] => _,
                    d = inout(reg) self.rows[1] => _,
                    b = inout(reg) self.columns => _,
                    c = inout(reg) right => _,
                    chunks = inout(reg) self.chunks => _,
                    row_step = in(reg) self.row_step,
                    chunk_step = in(reg) self.chunk_step,
                    upper = in(reg) self.output,
                    lower = in(reg) self.output.byte_add(LANES * self.width),
                    width = in(reg) self.width,
                    options(nostack),
                );
            }
        }

        /// # Safety
        /// As [`Block::two_by_two`].
        unsafe fn two_by_one(self, add: bool) {
            // SAFETY: as the caller promises.
            unsafe {
                asm!(
                    "tilezero tmm0",
                    "tilezero tmm2",
                    "test {add:e}, {add:e}",
                    "jz 2f",
                    "tileloadd tmm0, [{upper} + {width}]",
                    "tileloadd tmm2, [{lower} + {width}]",
                    "2:",
                    "mov {add:e}, 64",
                    "3:",
                    "tileloadd tmm6, [{b} + {add}]",
                    "tileloadd tmm4, [{a} + {row_step}]",
                    "tdpbf16ps tmm0, tmm4, tmm6",
                    "tileloadd tmm5, [{d} + {row_step}]",
                    "tdpbf16ps tmm2, tmm5, tmm6",
                    "add {a}, {chunk_step}",
                    "add {d}, {chunk_step}",
                    "add {b}, 1024",
                    "dec {chunks}",
                    "jnz 3b",
                    "tilestored [{upper} + {width}], tmm0",
                    "tilestored [{lower} + {width}], tmm2",
                    add = inout(reg) u64::from(add) => _,
                    a = inout(reg) self.rows[0] => _,
                    d = inout(reg) self.rows[1] => _,
                    b = inout(reg) self.columns => _,
                    chunks = inout(reg) self.chunks => _,
                    row_step = in(reg) self.row_step,
                    chunk_step = in(reg) self.chunk_step,
                    upper = in(reg) self.output,
                    lower = in(reg) self.output.byte_add(LANES * self.width),
                    width = in(reg) self.width,
                    options(nostack),
                );
            }
        }
    }
}
