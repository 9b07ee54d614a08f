//! Who hears what: the one place that knows how channels, publishers and numberings relate.

/// The shape of a load.
#[derive(Clone, Debug)]
pub(crate) enum Audience {
    /// One channel that everyone hears; each publisher numbers its own messages, because the order
    /// between two publishers is the server's to choose.
    Everyone {
        channel: String,
        subscribers: usize,
        publishers: usize,
    },
    /// Channels with so many subscribers each, who hear no other, numbered by channel; always
    /// published to by one publisher, so that the numbers have an order.
    OwnChannels {
        prefix: String,
        channels: usize,
        listeners: usize,
        publishers: usize,
    },
    /// Connections that open without a channel.
    Nobody { connections: usize },
}

impl Audience {
    /// One channel that nobody publishes to.
    pub(crate) fn listeners_only(channel: &str, subscribers: usize) -> Self {
        Self::Everyone {
            channel: channel.to_owned(),
            subscribers,
            publishers: 0,
        }
    }

    pub(crate) fn subscribers(&self) -> usize {
        match self {
            Self::Everyone { subscribers, .. } => *subscribers,
            Self::OwnChannels {
                channels,
                listeners,
                ..
            } => channels * listeners,
            Self::Nobody { connections } => *connections,
        }
    }

    pub(crate) fn publishers(&self) -> usize {
        match self {
            Self::Everyone { publishers, .. } => *publishers,
            // A publisher without a channel would never be asked.
            Self::OwnChannels {
                publishers,
                channels,
                ..
            } => *publishers.min(channels),
            Self::Nobody { .. } => 0,
        }
    }

    /// How many numberings there are.
    pub(crate) fn streams(&self) -> usize {
        match self {
            Self::Everyone { publishers, .. } => *publishers,
            Self::OwnChannels { channels, .. } => *channels,
            Self::Nobody { .. } => 0,
        }
    }

    /// How many deliveries one publication makes.
    pub(crate) fn listeners(&self) -> u32 {
        let listeners = match self {
            Self::Everyone { subscribers, .. } => *subscribers,
            Self::OwnChannels { listeners, .. } => *listeners,
            Self::Nobody { .. } => 0,
        };
        u32::try_from(listeners).unwrap_or(u32::MAX)
    }

    /// How many pairs of a subscriber and a numbering it hears there are.
    pub(crate) fn pairs(&self) -> usize {
        match self {
            Self::Everyone {
                subscribers,
                publishers,
                ..
            } => subscribers * publishers,
            Self::OwnChannels { .. } => self.subscribers(),
            Self::Nobody { .. } => 0,
        }
    }

    /// The place of such a pair; nothing if the subscriber must never hear that numbering.
    pub(crate) fn pair(&self, subscriber: usize, stream: u32) -> Option<usize> {
        let stream = stream as usize;
        match self {
            Self::Everyone { publishers, .. } => {
                (stream < *publishers).then_some(subscriber * publishers + stream)
            }
            Self::OwnChannels { listeners, .. } => {
                (stream == subscriber / listeners).then_some(subscriber)
            }
            Self::Nobody { .. } => None,
        }
    }

    pub(crate) fn stream_of_pair(&self, pair: usize) -> usize {
        match self {
            Self::Everyone { publishers, .. } => pair % publishers,
            Self::OwnChannels { listeners, .. } => pair / listeners,
            Self::Nobody { .. } => 0,
        }
    }

    /// The numbering that a publisher's `turn`th message belongs to.
    pub(crate) fn stream(&self, publisher: usize, turn: usize) -> usize {
        match self {
            Self::Everyone { .. } | Self::Nobody { .. } => publisher,
            Self::OwnChannels { channels, .. } => {
                let publishers = self.publishers();
                let own = (*channels - publisher).div_ceil(publishers);
                publisher + (turn % own) * publishers
            }
        }
    }

    /// The channel of a numbering.
    pub(crate) fn channel_of_stream(&self, stream: usize) -> String {
        match self {
            Self::Everyone { channel, .. } => channel.clone(),
            Self::OwnChannels { prefix, .. } => format!("{prefix}-{stream}"),
            Self::Nobody { .. } => String::new(),
        }
    }

    /// The channel that a subscriber opens with.
    pub(crate) fn channel_of_subscriber(&self, subscriber: usize) -> Option<String> {
        match self {
            Self::Everyone { channel, .. } => Some(channel.clone()),
            Self::OwnChannels { listeners, .. } => {
                Some(self.channel_of_stream(subscriber / listeners))
            }
            Self::Nobody { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(channels: usize, publishers: usize) -> Audience {
        Audience::OwnChannels {
            prefix: "own".to_owned(),
            channels,
            listeners: 1,
            publishers,
        }
    }

    #[test]
    fn publishers_share_out_their_channels_and_reach_each_once_a_round() {
        for (channels, publishers) in [(7, 3), (8, 8), (2, 8), (1, 1)] {
            let audience = own(channels, publishers);
            let mut reached = vec![0; channels];
            for publisher in 0..audience.publishers() {
                let mut turn = 0;
                while turn == 0 || audience.stream(publisher, turn) != publisher {
                    reached[audience.stream(publisher, turn)] += 1;
                    turn += 1;
                }
            }
            assert_eq!(
                reached,
                vec![1; channels],
                "{channels} channels, {publishers} publishers"
            );
        }
    }

    #[test]
    fn a_subscriber_of_an_own_channel_may_hear_no_other() {
        assert_eq!(own(5, 2).pair(3, 3), Some(3));
        assert_eq!(own(5, 2).pair(3, 4), None);
    }

    #[test]
    fn every_listener_of_a_channel_has_a_place_of_its_own() {
        let audience = Audience::OwnChannels {
            prefix: "own".to_owned(),
            channels: 2,
            listeners: 3,
            publishers: 1,
        };
        let channels: Vec<_> = (0..audience.subscribers())
            .filter_map(|subscriber| audience.channel_of_subscriber(subscriber))
            .collect();
        assert_eq!(
            channels,
            ["own-0", "own-0", "own-0", "own-1", "own-1", "own-1"]
        );
        for pair in 0..audience.pairs() {
            let stream = audience.stream_of_pair(pair);
            assert_eq!(audience.pair(pair, stream as u32), Some(pair));
        }
        assert_eq!(audience.pair(2, 1), None, "the channel of others");
    }

    #[test]
    fn everyone_hears_every_publisher_in_a_place_of_its_own() {
        let audience = Audience::Everyone {
            channel: "c".to_owned(),
            subscribers: 3,
            publishers: 2,
        };
        let places: Vec<_> = (0..3)
            .flat_map(|subscriber| [0, 1].map(|stream| audience.pair(subscriber, stream)))
            .collect();
        assert_eq!(places, (0..audience.pairs()).map(Some).collect::<Vec<_>>());
        assert_eq!(audience.stream_of_pair(5), 1);
        assert_eq!(audience.pair(0, 2), None, "a numbering nobody uses");
    }
}
