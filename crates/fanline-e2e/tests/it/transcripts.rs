//! The transcripts under `fixtures/protocol/native/` hold on the real server.
