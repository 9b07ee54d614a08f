//! A socket for tests: what it gives is written down, what it is given is kept.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

/// Would block once all is read; takes at most `takes` bytes at a time, and none when that is 0.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) gives: VecDeque<Vec<u8>>,
    pub(crate) then_ends: bool,
    pub(crate) takes: usize,
    pub(crate) taken: Vec<u8>,
}

impl Script {
    pub(crate) fn giving(parts: &[&[u8]]) -> Self {
        let gives = parts.iter().map(|part| part.to_vec()).collect();
        Self {
            gives,
            then_ends: false,
            takes: usize::MAX,
            taken: Vec::new(),
        }
    }
}

impl Read for Script {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.gives.pop_front() {
            Some(mut bytes) => {
                let count = bytes.len().min(into.len());
                into[..count].copy_from_slice(&bytes[..count]);
                if count < bytes.len() {
                    self.gives.push_front(bytes.split_off(count));
                }
                Ok(count)
            }
            None if self.then_ends => Ok(0),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Write for Script {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.takes == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = bytes.len().min(self.takes);
        self.taken.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
