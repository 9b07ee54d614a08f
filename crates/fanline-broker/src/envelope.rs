//! The envelope codec.
