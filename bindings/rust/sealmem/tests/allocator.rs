// SPDX-License-Identifier: MIT

//! A program whose every allocation lies in a heap.

use std::collections::BTreeMap;
use std::thread;

use sealmem::{GlobalHeap, Guarantees};

#[global_allocator]
static HEAP: GlobalHeap = GlobalHeap::new(256 << 20, Guarantees::NODUMP);

#[repr(align(128))]
#[derive(Clone, Copy)]
struct Wide([u8; 200]);

fn work(seed: usize) -> usize {
    let mut map = BTreeMap::new();
    let mut texts = vec![];
    for round in 0..2000 {
        map.insert((round * 7919 + seed) % 2003, round.to_string());
        texts.push("x".repeat(round % 300));
    }
    let wides: Vec<_> = (0..50).map(|round| Wide([round; 200])).collect();
    assert!(wides.iter().all(|one| one as *const _ as usize % 128 == 0));
    assert!(wides.iter().enumerate().all(|(at, one)| one.0 == [at as u8; 200]));
    let zeroes = vec![0u8; 100_000];
    assert!(zeroes.iter().all(|byte| *byte == 0));
    map.len() + texts.iter().map(String::len).sum::<usize>()
}

fn main() {
    let threads: Vec<_> = (0..4).map(|seed| thread::spawn(move || work(seed))).collect();
    let found: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert!(found.iter().all(|one| *one == found[0]));
    let mut big: Vec<u8> = vec![];
    assert!(big.try_reserve(1 << 30).is_err());
    let heap = HEAP.get().unwrap();
    assert!(heap.guarantees().contains(Guarantees::NODUMP));
    heap.check().unwrap();
    println!("allocator: {} in each thread", found[0]);
}
