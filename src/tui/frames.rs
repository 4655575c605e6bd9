//! When to draw: only after something changed, and not too often.
//!
//! Frames are paid for with tokens that come back at twenty a second, up to four. What events change waits until three
//! are there; what a key changes takes the last one. So a flood of events gives twenty frames a second, and a key that
//! is pressed amid it is answered at once all the same.

use std::time::Duration;

use tokio::time::Instant;

/// The time in which a token comes back.
const REFILL: Duration = Duration::from_millis(50);
/// Most tokens.
const MOST: u32 = 4;
/// Tokens that must be there for a frame that nobody waits for.
const RESERVE: u32 = 3;

/// What a frame is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Nothing,
    Events,
    Key,
}

/// The account of frames.
#[derive(Debug)]
pub struct Frames {
    wanted: Wanted,
    tokens: u32,
    /// When `tokens` was right.
    counted: Instant,
}

impl Frames {
    /// A full account, and a first frame wanted.
    pub fn new(now: Instant) -> Self {
        Self { wanted: Wanted::Key, tokens: MOST, counted: now }
    }

    /// A frame is wanted; `urgent` where a person waits for it.
    pub fn want(&mut self, urgent: bool) {
        if urgent || self.wanted == Wanted::Key {
            self.wanted = Wanted::Key;
        } else {
            self.wanted = Wanted::Events;
        }
    }

    /// When the next frame is to be drawn; `None` while nothing changed.
    pub fn due(&self) -> Option<Instant> {
        let needed = match self.wanted {
            Wanted::Nothing => return None,
            Wanted::Events => RESERVE,
            Wanted::Key => 1,
        };
        Some(self.counted + REFILL * needed.saturating_sub(self.tokens))
    }

    /// A frame was drawn.
    pub fn drawn(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.counted);
        let back = u32::try_from(passed.as_millis() / REFILL.as_millis()).unwrap_or(u32::MAX);
        if self.tokens.saturating_add(back) >= MOST {
            self.tokens = MOST;
            self.counted = now;
        } else {
            self.tokens += back;
            self.counted += REFILL * back;
        }
        self.tokens = self.tokens.saturating_sub(1);
        self.wanted = Wanted::Nothing;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws whenever a frame is due while something asks for one each millisecond; gives the times, in ms.
    fn drawn(for_ms: u64, wants: impl Fn(u64) -> Option<bool>) -> Vec<u64> {
        let start = Instant::now();
        let mut frames = Frames::new(start);
        frames.drawn(start);
        let mut times = Vec::new();
        for ms in 0..for_ms {
            let now = start + Duration::from_millis(ms);
            if let Some(urgent) = wants(ms) {
                frames.want(urgent);
            }
            if frames.due().is_some_and(|at| at <= now) {
                frames.drawn(now);
                times.push(ms);
            }
        }
        times
    }

    #[test]
    fn nothing_is_drawn_while_nothing_is_wanted() {
        assert_eq!(drawn(1_000, |_| None), [0; 0]);
    }

    #[test]
    fn a_flood_of_events_gives_twenty_frames_a_second() {
        let times = drawn(1_000, |_| Some(false));
        assert!((19..=22).contains(&times.len()), "{times:?}");
    }

    #[test]
    fn a_key_amid_a_flood_is_drawn_at_once() {
        let times = drawn(1_000, |ms| Some(ms == 517));
        assert!(times.contains(&517), "{times:?}");
    }

    #[test]
    fn keys_that_never_stop_are_bounded_too() {
        let times = drawn(1_000, |_| Some(true));
        assert!((19..=25).contains(&times.len()), "{times:?}");
    }
}
