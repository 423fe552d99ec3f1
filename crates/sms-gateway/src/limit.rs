//! How much one sender may write.

use crate::number::Msisdn;
use crate::settings::Rate;
use clock::Mono;
use std::collections::HashMap;

/// Senders that are counted at a time; with one more those who may write a whole burst again are forgotten, and where there is none,
/// nobody new is taken.
pub(crate) const MAX_SENDERS: usize = 100_000;

/// When each sender may write a whole burst again; who is not here may.
#[derive(Debug, Default)]
pub(crate) struct Limit(HashMap<Msisdn, Mono>);

impl Limit {
    /// Whether this sender may write now; then it is counted.
    pub(crate) fn admit(&mut self, now: Mono, sender: Msisdn, rate: Rate) -> bool {
        if !self.0.contains_key(&sender) && self.0.len() >= MAX_SENDERS {
            self.0.retain(|_, rested| *rested > now);
            if self.0.len() >= MAX_SENDERS {
                return false;
            }
        }
        let rested = self.0.get(&sender).copied().unwrap_or(now).max(now);
        let next = rested + rate.every;
        let is_within = next.saturating_since(now) <= rate.every.saturating_mul(rate.burst);
        if is_within {
            self.0.insert(sender, next);
        }
        is_within
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GatewaySettings, NumberForm};
    use std::time::Duration;

    #[test]
    fn gw_03_a_sender_has_a_burst_and_then_a_pace_of_its_own() {
        let settings = GatewaySettings::new("gateway1.home1.test");
        let number = |text: &str| Msisdn::read(text, NumberForm::International, &settings.numbers).unwrap();
        let rate = Rate { burst: 3, every: Duration::from_secs(10) };
        let at = |seconds| Mono::at(Duration::from_secs(seconds));
        let mut limit = Limit::default();
        let mut may = |seconds, sender: &str| limit.admit(at(seconds), number(sender), rate);
        assert_eq!([0; 4].map(|s| may(s, "+15550101")), [true, true, true, false]);
        assert!(may(0, "+15550102"), "somebody else");
        assert_eq!([9, 10, 10, 20].map(|s| may(s, "+15550101")), [false, true, false, true]);
        assert_eq!([100; 4].map(|s| may(s, "+15550101")), [true, true, true, false]);
    }
}
