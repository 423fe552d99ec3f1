//! Are these the arrows of that figure?

use crate::arrow::{Arrow, NOTIFY_PRES_UP};
use crate::exchange::{Exchange, exchanges};
use crate::figures::Figure;
use std::fmt;

/// Where recorded arrows depart from a figure. Shown, it sets both lists side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What is wrong.
    pub mismatch: Mismatch,
    expected: Vec<Arrow>,
    found: Vec<Arrow>,
}

/// What is wrong with a list of arrows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mismatch {
    /// The arrow of this number (counted from 1 within its exchange) is another one, missing, or one too many.
    Arrow {
        /// The method of the exchange.
        method: Box<str>,
        /// The arrow.
        number: usize,
    },
    /// A NotifyPresUp left the presence server before the MsgAck to this method did.
    NotifiedFirst {
        /// SUBSCRIBE or PUBLISH.
        method: Box<str>,
    },
}

/// Compares what was recorded with a figure: same arrows, same order, nothing missing, nothing extra.
///
/// The order is that within an exchange (a request and its MsgAck); a SUBSCRIBE's MsgAck and the first NotifyPresUp may
/// cross on their way back. But neither to a SUBSCRIBE nor to a PUBLISH may the MsgAck leave the presence server after
/// the first NotifyPresUp.
///
/// # Errors
/// The first [`Difference`].
pub fn compare(figure: &Figure, found: &[Arrow]) -> Result<(), Difference> {
    let expected = exchanges(figure.arrows());
    let recorded = exchanges(found);
    for Exchange { method, .. } in expected.iter().chain(&recorded) {
        first_departure(method, arrows_of(&expected, method), arrows_of(&recorded, method))?;
    }
    acknowledged_first(figure, found)
}

fn arrows_of<'a>(exchanges: &'a [Exchange<'a>], method: &str) -> &'a [&'a Arrow] {
    let exchange = exchanges.iter().find(|exchange| exchange.method == method);
    exchange.map_or(&[], |exchange| &exchange.arrows)
}

fn first_departure(method: &str, expected: &[&Arrow], found: &[&Arrow]) -> Result<(), Difference> {
    let same = expected.iter().zip(found).take_while(|(a, b)| a == b).count();
    if same == expected.len() && same == found.len() {
        return Ok(());
    }
    let owned = |list: &[&Arrow]| list.iter().map(|arrow| (*arrow).clone()).collect();
    let mismatch = Mismatch::Arrow { method: method.into(), number: same + 1 };
    Err(Difference { mismatch, expected: owned(expected), found: owned(found) })
}

/// Nothing is notified between a request's arrival at the presence server and the leaving of its MsgAck.
fn acknowledged_first(figure: &Figure, found: &[Arrow]) -> Result<(), Difference> {
    for method in ["SUBSCRIBE", "PUBLISH"] {
        let of_method = |arrow: &&Arrow| arrow.method() == Some(method);
        let arrived = found.iter().position(|arrow| arrow.reaches_presence_server() && of_method(&arrow));
        let since = found.get(arrived.unwrap_or(found.len())..).unwrap_or_default();
        let mut leaving = since.iter().filter(|arrow| arrow.leaves_presence_server());
        let first = leaving.find(|arrow| of_method(arrow) || &*arrow.name == NOTIFY_PRES_UP);
        if first.is_some_and(|arrow| &*arrow.name == NOTIFY_PRES_UP) {
            return Err(Difference {
                mismatch: Mismatch::NotifiedFirst { method: method.into() },
                expected: figure.arrows().to_vec(),
                found: found.to_vec(),
            });
        }
    }
    Ok(())
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.mismatch {
            Mismatch::Arrow { method, number } => writeln!(f, "{method}: arrow {number} differs")?,
            Mismatch::NotifiedFirst { method } => {
                writeln!(f, "a NotifyPresUp left the presence server before the MsgAck to {method}")?;
            }
        }
        writeln!(f, "      {:50}  recorded", "figure")?;
        for at in 0..self.expected.len().max(self.found.len()) {
            let (left, right) = (self.expected.get(at), self.found.get(at));
            let text = |arrow: Option<&Arrow>| arrow.map_or_else(|| "-".to_owned(), Arrow::to_string);
            let mark = if left == right { ' ' } else { '*' };
            writeln!(f, "{mark}{:3}  {:50}  {}", at + 1, text(left), text(right))?;
        }
        Ok(())
    }
}

impl std::error::Error for Difference {}
