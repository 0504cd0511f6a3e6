// SPDX-License-Identifier: MIT

//! A program that seals itself goes on: it loads, allocates, panics and starts threads.

use sealmem::{seal_image, supported, Guarantees, Image};

fn main() {
    assert_eq!(seal_image(Image::from_bits(0x80)).unwrap_err().errno(), 22);
    let report = match seal_image(Image::TRY | Image::VDSO) {
        Err(error) if error.errno() == 95 => return println!("# skip: {}", error),
        other => other.unwrap(),
    };
    println!("image: {:?}", report);
    assert!(report.objects > 1 && report.relro.size > 0);
    assert!(report.relro.guarantees.contains(Guarantees::CONTENT));
    assert!(!supported().contains(Guarantees::ADDRESS) || report.text.guarantees.contains(Guarantees::ADDRESS));
    std::panic::set_hook(Box::new(|_| ()));
    assert!(std::panic::catch_unwind(|| panic!("after the seal")).is_err());
    assert_eq!(std::thread::spawn(|| 1 + 1).join().unwrap(), 2);
}
