//! How `assets/words.toml` is learned from a collection of error texts whose causes are known.
//!
//! A multinomial logistic regression over the different words of a text: stochastic gradient descent on the logarithmic
//! loss, small weights preferred. What a word says little about is left out. The texts themselves do not get into the
//! project: only words that stand in several of them, with their weights.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// A text: its words, and its cause.
pub struct Sample {
    pub words: BTreeSet<String>,
    pub cause: String,
}

/// A word must stand in so many texts.
const TEXTS: usize = 4;

/// How much a text counts beside the wish for small weights.
const TRUST: f64 = 10.0;

const ROUNDS: usize = 40;

/// Weights smaller than this say nothing.
const LEAST: f64 = 1.0;

/// A word that says nothing of mail: a letter, a name that stands for another, what is no word of any language (a name or
/// a password in base64, the id of a message).
fn is_private(word: &str) -> bool {
    let plain = ["smtp", "ssl", "tls", "http", "php", "xx"]
        .iter()
        .fold(word.to_owned(), |word, known| word.replace(known, "."));
    let consonants = plain.split(|c: char| !c.is_ascii_alphabetic() || "aeiouy".contains(c));
    word.len() < 2 && word != "@"
        || word.bytes().all(|byte| byte == b'x')
        || ["exampl", "exmaple", "exmple", "usernamehere"].iter().any(|part| word.contains(part))
        || consonants.into_iter().any(|run| run.len() >= 6)
}

/// Learns, and gives the file.
pub fn learn(samples: &[Sample], head: &str) -> String {
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for word in samples.iter().flat_map(|sample| &sample.words).filter(|word| !is_private(word)) {
        *count.entry(word).or_default() += 1;
    }
    let words: Vec<&str> =
        count.iter().filter(|(_, count)| **count >= TEXTS).map(|(word, _)| *word).collect();
    let place: BTreeMap<&str, usize> = words.iter().enumerate().map(|(at, word)| (*word, at)).collect();
    let causes: BTreeSet<&str> = samples.iter().map(|sample| sample.cause.as_str()).collect();
    let causes: Vec<&str> = causes.into_iter().collect();
    let data: Vec<(Vec<usize>, usize)> = samples
        .iter()
        .map(|sample| {
            let words = sample.words.iter().filter_map(|word| place.get(word.as_str()).copied()).collect();
            (words, causes.iter().position(|cause| *cause == sample.cause).unwrap())
        })
        .collect();
    let (weights, bias) = descend(&data, words.len(), causes.len());

    let tenths = |weight: f64| (weight * 10.0).round() as i32;
    let mut file = head.to_owned();
    file.push_str("[usual]\n");
    for (cause, bias) in causes.iter().zip(&bias) {
        writeln!(file, "{cause} = {}", tenths(*bias)).unwrap();
    }
    file.push_str("\n[words]\n");
    for (word, weights) in words.iter().zip(weights.chunks(causes.len())) {
        let mut said: Vec<(i32, &str)> = weights
            .iter()
            .zip(&causes)
            .filter(|(weight, _)| weight.abs() >= LEAST)
            .map(|(weight, cause)| (tenths(*weight), *cause))
            .collect();
        said.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
        if !said.is_empty() {
            let said: Vec<String> = said.iter().map(|(weight, cause)| format!("{cause} {weight}")).collect();
            writeln!(file, "{word:?} = \"{}\"", said.join(", ")).unwrap();
        }
    }
    file
}

/// Weights by word and cause, and the bias of each cause.
fn descend(data: &[(Vec<usize>, usize)], words: usize, causes: usize) -> (Vec<f64>, Vec<f64>) {
    let decay = 1.0 / (TRUST * data.len() as f64);
    // The weights are `scale` times these, so that decay is one product.
    let (mut weights, mut scale, mut bias) = (vec![0.0; words * causes], 1.0_f64, vec![0.0; causes]);
    let (mut mean, mut mean_bias, mut means) = (vec![0.0; words * causes], vec![0.0; causes], 0.0);
    let mut order: Vec<usize> = (0..data.len()).collect();
    let mut chance = 0x9e37_79b9_7f4a_7c15_u64;
    let mut steps = 0.0;
    for round in 0..ROUNDS {
        for at in (1..order.len()).rev() {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            order.swap(at, ((chance >> 33) % (at as u64 + 1)) as usize);
        }
        for &at in &order {
            let (known, cause) = &data[at];
            let rate = 4.0 / (1.0 + 4.0 * decay * steps);
            steps += 1.0;
            let value = 1.0 / (known.len().max(1) as f64).sqrt();
            let mut sums = bias.clone();
            for word in known {
                for (sum, weight) in sums.iter_mut().zip(&weights[word * causes..(word + 1) * causes]) {
                    *sum += weight * scale * value;
                }
            }
            let most = sums.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            sums.iter_mut().for_each(|sum| *sum = (*sum - most).exp());
            let all: f64 = sums.iter().sum();
            scale *= 1.0 - rate * decay;
            let steps: Vec<f64> = sums
                .iter()
                .enumerate()
                .map(|(one, power)| rate * (f64::from(u8::from(one == *cause)) - power / all))
                .collect();
            for word in known {
                for (weight, step) in weights[word * causes..(word + 1) * causes].iter_mut().zip(&steps) {
                    *weight += step * value / scale;
                }
            }
            // What is usual is learned slowly: it is in every text.
            bias.iter_mut().zip(&steps).for_each(|(bias, step)| *bias += 0.02 * step);
        }
        if round * 2 >= ROUNDS {
            mean.iter_mut().zip(&weights).for_each(|(mean, weight)| *mean += weight * scale);
            mean_bias.iter_mut().zip(&bias).for_each(|(mean, bias)| *mean += bias);
            means += 1.0;
        }
    }
    mean.iter_mut().chain(&mut mean_bias).for_each(|weight| *weight /= means);
    (mean, mean_bias)
}
