//! The boundary between the verifier and JavaScript: two buffers in, one out, as plain WebAssembly exports that need no
//! generated glue. What crosses it is bytes; what is decided lies in `work`, which knows nothing of this boundary.
//!
//! A host asks for room with [`input`], writes there, calls [`run`], and reads as many bytes from [`output`] as it says.

mod entries;
mod work;

use std::cell::RefCell;

thread_local! {
    /// What was put in: the file or entries first, then the request, a JSON object.
    static INPUTS: RefCell<[Vec<u8>; 2]> = const { RefCell::new([Vec::new(), Vec::new()]) };
    static OUTPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

#[cfg(target_arch = "wasm32")]
#[link(wasm_import_module = "host")]
#[allow(unsafe_code, reason = "declares what the host provides; it takes two numbers and touches no memory")]
unsafe extern "C" {
    /// Hears how many entries are done, of how many.
    safe fn progress(done: f64, of: f64);
}

#[cfg(not(target_arch = "wasm32"))]
fn progress(_done: f64, _of: f64) {}

/// Room for `length` bytes of input: 0 for the file, 1 for the request. Null for any other.
#[allow(unsafe_code, reason = "the attribute alone: the name must reach JavaScript as it is, and nothing else has it")]
#[unsafe(no_mangle)]
pub extern "C" fn input(which: usize, length: usize) -> *mut u8 {
    INPUTS.with_borrow_mut(|inputs| {
        inputs.get_mut(which).map_or(std::ptr::null_mut(), |buffer| {
            *buffer = vec![0; length];
            buffer.as_mut_ptr()
        })
    })
}

/// Does what the request asks for; the length of the output. The inputs are used up.
#[allow(unsafe_code, reason = "the attribute alone: the name must reach JavaScript as it is, and nothing else has it")]
#[unsafe(no_mangle)]
pub extern "C" fn run() -> usize {
    let [file, request] = INPUTS.take();
    let answer = work::answer(&request, file, |done, of| progress(as_number(done), as_number(of)));
    let length = answer.len();
    OUTPUT.set(answer);
    length
}

/// Where the output lies, until the next [`run`].
#[allow(unsafe_code, reason = "the attribute alone: the name must reach JavaScript as it is, and nothing else has it")]
#[unsafe(no_mangle)]
pub extern "C" fn output() -> *const u8 {
    OUTPUT.with_borrow(Vec::as_ptr)
}

/// Progress for the eye: exact up to 2^53 entries.
#[allow(clippy::cast_precision_loss, reason = "shown, not computed with")]
fn as_number(count: u64) -> f64 {
    count as f64
}
