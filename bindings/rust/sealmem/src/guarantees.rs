// SPDX-License-Identifier: MIT

//! Sets of bits: the guarantees, and what a seal of the image may be asked.

use std::ffi::CStr;
use std::fmt;
use std::ops::{BitOr, BitOrAssign};
use std::os::raw::c_uint;

use sealmem_sys as sys;

macro_rules! set {
    ($name:ident) => {
        impl $name {
            /// The bits, as `sealmem.h` has them.
            pub const fn bits(self) -> u32 {
                self.0
            }
            /// A set of bits. The library refuses those that it does not know (EINVAL).
            pub const fn from_bits(bits: u32) -> $name {
                $name(bits as c_uint)
            }
            /// Whether all bits of the other set are in this one.
            pub const fn contains(self, other: $name) -> bool {
                self.0 & other.0 == other.0
            }
        }

        impl BitOr for $name {
            type Output = $name;
            fn bitor(self, other: $name) -> $name {
                $name(self.0 | other.0)
            }
        }

        impl BitOrAssign for $name {
            fn bitor_assign(&mut self, other: $name) {
                self.0 |= other.0;
            }
        }
    };
}

/// A set of guarantees: what a caller demands, or what is in force. sealmem(7) describes each.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Guarantees(c_uint);

set!(Guarantees);

impl Guarantees {
    /// Nobody can change the bytes or the size.
    pub const CONTENT: Guarantees = Guarantees(sys::SEALMEM_CONTENT);
    /// The mapping stays where it is.
    pub const ADDRESS: Guarantees = Guarantees(sys::SEALMEM_ADDRESS);
    /// Only loads and stores of this process reach it.
    pub const SECRECY: Guarantees = Guarantees(sys::SEALMEM_SECRECY);
    /// It is never written to swap.
    pub const NOSWAP: Guarantees = Guarantees(sys::SEALMEM_NOSWAP);
    /// It is in no core dump.
    pub const NODUMP: Guarantees = Guarantees(sys::SEALMEM_NODUMP);
    /// A child does not inherit it.
    pub const NOFORK: Guarantees = Guarantees(sys::SEALMEM_NOFORK);
    /// It has an inaccessible page on either side.
    pub const GUARDS: Guarantees = Guarantees(sys::SEALMEM_GUARDS);
    /// All of them.
    pub const ALL: Guarantees = Guarantees(sys::SEALMEM_GUARANTEES);
    /// None, which a heap may have and a region may not.
    pub const NONE: Guarantees = Guarantees(0);

    /// The name of exactly one guarantee.
    pub fn name(self) -> Option<&'static str> {
        // SAFETY: any number may be asked about.
        let name = unsafe { sys::sealmem_guarantee_name(self.0) };
        if name.is_null() {
            return None;
        }
        // SAFETY: the string is static.
        unsafe { CStr::from_ptr(name) }.to_str().ok()
    }
}

/// The names, as in `CONTENT|ADDRESS`; bits without a name in hexadecimal.
impl fmt::Display for Guarantees {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = (0..c_uint::BITS).map(|bit| Guarantees(self.0 & 1 << bit)).filter(|one| one.0 != 0);
        let words: Vec<String> =
            bits.map(|one| one.name().map_or_else(|| format!("{:#x}", one.0), String::from)).collect();
        f.write_str(&words.join("|"))
    }
}

impl fmt::Debug for Guarantees {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guarantees({})", self)
    }
}

/// What [`seal_image`](crate::seal_image) may be asked in addition.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Image(c_uint);

set!(Image);

impl Image {
    /// Nothing in addition.
    pub const PLAIN: Image = Image(0);
    /// Replace code and constants as well.
    pub const DEEP: Image = Image(sys::SEALMEM_IMAGE_DEEP);
    /// Also seal the pages that the kernel maps into every process.
    pub const VDSO: Image = Image(sys::SEALMEM_IMAGE_VDSO);
    /// Where addresses cannot be sealed, give CONTENT all the same.
    pub const TRY: Image = Image(sys::SEALMEM_IMAGE_TRY);
}
