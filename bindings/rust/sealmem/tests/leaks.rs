// SPDX-License-Identifier: MIT

//! 100,000 regions leave no descriptor, no mapping and no memory. SEALMEM_TEST_SCALE is the percentage of them.

use std::fs;

use sealmem::{Guarantees, Heap, Region};

/// Descriptors, mappings, and kilobytes.
fn held() -> (usize, usize, usize) {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    let kilobytes = resident.trim().trim_end_matches(" kB").parse().unwrap();
    let mappings =
        fs::read_to_string("/proc/self/maps").unwrap().lines().filter(|line| line.contains("sealmem")).count();
    (fs::read_dir("/proc/self/fd").unwrap().count(), mappings, kilobytes)
}

fn make(count: usize) {
    for number in 0..count {
        if number % 2 == 0 {
            let region = Region::from_bytes("many", &[7; 100], Guarantees::CONTENT).unwrap();
            assert_eq!(region[99], 7);
        } else {
            let mut region = Region::open("many", 100, Guarantees::CONTENT).unwrap();
            region[99] = 7;
            assert_eq!(region.seal().unwrap()[99], 7);
        }
    }
}

fn fail(count: usize) {
    for _ in 0..count {
        assert!(Region::open("x", 0, Guarantees::CONTENT).is_err());
        let heap = Heap::new("x", 1 << 16, Guarantees::NONE).unwrap();
        assert!(heap.boxed([0u8; 100_000]).is_err());
    }
}

fn main() {
    let scale: usize = std::env::var("SEALMEM_TEST_SCALE").map_or(100, |text| text.parse().unwrap());
    make(1000);
    fail(100);
    let before = held();
    make(100_000 * scale / 100);
    fail(2000 * scale / 100);
    let after = held();
    assert_eq!((before.0, before.1), (after.0, after.1));
    assert!(after.2 < before.2 + 1024, "{} KiB more", after.2 - before.2);
    println!("leaks: {} regions, {:?} before, {:?} after", 100_000 * scale / 100, before, after);
}
