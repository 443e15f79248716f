//! The portfolios that are measured.

use anyhow::{Context as _, Result};

use crate::prices::Prices;
use crate::random::Random;

/// What a position is in, which the standard model asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A perpetual at the price of its underlying.
    Perpetual,
    /// A token deposited as collateral.
    Spot,
    /// A perpetual whose price strays from its underlying's by a made-up basis.
    Strayed,
}

/// A position: a part of the book's gross, negative for a short.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// Number of the asset in the prices.
    pub asset: usize,
    /// What it is in.
    pub kind: Kind,
    /// Part of the gross, signed.
    pub part: f64,
}

/// A portfolio, opened anew every day with the same parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Book {
    /// What results are told of; books of one name are told of together.
    pub name: String,
    /// The positions.
    pub positions: Vec<Position>,
}

/// Random books that are told of together.
const RANDOM_BOOKS: usize = 12;
/// Most assets of a random book.
const RANDOM_ASSETS: usize = 6;

/// The standard portfolios, as far as the prices have the assets for them. `early` are the assets that have prices from
/// the start, of which the basket is made.
///
/// # Errors
/// None in practice.
pub fn standard(prices: &Prices, early: &[usize], seed: u64) -> Result<Vec<Book>> {
    let asset = |name: &str| prices.asset(name).ok();
    let mut books = Vec::new();
    for name in ["BTC", "ETH", "SOL", "DOGE", "MEME"] {
        if let Some(asset) = asset(name) {
            books.push(book(format!("long {name}"), &[(asset, 1.0)]));
        }
    }
    for name in ["BTC", "DOGE"] {
        if let Some(asset) = asset(name) {
            books.push(book(format!("short {name}"), &[(asset, -1.0)]));
        }
    }
    if early.len() > 1 {
        books.push(book(
            "basket, equal weights".to_owned(),
            &spread(early, 1.0),
        ));
    }
    if let (Some(btc), Some(eth)) = (asset("BTC"), asset("ETH")) {
        books.push(book(
            "long BTC, short ETH".to_owned(),
            &[(btc, 0.5), (eth, -0.5)],
        ));
    }
    if let (Some(btc), Some(eth)) = (asset("BTC"), asset("ETH")) {
        let mut hedged = book(
            "BTC token, short ETH".to_owned(),
            &[(btc, 0.5), (eth, -0.5)],
        );
        if let Some(token) = hedged.positions.first_mut() {
            token.kind = Kind::Spot;
        }
        books.push(hedged);
    }
    for name in ["ETH", "SOL"] {
        let Some(asset) = asset(name) else { continue };
        let others: Vec<usize> = early
            .iter()
            .copied()
            .filter(|other| *other != asset)
            .collect();
        if !others.is_empty() {
            let mut parts = spread(&others, -0.5);
            parts.push((asset, 0.5));
            books.push(book(format!("{name} against the basket"), &parts));
        }
    }
    books.extend(random(prices.series.len(), seed));
    for name in ["BTC", "SOL"] {
        if let Some(asset) = asset(name) {
            books.push(carry(name, asset));
        }
    }
    books.iter().try_for_each(check)?;
    Ok(books)
}

fn check(book: &Book) -> Result<()> {
    let gross: f64 = book
        .positions
        .iter()
        .map(|position| position.part.abs())
        .sum();
    ((gross - 1.0).abs() < 1e-9)
        .then_some(())
        .with_context(|| format!("the parts of {} do not add up to one", book.name))
}

fn book(name: String, parts: &[(usize, f64)]) -> Book {
    let position = |&(asset, part): &(usize, f64)| Position {
        asset,
        kind: Kind::Perpetual,
        part,
    };
    Book {
        name,
        positions: parts.iter().map(position).collect(),
    }
}

fn spread(assets: &[usize], whole: f64) -> Vec<(usize, f64)> {
    let part = whole / assets.len() as f64;
    assets.iter().map(|asset| (*asset, part)).collect()
}

/// Long the token, short its perpetual.
fn carry(name: &str, asset: usize) -> Book {
    let position = |kind, part| Position { asset, kind, part };
    Book {
        name: format!("{name} cash and carry"),
        positions: vec![position(Kind::Spot, 0.5), position(Kind::Strayed, -0.5)],
    }
}

/// Up to six assets each, drawn without repetition, with even parts from a quarter to one before scaling, either sign.
fn random(assets: usize, seed: u64) -> Vec<Book> {
    let mut random = Random::new(seed);
    let one = |_| {
        let mut left: Vec<usize> = (0..assets).collect();
        let mut parts = Vec::new();
        while !left.is_empty() && parts.len() < RANDOM_ASSETS {
            let asset = left.swap_remove(random.below(left.len()));
            let size = 0.25 + 0.75 * random.unit();
            let sign = if random.bits().is_multiple_of(2) {
                1.0
            } else {
                -1.0
            };
            parts.push((asset, sign * size));
        }
        let gross: f64 = parts.iter().map(|(_, part)| part.abs()).sum();
        for (_, part) in &mut parts {
            *part /= gross;
        }
        book(format!("random long-short, {RANDOM_BOOKS} books"), &parts)
    };
    (0..RANDOM_BOOKS).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::{self, Weather};

    #[test]
    fn books_repeat_and_their_parts_add_up() {
        let prices = Prices::read(synthetic::csv(5, 1, Weather::Even).as_bytes()).unwrap();
        let early: Vec<usize> = (0..5).collect();
        let books = standard(&prices, &early, 1).unwrap();
        assert_eq!(books, standard(&prices, &early, 1).unwrap());
        assert_ne!(books, standard(&prices, &early, 2).unwrap());
        let random = books
            .iter()
            .filter(|book| book.name.starts_with("random"))
            .count();
        assert_eq!(random, RANDOM_BOOKS);
        let net = |name: &str| -> f64 {
            let book = books.iter().find(|book| book.name == name).unwrap();
            book.positions.iter().map(|position| position.part).sum()
        };
        assert!(
            net("SOL against the basket").abs() < 1e-12 && net("BTC cash and carry").abs() < 1e-12
        );
        assert!((net("basket, equal weights") - 1.0).abs() < 1e-12);
    }
}
