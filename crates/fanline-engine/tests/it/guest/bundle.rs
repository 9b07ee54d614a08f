//! Another guest: several asks in one frame, for what a client says in one breath.

use std::sync::Arc;

use fanline_model::{Channel, CloseReason, Message};
use fanline_protocol::{
    CloseFrame, Command, Dialect, Event, Format, Frame, Liveness, Open, Protocol, Transport,
};
use fanline_testkit::engine_world::{Caller, World};
use fanline_testkit::stub_guest::{Ask, StubGuest};
use fanline_testkit::test_link::TestLink;

/// The stub guest, whose frames come in bundles.
struct Bundled(StubGuest);

struct BundledDialect(Box<dyn Dialect>);

/// A frame of several asks: each its length in four bytes, then itself.
pub(crate) fn frame(asks: &[Ask]) -> Frame {
    let mut bundle = Vec::new();
    for ask in asks {
        let frame = ask.frame();
        bundle.extend(u32::try_from(frame.bytes().len()).unwrap().to_be_bytes());
        bundle.extend(frame.bytes());
    }
    Frame::Binary(bundle.into())
}

/// Gives the caller a line to this guest in place of its lost one.
pub(crate) fn redial(world: &World, caller: &mut Caller) {
    let (link, wire) = TestLink::pair();
    let guest = Arc::new(Bundled(StubGuest::default()));
    let open = Open::bare(Transport::WebSocket, [127, 0, 0, 1].into());
    tokio::spawn(world.engine.serve(guest, &open, Box::new(link)));
    caller.wire = wire;
}

impl Protocol for Bundled {
    fn name(&self) -> &'static str {
        "bundled"
    }

    fn open(&self, open: &Open, commands: &mut Vec<Command>) -> Box<dyn Dialect> {
        Box::new(BundledDialect(self.0.open(open, commands)))
    }

    fn encode(&self, format: Format, channel: &Channel, message: &Message) -> Option<Frame> {
        self.0.encode(format, channel, message)
    }
}

impl Dialect for BundledDialect {
    fn liveness(&self) -> Liveness {
        self.0.liveness()
    }

    fn decode(&mut self, frame: Frame, commands: &mut Vec<Command>) {
        let mut rest = frame.bytes().clone();
        while rest.len() >= 4 {
            let length = rest
                .split_to(4)
                .iter()
                .fold(0, |n, byte| n << 8 | usize::from(*byte));
            let ask = rest.split_to(length);
            self.0.decode(Frame::Binary(ask), commands);
        }
    }

    fn encode(&mut self, event: Event, frames: &mut Vec<Frame>) {
        self.0.encode(event, frames);
    }

    fn close(&self, reason: CloseReason) -> CloseFrame {
        self.0.close(reason)
    }
}
