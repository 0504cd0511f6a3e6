// SPDX-License-Identifier: MIT

//! A policy that nobody changes after it was read, and a store that is refused.
//!
//!     cargo run --example policy

use sealmem::{Guarantees, Region};

fn main() -> Result<(), sealmem::Error> {
    let mut policy = Region::open("policy", 1 << 20, Guarantees::CONTENT)?;
    policy.put(b"allow 443")?;
    let mut policy = policy.seal()?;
    let refused = policy.try_write(0, b"deny").unwrap_err();

    println!("{}: errno {}", String::from_utf8_lossy(&policy), refused.errno());
    Ok(())
}
