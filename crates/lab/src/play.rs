//! Bringing a figure of the contribution about.

use crate::account::Account;
use crate::agent::{Access, Agent};
use crate::error::LabError;
use crate::lab::Lab;
use crate::rules::Rules;
use crate::script::{Act, Moved, Script, WATCHER};
use crate::smsc::NotSent;
use figure::{Arrow, Bracket, Difference, Figure, Ladder, Naming, Recording, Selection, compare};
use ims_runtime::ctl::CtlAnswer;
use std::fmt;
use std::time::Duration;
use tokio::time::timeout;

/// How long a watcher who has moved leaves its old subscription alone, in seconds: longer than any figure takes, so
/// that the update comes before it has subscribed again.
const PATIENT: &str = "3600";

/// The number of frank, whose phone has no SIP.
const PHONE_OF_FRANK: &str = "+15550106";
/// How long the answer to a short message may take.
const ANSWERED: Duration = Duration::from_secs(20);

/// How a figure is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Staging {
    /// How the UEs are connected.
    pub access: Access,
    /// Where the watcher of figures 6 and 7 has moved before.
    pub moved: Moved,
}

/// What came of a figure.
#[derive(Debug)]
pub struct Performance {
    /// Its name.
    pub figure: Box<str>,
    /// How it was played.
    pub staging: Staging,
    /// What crossed the sockets.
    pub arrows: Vec<Arrow>,
    /// Whether that is the figure.
    pub verdict: Result<(), Difference>,
    /// Nodes that the watcher has moved to and that nothing passed; a figure names roles only.
    pub missed: Vec<&'static str>,
}

/// Brings a figure about in a network that records, is otherwise unused and has the figure's configuration, and compares.
///
/// The UEs register, and when the network is quiet, the one thing happens; when it is quiet again, everything that has
/// crossed the sockets in between is looked at.
///
/// # Errors
/// When the figure is not one of [`crate::PLAYED`], the network has not its domains, or something did not happen that
/// does not depend on arrows.
pub async fn play(lab: &Lab, figure: &str, staging: Staging) -> Result<Performance, LabError> {
    let unknown = || LabError::UnknownFigure(figure.into());
    let (script, expected) = Script::of(figure).zip(Figure::named(figure)).ok_or_else(unknown)?;
    let presentity = script.presentity.map(|user| account(lab, user)).transpose()?;
    let rules = match (script.act, presentity) {
        (Act::WatchInVain, Some(presentity)) => Some(Rules::deny(lab, &presentity.impu).await?),
        (Act::WatchInVain | Act::Watch | Act::Publish | Act::Update | Act::Message, _) => None,
    };
    let mut stage = Stage { lab, staging, act: script.act, agents: Vec::new() };
    let result = stage.perform(presentity).await;
    for agent in stage.agents {
        agent.end().await;
    }
    // What they leave behind is no part of the next figure.
    lab.tape().quiet().await?;
    if let Some(rules) = rules {
        rules.restore(lab).await?;
    }
    let Crossed { arrows, missed } = result?;
    let verdict = compare(&expected, &arrows);
    Ok(Performance { figure: figure.into(), staging, arrows, verdict, missed })
}

fn account<'a>(lab: &'a Lab, user: &str) -> Result<&'a Account, LabError> {
    let found = lab.accounts().iter().find(|account| *account.user == *user);
    found.ok_or_else(|| LabError::UnknownNode(user.into()))
}

/// What crossed the sockets while a figure was played.
struct Crossed {
    arrows: Vec<Arrow>,
    /// The nodes that nothing passed.
    missed: Vec<&'static str>,
}

/// The UEs of a figure, the watcher first.
struct Stage<'a> {
    lab: &'a Lab,
    staging: Staging,
    act: Act,
    agents: Vec<Agent>,
}

