//! The side that asks.

use super::{
    CtlAnswer, CtlError, DEADLINE, ERROR, Form, JSON, MAX_ANSWER_BYTES, MAX_REQUEST_BYTES, OK, error_json,
};
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// Sends `words` to the process behind `socket` and waits for its answer in this form.
///
/// # Errors
/// [`CtlError`], except `AlreadyRunning` and `Bind`.
pub async fn ask(socket: &Path, form: Form, words: &[String]) -> Result<CtlAnswer, CtlError> {
    let mut line = match form {
        Form::Text => words.join(" "),
        Form::Json => format!("{JSON} {}", words.join(" ")),
    };
    line.push('\n');
    let unfit = |word: &String| word.is_empty() || word.contains(char::is_whitespace);
    if words.is_empty() || words.iter().any(unfit) || line.len() > MAX_REQUEST_BYTES {
        return Err(CtlError::BadWords);
    }
    let answer = timeout(DEADLINE, exchange(socket, &line)).await.map_err(|_| CtlError::NoAnswer)??;
    Ok(match (answer, form) {
        // The connection was refused before the command was read.
        (CtlAnswer::Refused(why), Form::Json) if !why.starts_with('{') => {
            CtlAnswer::Refused(error_json("not_taken", &why))
        }
        (answer, _) => answer,
    })
}

async fn exchange(socket: &Path, line: &str) -> Result<CtlAnswer, CtlError> {
    let not_running = |error| CtlError::NotRunning(socket.to_owned(), error);
    let mut stream = UnixStream::connect(socket).await.map_err(not_running)?;
    stream.write_all(line.as_bytes()).await.map_err(CtlError::Broken)?;
    let mut answer = String::new();
    // Twice: every line of the text has a space in front.
    let limit = 2 * MAX_ANSWER_BYTES as u64;
    stream.take(limit).read_to_string(&mut answer).await.map_err(CtlError::Broken)?;
    parse(&answer)
}

fn parse(answer: &str) -> Result<CtlAnswer, CtlError> {
    let mut text = String::new();
    for line in answer.lines() {
        if let Some(line) = line.strip_prefix(' ') {
            text.push_str(line);
            text.push('\n');
        } else if line == OK {
            return Ok(CtlAnswer::Done(text));
        } else {
            let why = line.strip_prefix(ERROR).ok_or(CtlError::BadAnswer)?;
            return Ok(CtlAnswer::Refused(why.to_owned()));
        }
    }
    Err(CtlError::BadAnswer)
}
