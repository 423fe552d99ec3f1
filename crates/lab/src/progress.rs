//! What whoever waits is shown: on standard output what there is, and on a terminal how far it is and how long it still takes.

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use std::fmt;
use std::io::Write;
use std::time::Duration;

/// Good news. Colours are shown on a terminal alone, and not where NO_COLOR is set.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// Bad news.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();

/// How often the line is drawn anew when nothing happens.
const TICK: Duration = Duration::from_millis(500);

/// One line at the foot of a terminal; where standard error is none, nothing.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// So many steps of this.
    pub(crate) fn of(steps: usize, what: &str) -> Self {
        let bar = ProgressBar::new(steps as u64);
        let template = format!("{what}: {{pos}} of {{len}}, {{elapsed}} so far{{left}}; now {{msg}}");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style.with_key("left", left));
        }
        bar.enable_steady_tick(TICK);
        Self(bar)
    }

    pub(crate) fn goes_on_with(&self, step: &str) {
        self.0.set_message(step.to_owned());
    }

    pub(crate) fn has_done_one(&self) {
        self.0.inc(1);
    }

    /// As [`say`], above the line.
    pub(crate) fn say(&self, text: &str) {
        self.0.suspend(|| say(text));
    }

    /// The line goes.
    pub(crate) fn ends(&self) {
        self.0.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.ends();
    }
}

/// How long it still takes, as soon as a step has told.
fn left(state: &ProgressState, out: &mut dyn fmt::Write) {
    if state.pos() > 0 {
        // What cannot be drawn is not missed.
        let _ = write!(out, ", about {} s to go", state.eta().as_secs());
    }
}

/// At once, for whoever waits for it. Who does not read it does not want it.
pub(crate) fn say(text: &str) {
    let mut out = anstream::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
