// SPDX-License-Identifier: MIT

//! Finds the library: in SEALMEM_LIB_DIR if that is set, otherwise as pkg-config says, otherwise where the linker looks.
//! With SEALMEM_STATIC=1 it is linked into the program.

use std::env;
use std::process::Command;

fn pkg_config(question: &str) -> String {
    let program = env::var("PKG_CONFIG").unwrap_or_else(|_| "pkg-config".into());

    match Command::new(program).args([question, "sealmem"]).output() {
        Ok(answer) if answer.status.success() => String::from_utf8_lossy(&answer.stdout).into_owned(),
        _ => String::new(),
    }
}

fn main() {
    for name in ["SEALMEM_LIB_DIR", "SEALMEM_STATIC", "PKG_CONFIG", "PKG_CONFIG_PATH"] {
        println!("cargo:rerun-if-env-changed={}", name);
    }
    println!("cargo:rerun-if-changed=build.rs");
    match env::var("SEALMEM_LIB_DIR") {
        Ok(place) => println!("cargo:rustc-link-search=native={}", place),
        Err(_) => {
            for place in pkg_config("--libs-only-L").split_whitespace().filter_map(|word| word.strip_prefix("-L")) {
                println!("cargo:rustc-link-search=native={}", place);
            }
        }
    }
    let kind = if env::var("SEALMEM_STATIC").as_deref() == Ok("1") { "static" } else { "dylib" };
    println!("cargo:rustc-link-lib={}=sealmem", kind);
}
