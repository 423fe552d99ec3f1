//! Our own presence at the server (RFC 3903, rules PUB-10 and PUB-11).

use crate::Fx;
use crate::agent::UeAgent;
use crate::ask::{NotDone, Told};
use crate::compose::{self, Ids};
use crate::presence::{Wanted, document};
use crate::report::Report;
use crate::role::Own;
use crate::warning;
use crate::watch::schedule;
use clock::{Mono, Now};
use ims_node::{Outcome, Random};
use sip_event::{Publish, Publisher, PublisherInput, PublisherOutput};
use sip_message::StatusCode;

/// One publication, and what it waits for.
#[derive(Debug)]
pub(crate) struct Published {
    publisher: Publisher,
    /// Of the last PUBLISH. All have the same Call-ID: by it the server knows what we have published already, also where we
    /// have lost the entity-tag.
    ids: Option<Ids>,
    /// A PUBLISH that waits for our registration.
    due: Option<Publish>,
    standing: Standing,
    warning: Option<String>,
}

/// What the server has of us, as far as we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing, and nothing is asked for.
    Nothing,
    /// Something is asked for.
    Wanted,
    /// It has our document.
    There,
}

impl Published {
    pub(crate) const fn standing(&self) -> Standing {
        self.standing
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        self.publisher.poll_timeout()
    }
}

impl UeAgent {
    /// Publishes from now on; false when the activity is no name.
    pub(crate) fn publish(&mut self, now: Now, wanted: &Wanted, random: &mut Random) -> Told {
        let impu = self.settings.account.impu();
        let identity = self.registration.binding().map_or(impu, |binding| binding.identity(impu));
        let document = document(now.wall, &self.settings, identity, wanted).ok_or(NotDone::NoActivity)?;
        let seconds = self.settings.publication_s;
        let published = self.publication.get_or_insert_with(|| Published {
            publisher: Publisher::new(seconds, schedule(random)),
            ids: None,
            due: None,
            standing: Standing::Wanted,
            warning: None,
        });
        published.publisher.handle(now, PublisherInput::Publish(document.into()));
        Ok(())
    }

    /// Takes it back.
    pub(crate) fn unpublish(&mut self, now: Now) -> Told {
        let published = self.publication.as_mut().ok_or(NotDone::NothingPublished)?;
        published.publisher.handle(now, PublisherInput::Remove);
        Ok(())
    }

    pub(crate) fn publication_due(&mut self, now: Now) {
        if let Some(published) = &mut self.publication
            && published.deadline().is_some_and(|at| at <= now.mono)
        {
            published.publisher.handle(now, PublisherInput::Deadline);
        }
    }

    pub(crate) fn on_publish_ended(&mut self, now: Now, outcome: &Outcome) {
        let Some(published) = &mut self.publication else { return };
        published.warning = warning::of(outcome);
        let input = outcome.answer().map_or(PublisherInput::NoAnswer, PublisherInput::Answered);
        published.publisher.handle(now, input);
    }

    /// Does what the publication wants; whether there was anything.
    pub(crate) fn run_publication(&mut self, fx: &mut Fx) -> bool {
        let mut busy = false;
        while let Some(output) =
            self.publication.as_mut().and_then(|publication| publication.publisher.poll_output())
        {
            busy = true;
            self.on_publisher(output);
        }
        busy | self.publish_due(fx)
    }

    fn on_publisher(&mut self, output: PublisherOutput) {
        let uri: Box<str> = self.identity().as_str().into();
        let Some(published) = &mut self.publication else { return };
        let report = match output {
            PublisherOutput::Send(publish) => {
                published.due = Some(publish);
                return;
            }
            PublisherOutput::Published(expires_s) => {
                published.standing = Standing::There;
                Report::Published { uri, expires_s }
            }
            PublisherOutput::Removed => {
                published.standing = Standing::Nothing;
                Report::Unpublished { uri }
            }
            PublisherOutput::Refused(status) => {
                published.standing = Standing::Nothing;
                let warning = published.warning.take();
                Report::PublishFailed { uri, status: status.code(), reason: reason(status, warning).into() }
            }
        };
        self.report(report);
    }

    /// Rule PUB-11: nothing is sent before we are registered.
    fn publish_due(&mut self, fx: &mut Fx) -> bool {
        let Some(binding) = self.registration.binding() else { return false };
        let Some(published) = &mut self.publication else { return false };
        let Some(publish) = published.due.take() else { return false };
        let next = published.ids.take().map(Ids::next);
        let ids = published.ids.insert(next.unwrap_or_else(|| Ids::fresh(&mut fx.random))).clone();
        let draft = compose::publish(&self.settings, binding, &publish, &ids);
        self.send(Some(draft), Own::Publish, fx);
        true
    }
}

fn reason(status: StatusCode, warning: Option<String>) -> String {
    warning.unwrap_or_else(|| status.reason().to_owned())
}