impl Stage<'_> {
    async fn perform(&mut self, presentity: Option<&Account>) -> Result<Crossed, LabError> {
        let watcher = if self.act == Act::Message { None } else { Some(account(self.lab, WATCHER)?) };
        for account in [watcher, presentity].into_iter().flatten() {
            let pcscf = self.lab.pcscf_of(&account.domain)?;
            let (user, access) = (&account.user, self.staging.access);
            let agent = Agent::start_with(self.lab, user, pcscf, access, &["--resubscribe-after", PATIENT])?;
            self.agents.push(agent);
        }
        for agent in &mut self.agents {
            agent.register().await?;
        }
        let watched = presentity.map_or("", |account| &account.impu);
        match self.act {
            Act::Update => self.watch_and_move(watched).await?,
            // The first time the presence server asks the HSS in turn who may publish for the user, which the figure does not draw.
            Act::Message => self.write().await?,
            Act::Watch | Act::WatchInVain | Act::Publish => {}
        }
        self.lab.tape().quiet().await?;
        let before = self.recording();
        self.act(watched).await?;
        self.lab.tape().quiet().await?;
        let now = self.recording();
        let since = before.messages().last().map_or(Duration::ZERO, |last| last.at + Duration::from_nanos(1));
        Ok(Crossed { arrows: self.arrows(&before, &now, since), missed: self.missed(&now, since) })
    }

    async fn watch_and_move(&mut self, watched: &str) -> Result<(), LabError> {
        let Some(watcher) = self.agents.first_mut() else { return Ok(()) };
        watcher.say(&format!("watch {watched}")).await?;
        watcher.until("watch", |event| Act::Watch.is_done(event)).await?;
        let Staging { moved, .. } = self.staging;
        if moved.is_other_scscf() {
            let words = ["reassign", &account(self.lab, WATCHER)?.impu, "sip:scscf1b.home1.test"];
            if let CtlAnswer::Refused(why) = self.lab.ctl("hss1", &words).await? {
                return Err(LabError::Refused { node: "hss1".into(), why: why.into() });
            }
            self.lab.tape().quiet().await?;
        }
        match moved {
            Moved::Nowhere => Ok(()),
            Moved::Scscf => watcher.register().await,
            Moved::Pcscf | Moved::Both => watcher.move_to("pcscf1b").await,
        }
    }

    /// The one thing.
    async fn act(&mut self, watched: &str) -> Result<(), LabError> {
        let line = match self.act {
            Act::Watch | Act::WatchInVain => format!("watch {watched}"),
            Act::Publish | Act::Update => "publish open".to_owned(),
            Act::Message => return self.write().await,
        };
        let is_watchers = self.act != Act::Update;
        let doer = if is_watchers { self.agents.first_mut() } else { self.agents.last_mut() };
        if let Some(doer) = doer {
            doer.say(&line).await?;
        }
        let act = self.act;
        match self.agents.first_mut() {
            Some(watcher) => watcher.until(&line, |event| act.is_done(event)).await.map(drop),
            None => Ok(()),
        }
    }

    /// A user without SIP writes, and is answered.
    async fn write(&self) -> Result<(), LabError> {
        let smsc = self.lab.smsc().ok_or_else(|| LabError::UnknownNode("gateway1".into()))?;
        smsc.send(PHONE_OF_FRANK, "busy 2h in a meeting").await.map_err(LabError::NotWritten)?;
        let answer = timeout(ANSWERED, smsc.next()).await;
        answer.map(drop).map_err(|_| LabError::NotWritten(NotSent::TooLate))
    }

    fn recording(&self) -> Recording {
        let ues = self.agents.iter().map(|agent| (agent.address(), agent.user()));
        self.lab.tape().recording(&self.lab.names(ues))
    }

    /// What was sent after `before`: of the dialogs that began after it or, of an update, that began before.
    fn arrows(&self, before: &Recording, now: &Recording, since: Duration) -> Vec<Arrow> {
        let known = |method| before.call_ids(method);
        let new = |method| {
            let known = known(method);
            now.call_ids(method).into_iter().filter(move |id| !known.contains(id)).collect()
        };
        let call_ids: Vec<String> = match self.act {
            Act::Watch | Act::WatchInVain => new("SUBSCRIBE"),
            Act::Publish => new("PUBLISH"),
            // All that a gateway publishes for a user has one Call-ID.
            Act::Message => now.call_ids("PUBLISH"),
            Act::Update => now.call_ids("SUBSCRIBE"),
        };
        let call_ids: Vec<&str> = call_ids.iter().map(String::as_str).collect();
        now.arrows(
            &Selection::of(&call_ids).since(since),
            &Naming::new().with(WATCHER, "ue1").with("phone", "ue1"),
        )
    }

    fn missed(&self, now: &Recording, since: Duration) -> Vec<&'static str> {
        let is = |name: &str, node: &str| name.split('.').next() == Some(node);
        let mut nodes = self.staging.moved.nodes().to_vec();
        for message in now.messages().iter().filter(|message| message.at >= since) {
            nodes.retain(|node| !is(&message.from, node) && !is(&message.to, node));
        }
        nodes
    }
}

impl Performance {
    /// Whether it is the figure, by the nodes that the watcher has moved to.
    #[must_use]
    pub const fn is_as_drawn(&self) -> bool {
        self.verdict.is_ok() && self.missed.is_empty()
    }

    /// The ladder, with the presence proxies of the contribution's figure 4 if they are wanted.
    #[must_use]
    pub fn ladder(&self, brackets: Vec<Bracket>) -> Ladder<'_> {
        brackets.into_iter().fold(Ladder::new(&self.arrows), Ladder::with)
    }

    /// The proxies of figure 4, where the figure passes both.
    #[must_use]
    pub fn proxies(&self) -> Vec<Bracket> {
        let Some(Script { act: Act::Watch | Act::WatchInVain, presentity }) = Script::of(&self.figure) else {
            return Vec::new();
        };
        let presentity_s = if presentity == Some("bob") { 2 } else { 1 };
        vec![Bracket::watcher_proxy(1), Bracket::presentity_proxy(presentity_s)]
    }
}

impl fmt::Display for Staging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "over {}{}", self.access, self.moved)
    }
}
