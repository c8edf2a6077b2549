//! How freed memory is kept: training frees and takes the same large blocks over and over.

#![expect(unsafe_code, reason = "an option of the allocator's C interface")]

/// Never gives freed pages back to the system while the program runs; giving them back costs a third
/// of a training step. Call it first thing, before there is a second thread.
pub fn keep_freed_pages() {
    /// `mi_option_purge_delay` in mimalloc's list of options, which its bindings leave out.
    const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;
    const NEVER: std::ffi::c_long = -1;
    // SAFETY: sets a number in mimalloc's table of options.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, NEVER) };
}
