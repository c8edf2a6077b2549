//! The matrix registers of Intel's processors (Advanced Matrix Extensions): 16 rows of 64 bytes each.

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
pub use tiles::{Registers, is_available, multiply};

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
pub use elsewhere::{Registers, is_available, multiply};

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
mod elsewhere {
    use super::super::super::product::Output;
    use super::super::Block;

    pub struct Registers;

    impl Registers {
        pub fn shaped() -> Self {
            Registers
        }
    }

    pub fn is_available() -> bool {
        false
    }

    /// # Safety
    /// Nobody calls it.
    pub unsafe fn multiply(_: Output<'_>, _: &Block<'_>, _: bool) {
        unreachable!("only where it is available")
    }
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod tiles {
    use std::arch::asm;
    use std::arch::x86_64::{__cpuid, __cpuid_count};
    use std::sync::LazyLock;

    use super::super::super::product::Output;
    use super::super::Block;
    use super::super::pack::{LANES, Tile};

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

    /// The registers of this thread, in use.
    pub struct Registers;

    impl Registers {
        /// Gives them their shapes; nothing else may use them until this is dropped.
        pub fn shaped() -> Self {
            assert!(is_available(), "the processor has them");
            // SAFETY: they are there and permitted.
            unsafe {
                asm!("ldtilecfg [{}]", in(reg) &raw const SHAPES, options(nostack, readonly));
            }
            Registers
        }
    }

    impl Drop for Registers {
        fn drop(&mut self) {
            // SAFETY: they are there, or this value were not.
            unsafe { asm!("tilerelease", options(nostack, nomem)) };
        }
    }

    /// See [`super::super::Kernel::multiply_block`].
    ///
    /// # Safety
    /// As there.
    pub unsafe fn multiply(output: Output<'_>, block: &Block<'_>, add: bool) {
        let Block {
            rows,
            upper,
            first,
            columns,
            left,
        } = *block;
        let tiles = Tiles {
            output: output.pointer(),
            width: output.row_step() * size_of::<f32>(),
            rows: [upper, upper + 1].map(|strip| rows.tile(strip, first)),
            row_step: rows.row_step(),
            chunk_step: rows.chunk_step(),
            columns: columns.strip(left).as_ptr(),
            chunks: columns.chunks(),
        };
        assert!(tiles.chunks > 0, "terms to sum");
        // SAFETY: both sides have these tiles and the output has room for their product.
        unsafe {
            match block.has_right() {
                true => tiles.two_by_two(columns.strip(left + 1).as_ptr(), add),
                false => tiles.two_by_one(add),
            }
        }
    }

    /// Two strips of rows and the columns that they meet; steps and widths in bytes.
    struct Tiles {
        output: *mut f32,
        width: usize,
        rows: [*const u8; 2],
        row_step: usize,
        chunk_step: usize,
        columns: *const Tile,
        chunks: usize,
    }

    impl Tiles {
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
        /// As [`Tiles::two_by_two`].
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
