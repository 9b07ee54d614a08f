//! What a subscriber claims to have had: an unbroken stretch of numbers, across connections, servers and forks.
//!
//! A span begins where nothing was claimed before (`fresh`, `lost`) and goes on while it is told `kept` or `forked`.
//! Within it each number was received, or skipped by word.

use std::collections::BTreeMap;

use super::world::Stream;
use crate::log::{Continuity, Event, Place, Published, Verdict};

/// One unbroken claim.
#[derive(Debug)]
pub(super) struct Span<'a> {
    /// Before the first number that is claimed.
    pub(super) after: u64,
    /// The last one.
    pub(super) through: u64,
    /// The numberings in which the subscriber stood, in order; never empty.
    pub(super) standings: Vec<Standing<'a>>,
    /// What came at each number.
    pub(super) steps: BTreeMap<u64, Step<'a>>,
    /// Whether the claim holds to the end of the run.
    pub(super) is_open: bool,
}

/// A numbering in which a subscriber stood.
#[derive(Debug)]
pub(super) struct Standing<'a> {
    pub(super) epoch: &'a str,
    /// Where the subscriber was when it was told.
    pub(super) after: u64,
    /// If it was told of a fork: the last number that is still true.
    pub(super) forked_at: Option<u64>,
    pub(super) place: Place,
}

/// What came at a number.
#[derive(Debug)]
pub(super) enum Step<'a> {
    /// A message.
    Received(Place, &'a Published),
    /// The word that it was left out.
    Skipped,
}

/// The claims of a subscriber about one channel, in order.
pub(super) fn spans<'a>(stream: &Stream<'a>) -> Vec<Span<'a>> {
    let mut spans: Vec<Span<'a>> = Vec::new();
    for (place, event) in &stream.heard {
        match event {
            Event::Subscribed { verdict, .. } | Event::Continuity { verdict, .. } => {
                stand(&mut spans, verdict, place);
            }
            Event::Message {
                position: Some(position),
                message,
                ..
            } => {
                if let Some(span) = spans.last_mut() {
                    let step = Step::Received(place.clone(), message);
                    span.steps.entry(position.seq).or_insert(step);
                    span.through = span.through.max(position.seq);
                }
            }
            Event::Skipped { count, through, .. } => {
                if let Some(span) = spans.last_mut() {
                    let first = through.seq.saturating_sub(*count) + 1;
                    for seq in first..=through.seq {
                        span.steps.entry(seq).or_insert(Step::Skipped);
                    }
                    span.through = span.through.max(through.seq);
                }
            }
            _ => {}
        }
    }
    if let Some(last) = spans.last_mut() {
        last.is_open = stream.is_whole;
    }
    spans
}

fn stand<'a>(spans: &mut Vec<Span<'a>>, verdict: &'a Verdict, place: &Place) {
    let Some(from) = &verdict.from else { return };
    let forked_at = match &verdict.continuity {
        Continuity::Forked { forked_at } => forked_at.as_ref().map(|at| at.seq),
        _ => None,
    };
    let standing = Standing {
        epoch: &from.epoch,
        after: from.seq,
        forked_at,
        place: place.clone(),
    };
    let goes_on = matches!(
        verdict.continuity,
        Continuity::Kept | Continuity::Forked { .. }
    );
    match spans.last_mut().filter(|_| goes_on) {
        Some(span) => span.standings.push(standing),
        None => spans.push(Span {
            after: from.seq,
            through: from.seq,
            standings: vec![standing],
            steps: BTreeMap::new(),
            is_open: false,
        }),
    }
}

impl<'a> Span<'a> {
    /// In which numbering the subscriber stood when it passed this number: the standing's place in the list.
    pub(super) fn standing_at(&self, seq: u64) -> usize {
        let before = self
            .standings
            .iter()
            .rposition(|standing| standing.after < seq);
        before.unwrap_or_default()
    }

    /// The last numbering.
    pub(super) fn last_epoch(&self) -> Option<&'a str> {
        self.standings.last().map(|standing| standing.epoch)
    }
}
