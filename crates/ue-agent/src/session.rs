//! When a command given on the command line is done, and whether it worked.

use crate::leave::Farewell;
use crate::report::{Report, SubscriptionState};

/// What the process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// Doing what standard input says.
    Run,
    /// Being registered.
    Register,
    /// Being registered, and staying so after the process has ended.
    RegisterForGood,
    /// Watching, until so many NOTIFYs have come.
    Watch(Option<u32>),
    /// One look.
    Fetch,
    /// Having presence published.
    Publish,
    /// Publishing once, and leaving it to expire.
    PublishOnce,
    /// One answer: to a text, or to OPTIONS.
    Answer,
}

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// What it was for is done.
    Done,
    /// It cannot be done.
    Failed,
}

/// The course of one process.
#[derive(Debug)]
pub struct Session {
    goal: Goal,
    /// Subscriptions that have not ended for good.
    open: usize,
    seen: u32,
    ending: Option<Ending>,
}

impl Session {
    /// The course of a process for this goal, with so many subscriptions.
    #[must_use]
    pub const fn new(goal: Goal, subscriptions: usize) -> Self {
        Self { goal, open: subscriptions, seen: 0, ending: None }
    }

    /// Whether it is for the command on the command line alone.
    #[must_use]
    pub fn is_for_one_command(&self) -> bool {
        self.goal != Goal::Run
    }

    /// How it ends, once that is known.
    #[must_use]
    pub const fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// What is taken back at the end.
    #[must_use]
    pub const fn farewell(&self) -> Farewell {
        match self.goal {
            Goal::RegisterForGood => Farewell::Nothing,
            Goal::PublishOnce => Farewell::ExceptPublication,
            Goal::Run | Goal::Register | Goal::Watch(_) | Goal::Fetch | Goal::Publish | Goal::Answer => {
                Farewell::Everything
            }
        }
    }

    /// Takes what happened.
    pub fn on_report(&mut self, report: &Report) {
        if self.goal == Goal::Run || self.ending.is_some() {
            return;
        }
        self.ending = match report {
            Report::RegisterFailed { retry_s: None, .. } => Some(Ending::Failed),
            Report::PublishFailed { .. } => Some(Ending::Failed),
            Report::Published { .. } if self.goal == Goal::PublishOnce => Some(Ending::Done),
            Report::Answered { status, .. } if self.goal == Goal::Answer => {
                let good = status.is_some_and(|status| (200..300).contains(&status));
                Some(if good { Ending::Done } else { Ending::Failed })
            }
            Report::Presence { .. } => self.on_presence(),
            Report::Subscription { state: SubscriptionState::Ended, retry_s: None, .. } => self.on_ended(),
            Report::Registered { .. }
            | Report::Deregistered { .. }
            | Report::Contact { .. }
            | Report::RegisterFailed { .. }
            | Report::Subscription { .. }
            | Report::Published { .. }
            | Report::Unpublished { .. }
            | Report::Message { .. }
            | Report::Answered { .. }
            | Report::Status(_)
            | Report::Error { .. } => None,
        };
    }

    fn on_presence(&mut self) -> Option<Ending> {
        self.seen += 1;
        let enough = matches!(self.goal, Goal::Watch(Some(count)) if self.seen >= count);
        enough.then_some(Ending::Done)
    }

    fn on_ended(&mut self) -> Option<Ending> {
        self.open = self.open.saturating_sub(1);
        if self.open > 0 {
            return None;
        }
        let looked = self.goal == Goal::Fetch && self.seen > 0;
        Some(if looked { Ending::Done } else { Ending::Failed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri() -> Box<str> {
        "sip:carol@home1.test".into()
    }

    fn ended(retry_s: Option<u64>) -> Report {
        let state = SubscriptionState::Ended;
        Report::Subscription { uri: uri(), state, reason: None, status: None, retry_s }
    }

    fn presence() -> Report {
        Report::Presence {
            uri: uri(),
            state: SubscriptionState::Active,
            expires_s: None,
            basic: Some("open"),
            note: None,
            activities: Vec::new(),
            document: None,
        }
    }

    fn refused(retry_s: Option<u64>) -> Report {
        Report::RegisterFailed { uri: uri(), status: Some(403), reason: "no".into(), retry_s }
    }

    fn answered(status: Option<u16>) -> Report {
        Report::Answered { method: "OPTIONS", uri: uri(), status, reason: "".into() }
    }

    #[test]
    fn when_a_command_is_done_and_whether_it_worked() {
        let published = Report::Published { uri: uri(), expires_s: 60 };
        let not_published = Report::PublishFailed { uri: uri(), status: 403, reason: "no".into() };
        let rows: Vec<(Goal, usize, Vec<Report>, Option<Ending>)> = vec![
            (Goal::Run, 0, vec![refused(None)], None),
            (Goal::Register, 0, vec![refused(Some(3))], None),
            (Goal::Register, 0, vec![refused(None)], Some(Ending::Failed)),
            (Goal::Watch(None), 1, vec![presence(), ended(Some(2))], None),
            (Goal::Watch(None), 2, vec![ended(None)], None),
            (Goal::Watch(None), 2, vec![ended(None), ended(None)], Some(Ending::Failed)),
            (Goal::Watch(Some(2)), 1, vec![presence()], None),
            (Goal::Watch(Some(2)), 1, vec![presence(), presence(), ended(None)], Some(Ending::Done)),
            (Goal::Fetch, 1, vec![presence()], None),
            (Goal::Fetch, 1, vec![presence(), ended(None)], Some(Ending::Done)),
            (Goal::Fetch, 1, vec![ended(None)], Some(Ending::Failed)),
            (Goal::Publish, 0, vec![published.clone()], None),
            (Goal::Publish, 0, vec![not_published.clone()], Some(Ending::Failed)),
            (Goal::PublishOnce, 0, vec![published], Some(Ending::Done)),
            (Goal::Answer, 0, vec![answered(Some(200))], Some(Ending::Done)),
            (Goal::Answer, 0, vec![answered(Some(404))], Some(Ending::Failed)),
            (Goal::Answer, 0, vec![answered(None)], Some(Ending::Failed)),
        ];
        for (goal, open, reports, ending) in rows {
            let mut session = Session::new(goal, open);
            reports.iter().for_each(|report| session.on_report(report));
            assert_eq!(session.ending(), ending, "{goal:?} {reports:?}");
        }
    }

    #[test]
    fn what_is_taken_back_at_the_end() {
        assert_eq!(Session::new(Goal::RegisterForGood, 0).farewell(), Farewell::Nothing);
        assert_eq!(Session::new(Goal::PublishOnce, 0).farewell(), Farewell::ExceptPublication);
        assert_eq!(Session::new(Goal::Run, 0).farewell(), Farewell::Everything);
    }
}
