//! Bringing a figure of the contribution about.

use crate::agent::{Access, Agent, Event};
use crate::error::LabError;
use crate::lab::Lab;
use crate::rules::Rules;
use figure::{Arrow, Bracket, Difference, Figure, Ladder, Naming, Recording, Selection, compare};
use std::fmt;
use std::time::Duration;

/// The figures that a lab can bring about.
pub const PLAYED: [&str; 3] = ["figure-1", "figure-3", "denied-1"];

/// The P-CSCF of the UEs.
const PCSCF: &str = "pcscf1a";

/// Who `ue1` is.
const WATCHER: &str = "alice";
/// Whom that one watches.
const PRESENTITY: &str = "carol";

/// What came of a figure.
#[derive(Debug)]
pub struct Performance {
    /// Its name.
    pub figure: Box<str>,
    /// How the UEs were connected.
    pub access: Access,
    /// What crossed the sockets.
    pub arrows: Vec<Arrow>,
    /// Whether that is the figure.
    pub verdict: Result<(), Difference>,
}

/// The one thing that a figure is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    /// A SUBSCRIBE, and the NOTIFY that follows.
    Watch,
    /// A SUBSCRIBE that the presentity's rules refuse.
    WatchInVain,
    /// A PUBLISH.
    Publish,
}

impl Act {
    fn of(figure: &str) -> Option<Self> {
        match figure {
            "figure-1" => Some(Self::Watch),
            "denied-1" => Some(Self::WatchInVain),
            "figure-3" => Some(Self::Publish),
            _ => None,
        }
    }

    const fn method(self) -> &'static str {
        match self {
            Self::Watch | Self::WatchInVain => "SUBSCRIBE",
            Self::Publish => "PUBLISH",
        }
    }

    fn line(self, presentity: &str) -> String {
        match self {
            Self::Watch | Self::WatchInVain => format!("watch {presentity}"),
            Self::Publish => "publish open".to_owned(),
        }
    }

    /// Whether the agent says by this that it is done.
    fn is_done(self, event: &Event) -> bool {
        match self {
            Self::Watch => &*event.event == "presence",
            Self::WatchInVain => &*event.event == "subscription" && event.status == Some(403),
            Self::Publish => &*event.event == "published",
        }
    }
}

/// Brings a figure about in a network of home1.test that records and is otherwise unused, and compares.
///
/// The UEs register, and when the network is quiet, the one thing happens; when it is quiet again, everything that has
/// crossed the sockets in between is looked at.
///
/// # Errors
/// When the figure is not one of [`PLAYED`], or something did not happen that does not depend on arrows.
pub async fn play(lab: &Lab, figure: &str, access: Access) -> Result<Performance, LabError> {
    let unknown = || LabError::UnknownFigure(figure.into());
    let (act, expected) = Act::of(figure).zip(Figure::named(figure)).ok_or_else(unknown)?;
    let rules = match act {
        Act::WatchInVain => Some(Rules::deny(lab, presentity(lab)?).await?),
        Act::Watch | Act::Publish => None,
    };
    let mut agents = Vec::new();
    let result = perform(lab, (act, access), &mut agents).await;
    for agent in agents {
        agent.end().await;
    }
    if let Some(rules) = rules {
        rules.restore(lab).await?;
    }
    let arrows = result?;
    let verdict = compare(&expected, &arrows);
    Ok(Performance { figure: figure.into(), access, arrows, verdict })
}

async fn perform(
    lab: &Lab,
    (act, access): (Act, Access),
    agents: &mut Vec<Agent>,
) -> Result<Vec<Arrow>, LabError> {
    let presentity = presentity(lab)?;
    let users: &[&str] = match act {
        Act::Watch | Act::WatchInVain => &[WATCHER, PRESENTITY],
        Act::Publish => &[WATCHER],
    };
    for user in users {
        agents.push(Agent::start(lab, user, PCSCF, access)?);
    }
    for agent in agents.iter_mut() {
        agent.register().await?;
    }
    lab.tape().quiet().await?;
    let before = recording(lab, agents);
    let line = act.line(presentity);
    if let Some(watcher) = agents.first_mut() {
        watcher.say(&line).await?;
        watcher.until(&line, |event| act.is_done(event)).await?;
    }
    lab.tape().quiet().await?;
    Ok(arrows(act, &before, &recording(lab, agents)))
}

fn presentity(lab: &Lab) -> Result<&str, LabError> {
    let account = lab.accounts().iter().find(|account| &*account.user == PRESENTITY);
    account.map(|account| &*account.impu).ok_or_else(|| LabError::UnknownNode(PRESENTITY.into()))
}

fn recording(lab: &Lab, agents: &[Agent]) -> Recording {
    lab.tape().recording(&lab.names(agents.iter().map(Agent::place)))
}

/// What was sent after `before`, of the dialogs that began after it.
fn arrows(act: Act, before: &Recording, now: &Recording) -> Vec<Arrow> {
    let known = before.call_ids(act.method());
    let new = now.call_ids(act.method());
    let new: Vec<&str> = new.iter().filter(|id| !known.contains(id)).map(String::as_str).collect();
    let since = before.messages().last().map_or(Duration::ZERO, |last| last.at + Duration::from_nanos(1));
    now.arrows(&Selection::of(&new).since(since), &Naming::new().with(WATCHER, "ue1"))
}

impl Performance {
    /// The ladder, with the presence proxies of the contribution's figure 4 if they are wanted.
    #[must_use]
    pub fn ladder(&self, brackets: Vec<Bracket>) -> Ladder<'_> {
        brackets.into_iter().fold(Ladder::new(&self.arrows), Ladder::with)
    }

    /// The proxies of figure 4, where the figure passes both.
    #[must_use]
    pub fn proxies(&self) -> Vec<Bracket> {
        match Act::of(&self.figure) {
            Some(Act::Watch | Act::WatchInVain) => {
                vec![Bracket::watcher_proxy(1), Bracket::presentity_proxy(1)]
            }
            Some(Act::Publish) | None => Vec::new(),
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        })
    }
}
