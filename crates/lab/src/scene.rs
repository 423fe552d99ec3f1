//! A scene: alice of home1.test follows bob of home2.test, and both move.

use crate::agent::{Access, Agent};
use crate::error::LabError;
use crate::lab::Lab;

const BOB: &str = "sip:bob@home2.test";

/// Plays the scene in a network of both domains; each step is told when it has happened.
///
/// # Errors
/// When a step does not happen within 35 s.
pub async fn follow(lab: &Lab, access: Access, mut tell: impl FnMut(&str)) -> Result<(), LabError> {
    let mut agents = Vec::new();
    for (user, pcscf) in [("alice", "pcscf1a"), ("bob", "pcscf2a")] {
        let mut agent = Agent::start(lab, user, pcscf, access)?;
        agent.register().await?;
        tell(&format!("{user} registers through {pcscf}"));
        agents.push(agent);
    }
    let outcome = steps(&mut agents, &mut tell).await;
    for agent in agents {
        agent.end().await;
    }
    outcome
}

async fn steps(agents: &mut [Agent], tell: &mut impl FnMut(&str)) -> Result<(), LabError> {
    let [alice, bob] = agents else { return Ok(()) };
    bob.say("publish open at my desk").await?;
    bob.until("publish", |event| &*event.event == "published").await?;
    tell("bob publishes: open, \"at my desk\"");
    alice.say(&format!("watch {BOB}")).await?;
    sees(alice, "open", "at my desk").await?;
    tell("alice watches bob and sees: open, \"at my desk\"");
    alice.move_to("pcscf1b").await?;
    tell("alice moves to pcscf1b");
    bob.say("publish open in a meeting").await?;
    sees(alice, "open", "in a meeting").await?;
    tell("bob publishes, alice sees: open, \"in a meeting\"");
    bob.move_to("pcscf2b").await?;
    tell("bob moves to pcscf2b");
    bob.say("publish closed gone home").await?;
    sees(alice, "closed", "gone home").await?;
    tell("bob publishes, alice sees: closed, \"gone home\"");
    Ok(())
}

async fn sees(alice: &mut Agent, basic: &str, note: &str) -> Result<(), LabError> {
    let what = format!("{basic}, {note}");
    let sees = alice.until(&what, |event| {
        &*event.event == "presence"
            && event.basic.as_deref() == Some(basic)
            && event.note.as_deref() == Some(note)
    });
    sees.await.map(drop)
}
