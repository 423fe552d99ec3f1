//! Operator commands.

use crate::service::{Service, now};
use cx_protocol::ScscfName;
use hss::{OperatorError, StoreChange};
use ims_runtime::cli::Failure;
use ims_runtime::ctl::{self, CtlAnswer};
use ims_runtime::health;

const HELP: &str = "\
health: whether this HSS is ready
stats: counters and sizes
list: one line an account: name, S-CSCF, state of its sets
peers: the hosts that are connected
explain USER: everything about an account but its secrets
reassign USER SCSCF: give a user to another S-CSCF; the present one is told to drop it
deregister USER: end a user's registration
remove USER: remove an account; the S-CSCF that has the user is told to drop it
push USER: send the user's present profile to its S-CSCF
reload: read the subscribers file again; adds and replaces accounts, push tells the S-CSCFs
help: these lines; USER is an account's name, a username or a public identity, SCSCF a SIP URI";

/// Carries out one command; an error ends the process.
pub(crate) async fn execute(service: &mut Service, words: &[&str]) -> Result<CtlAnswer, Failure> {
    let changed = match *words {
        // Commands are taken only after replay and with the sockets open.
        [health::WORD] => return Ok(service.health()),
        ["help"] => return Ok(CtlAnswer::Done(ctl::help(HELP))),
        ["stats"] => return Ok(CtlAnswer::Done(service.stats())),
        ["list"] => return Ok(CtlAnswer::Done(service.hss.list())),
        ["peers"] => return Ok(CtlAnswer::Done(service.server.hosts().collect::<Vec<_>>().join("\n"))),
        ["explain", user] => {
            return Ok(service.hss.explain(user).map_or_else(|user| refused(user.into()), CtlAnswer::Done));
        }
        ["reload"] => {
            return Ok(match service.reload().await? {
                Ok(said) => CtlAnswer::Done(said),
                Err(error) => CtlAnswer::Refused(error.to_string()),
            });
        }
        ["reassign", user, scscf] => match ScscfName::new(scscf) {
            Ok(scscf) => service.hss.reassign(now(), user, scscf),
            Err(error) => return Ok(CtlAnswer::Refused(format!("SCSCF is {error}"))),
        },
        ["remove", user] => return remove(service, user).await,
        ["deregister", user] => service.hss.deregister(now(), user).map_err(Into::into),
        ["push", user] => service.hss.push(now(), user).map_err(Into::into),
        _ => return Ok(CtlAnswer::Refused("no such command; `help` lists them".to_owned())),
    };
    carry_out(service, changed).await
}

/// Keeps first, then tells the S-CSCF.
async fn carry_out(
    service: &mut Service,
    changed: Result<Vec<StoreChange>, OperatorError>,
) -> Result<CtlAnswer, Failure> {
    let changes = match changed {
        Ok(changes) => changes,
        Err(error) => return Ok(refused(error)),
    };
    if let Err(error) = service.keep(changes).await? {
        return Ok(CtlAnswer::Refused(format!("nothing is changed: {error}")));
    }
    Ok(told(service))
}

async fn remove(service: &mut Service, user: &str) -> Result<CtlAnswer, Failure> {
    let mut hss = service.hss.clone();
    let changes = match hss.remove(now(), user) {
        Ok(changes) => changes,
        Err(error) => return Ok(refused(error.into())),
    };
    if let Err(error) = service.replace(hss, changes).await? {
        return Ok(CtlAnswer::Refused(format!("nothing is changed: {error}")));
    }
    Ok(told(service))
}

fn told(service: &mut Service) -> CtlAnswer {
    let said = service.send_requests();
    CtlAnswer::Done(if said.is_empty() { "done; no S-CSCF has the user".to_owned() } else { said.join("\n") })
}

fn refused(error: OperatorError) -> CtlAnswer {
    CtlAnswer::Refused(error.to_string())
}
