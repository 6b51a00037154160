// SPDX-License-Identifier: MIT
// The Rust program. It has generics, closures, trait objects, and iterators that are inlined.
use std::collections::HashMap;

trait Shape {
    fn area(&self) -> u64;
}

struct Square(u64);
struct Rows<T>(Vec<T>);

impl Shape for Square {
    fn area(&self) -> u64 {
        self.0 * self.0
    }
}

impl<T: Copy + Into<u64>> Shape for Rows<T> {
    fn area(&self) -> u64 {
        self.0.iter().map(|row| (*row).into()).sum()
    }
}

#[inline(never)]
fn build(n: u64) -> Vec<Box<dyn Shape>> {
    let mut shapes: Vec<Box<dyn Shape>> = Vec::new();
    for i in 0..n {
        shapes.push(Box::new(Square(i)));
        shapes.push(Box::new(Rows((0..i as u32).collect())));
    }
    shapes
}

fn count(text: &str) -> HashMap<char, usize> {
    let mut counts = HashMap::new();
    text.chars().for_each(|c| *counts.entry(c).or_insert(0) += 1);
    counts
}

fn main() {
    let n = std::env::args().count() as u64 + 3;
    let total: u64 = build(n).iter().map(|shape| shape.area()).sum();
    let text = format!("{total} {:?}", count("hello").len());
    println!("{}", text);
}
