// SPDX-License-Identifier: MIT

//! The declarations of libsealmem, and the numbers of its header. The crate `sealmem` has safe types over them;
//! `sealmem.h` and sealmem(3) say what each function does.
//!
//! The library is found by pkg-config, or in `SEALMEM_LIB_DIR`. `SEALMEM_STATIC=1` links it into the program.

#![no_std]
#![allow(non_camel_case_types, missing_docs)]

extern crate std;

include!("declarations.rs");

pub const SEALMEM_CONTENT: c_uint = 0x01;
pub const SEALMEM_ADDRESS: c_uint = 0x02;
pub const SEALMEM_SECRECY: c_uint = 0x04;
pub const SEALMEM_NOSWAP: c_uint = 0x08;
pub const SEALMEM_NODUMP: c_uint = 0x10;
pub const SEALMEM_NOFORK: c_uint = 0x20;
pub const SEALMEM_GUARDS: c_uint = 0x40;
pub const SEALMEM_GUARANTEES: c_uint = 0x7f;
pub const SEALMEM_IMAGE_DEEP: c_uint = 0x01;
pub const SEALMEM_IMAGE_VDSO: c_uint = 0x02;
pub const SEALMEM_IMAGE_TRY: c_uint = 0x04;
pub const SEALMEM_NAME_MAX: usize = 240;
pub const SEALMEM_LABEL_MAX: usize = 95;
pub const SEALMEM_EXTENTS_MAX: usize = 128;
#[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
pub const SEALMEM_PAGE_MAX: usize = 1 << 12;
#[cfg(not(any(target_arch = "x86_64", target_arch = "x86")))]
pub const SEALMEM_PAGE_MAX: usize = 1 << 16;
pub const SEALMEM_VERSION_MAJOR: usize = 0;
pub const SEALMEM_VERSION_MINOR: usize = 1;
pub const SEALMEM_VERSION_MICRO: usize = 0;
pub const SEALMEM_VERSION_NUMBER: usize =
    SEALMEM_VERSION_MAJOR * 10000 + SEALMEM_VERSION_MINOR * 100 + SEALMEM_VERSION_MICRO;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::ffi::CStr;
    use std::string::{String, ToString};

    fn listed() -> BTreeMap<String, usize> {
        let mut found = BTreeMap::new();
        // SAFETY: the table is static, and its last element has no name.
        unsafe {
            let mut one = sealmem_constants();
            while !(*one).name.is_null() {
                found.insert(CStr::from_ptr((*one).name).to_str().unwrap().to_string(), (*one).value as usize);
                one = one.add(1);
            }
        }
        found
    }

    macro_rules! numbers {
        ($($name:ident)*) => { BTreeMap::from([$((stringify!($name)["SEALMEM_".len()..].to_string(), $name as usize)),*]) };
    }

    #[test]
    fn the_numbers_are_those_of_the_library() {
        let ours = numbers!(
            SEALMEM_CONTENT SEALMEM_ADDRESS SEALMEM_SECRECY SEALMEM_NOSWAP SEALMEM_NODUMP SEALMEM_NOFORK
            SEALMEM_GUARDS SEALMEM_GUARANTEES SEALMEM_IMAGE_DEEP SEALMEM_IMAGE_VDSO SEALMEM_IMAGE_TRY
            SEALMEM_NAME_MAX SEALMEM_LABEL_MAX SEALMEM_EXTENTS_MAX SEALMEM_PAGE_MAX SEALMEM_VERSION_MAJOR
            SEALMEM_VERSION_MINOR SEALMEM_VERSION_MICRO SEALMEM_VERSION_NUMBER
        );
        assert_eq!(listed(), ours);
    }
}
