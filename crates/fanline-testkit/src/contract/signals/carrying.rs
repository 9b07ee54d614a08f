//! Signals reach every handler of every node, this one included.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fanline_broker::{Signal, SignalHandler, Signals};
use fanline_model::{AppId, SystemRandom};
use tokio::sync::Notify;

use super::harness::SignalsHarness;

/// Remembers what it heard.
#[derive(Default)]
struct Listener {
    heard: Mutex<Vec<Signal>>,
    news: Notify,
}

impl SignalHandler for Listener {
    fn signal(&self, signal: &Signal) {
        self.heard.lock().unwrap().push(signal.clone());
        self.news.notify_waiters();
    }
}

impl Listener {
    fn at(signals: &Arc<dyn Signals>) -> Arc<Self> {
        let listener = Arc::new(Self::default());
        signals.listen(Arc::clone(&listener) as _);
        listener
    }

    async fn hears(&self, expected: &[Signal]) {
        let wait = async {
            loop {
                let news = self.news.notified();
                let heard = self.heard.lock().unwrap().clone();
                if heard.len() >= expected.len() {
                    assert_eq!(heard, expected);
                    return;
                }
                news.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), wait)
            .await
            .expect("the signal was not heard");
    }
}

fn changed(revision: u64) -> Signal {
    Signal::AppChanged {
        app: AppId::generate(&SystemRandom),
        revision,
    }
}

/// This node included.
pub async fn whoever_sends_hears_it_too(harness: &dyn SignalsHarness) {
    let signals = harness.start().await;
    let listener = Listener::at(&signals);
    let signal = changed(7);
    signals.send(signal.clone()).await.unwrap();
    listener.hears(&[signal]).await;
}

/// Handlers hear signals from now on.
pub async fn every_handler_hears_every_signal_after_it_began_to_listen(
    harness: &dyn SignalsHarness,
) {
    let signals = harness.start().await;
    let early = Listener::at(&signals);
    let (first, second) = (changed(1), changed(2));
    signals.send(first.clone()).await.unwrap();
    early.hears(std::slice::from_ref(&first)).await;
    let late = Listener::at(&signals);
    signals.send(second.clone()).await.unwrap();
    late.hears(std::slice::from_ref(&second)).await;
    early.hears(&[first, second]).await;
}

/// Best effort: sending is no error where nobody listens.
pub async fn a_signal_that_nobody_hears_is_sent_all_the_same(harness: &dyn SignalsHarness) {
    harness.start().await.send(changed(1)).await.unwrap();
}

/// Safe to repeat: nothing is swallowed that looks the same.
pub async fn a_signal_may_be_sent_again(harness: &dyn SignalsHarness) {
    let signals = harness.start().await;
    let listener = Listener::at(&signals);
    let signal = changed(1);
    signals.send(signal.clone()).await.unwrap();
    signals.send(signal.clone()).await.unwrap();
    listener.hears(&[signal.clone(), signal]).await;
}

/// A handler is called outside every lock of the port.
pub async fn a_handler_may_listen_and_send_itself(harness: &dyn SignalsHarness) {
    struct Recruiter(Arc<dyn Signals>, Arc<Listener>);
    impl SignalHandler for Recruiter {
        fn signal(&self, _: &Signal) {
            self.0.listen(Arc::clone(&self.1) as _);
        }
    }
    let signals = harness.start().await;
    let recruit = Arc::new(Listener::default());
    signals.listen(Arc::new(Recruiter(
        Arc::clone(&signals),
        Arc::clone(&recruit),
    )));
    let recruiting = Listener::at(&signals);
    let (first, second) = (changed(1), changed(2));
    signals.send(first.clone()).await.unwrap();
    recruiting.hears(std::slice::from_ref(&first)).await;
    signals.send(second.clone()).await.unwrap();
    recruit.hears(std::slice::from_ref(&second)).await;
}
