//! The suite of the [`Signals`](fanline_broker::Signals) port.

pub mod carrying;
mod harness;

pub use harness::SignalsHarness;

/// Tests of the signals port: the argument is a
/// [`SignalsHarness`].
#[macro_export]
macro_rules! signals_contract {
    ($harness:expr) => {
        $crate::contract_tests! { $harness;
            signals::carrying [
                whoever_sends_hears_it_too
                every_handler_hears_every_signal_after_it_began_to_listen
                a_signal_that_nobody_hears_is_sent_all_the_same
                a_signal_may_be_sent_again
                a_handler_may_listen_and_send_itself
            ]
        }
    };
}
