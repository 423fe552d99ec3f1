//! Operator commands over a Unix socket.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test helper may fail its test")]

use ims_runtime::ctl::{
    self, AskAnswer, CtlAnswer, CtlError, CtlServer, Form, MAX_ANSWER_BYTES, MAX_CONNECTIONS,
    MAX_REQUEST_BYTES, write_lines,
};
use serde::Serialize;
use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

fn socket() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run/ctl.sock");
    (directory, path)
}

/// Lines of text, or as a value a list of them.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Lines(Vec<String>);

/// Two lines of a reason.
#[derive(Debug, Serialize)]
struct No;

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_lines(f, &self.0)
    }
}

impl fmt::Display for No {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not\nthis")
    }
}

impl AskAnswer for Lines {}

impl AskAnswer for No {
    fn refusal(&self) -> Option<&'static str> {
        Some("no_reason")
    }
}

/// Answers every command with its words in reverse order, a line each; refuses `no`.
async fn reverse(mut server: CtlServer) {
    while let Some(request) = server.next().await {
        let words: Vec<String> = request.words().iter().rev().map(|word| (*word).to_owned()).collect();
        match request.words().as_slice() {
            ["no"] => request.answer(&No),
            ["nothing"] => request.answer(&Lines(Vec::new())),
            ["much"] => request.answer(&Lines(vec!["x".repeat(MAX_ANSWER_BYTES)])),
            _ => request.answer(&Lines(words)),
        }
    }
}

/// Asks for text.
async fn ask(path: &Path, words: Vec<String>) -> Result<CtlAnswer, CtlError> {
    ctl::ask(path, Form::Text, &words).await
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

/// What a client that speaks bytes gets for `line`.
async fn raw(path: &Path, line: &[u8]) -> String {
    let mut stream = UnixStream::connect(path).await.unwrap();
    stream.write_all(line).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_command_gets_its_answer() {
    let (_directory, path) = socket();
    tokio::spawn(reverse(CtlServer::bind(&path).await.unwrap()));
    let rows = [
        ("list ok", CtlAnswer::Done("ok\nlist\n".to_owned())),
        ("nothing", CtlAnswer::Done(String::new())),
        ("no", CtlAnswer::Refused("not this".to_owned())),
    ];
    for (command, expected) in rows {
        assert_eq!(ask(&path, words(command)).await.unwrap(), expected, "{command}");
    }
    assert_eq!(raw(&path, b"a  b\n").await, " b\n a\nok\n");
}

#[tokio::test]
async fn a_program_gets_one_json_value_whatever_becomes_of_its_command() {
    let (_directory, path) = socket();
    tokio::spawn(reverse(CtlServer::bind(&path).await.unwrap()));
    let rows = [
        ("list \u{fc}\"", CtlAnswer::Done("[\"\u{fc}\\\"\",\"list\"]\n".to_owned())),
        ("nothing", CtlAnswer::Done("[]\n".to_owned())),
        ("no", CtlAnswer::Refused(r#"{"error":"no_reason","text":"not\nthis"}"#.to_owned())),
        ("much", CtlAnswer::Refused(r#"{"error":"too_long","text":"the answer is too long"}"#.to_owned())),
    ];
    for (command, expected) in rows {
        assert_eq!(ctl::ask(&path, Form::Json, &words(command)).await.unwrap(), expected, "{command}");
    }
    assert_eq!(raw(&path, b"--json a b\n").await, " [\"b\",\"a\"]\nok\n");
    assert_eq!(raw(&path, b"--jsons a\n").await, " a\n --jsons\nok\n");
    assert_eq!(raw(&path, b"--json \n").await, "error: no command\n");
}

#[tokio::test]
async fn a_line_that_is_no_command_is_refused() {
    let (_directory, path) = socket();
    tokio::spawn(reverse(CtlServer::bind(&path).await.unwrap()));
    let too_long = "error: a command is one line of at most 4096 bytes\n";
    let longest = vec![b'x'; MAX_REQUEST_BYTES - 1];
    let answer = raw(&path, &[&longest[..], b"\n"].concat()).await;
    assert_eq!(answer.len(), MAX_REQUEST_BYTES + 1 + "ok\n".len());
    assert_eq!(raw(&path, &[&longest[..], b"x"].concat()).await, too_long);
    assert_eq!(raw(&path, b"unfinished").await, too_long);
    assert_eq!(raw(&path, b"  \n").await, "error: no command\n");
    for unfit in [vec![], vec![String::new()], words("a\nb"), vec!["x".repeat(MAX_REQUEST_BYTES)]] {
        assert!(matches!(ask(&path, unfit).await, Err(CtlError::BadWords)));
    }
}

#[tokio::test]
async fn only_the_owner_may_speak_and_only_one_process_answers() {
    let (_directory, path) = socket();
    let server = CtlServer::bind(&path).await.unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(CtlServer::bind(&path).await, Err(CtlError::AlreadyRunning(_))));
    drop(server);
    assert!(!path.exists(), "gone with its process");
    let left = std::fs::read_dir(path.parent().unwrap()).unwrap().count();
    assert_eq!(left, 0, "nothing of the making of the socket is left");
}

#[tokio::test]
async fn the_socket_of_a_dead_process_is_replaced() {
    let (_directory, path) = socket();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let not_running = ask(&path, words("health")).await.unwrap_err().to_string();
    let expected = format!("{}: not running (Connection refused (os error 111))", path.display());
    assert_eq!(not_running, expected);
    tokio::spawn(reverse(CtlServer::bind(&path).await.unwrap()));
    assert_eq!(ask(&path, words("health")).await.unwrap(), CtlAnswer::Done("health\n".to_owned()));
}

#[tokio::test]
async fn a_request_that_is_dropped_is_refused() {
    let (_directory, path) = socket();
    let mut server = CtlServer::bind(&path).await.unwrap();
    let asked = tokio::spawn(async move { ask(&path, words("health")).await });
    drop(server.next().await.unwrap());
    assert_eq!(asked.await.unwrap().unwrap(), CtlAnswer::Refused("the process is ending".to_owned()));
}

#[tokio::test]
async fn one_connection_too_many_is_told_so() {
    let (_directory, path) = socket();
    let mut server = CtlServer::bind(&path).await.unwrap();
    let mut held = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        let path = path.clone();
        held.push(tokio::spawn(async move { ask(&path, words("wait")).await }));
    }
    let mut requests = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        requests.push(server.next().await.unwrap());
    }
    let mut one_more = UnixStream::connect(&path).await.unwrap();
    let mut answer = String::new();
    one_more.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "error: busy\n");
    for request in requests {
        request.answer(&Lines(vec!["at last".to_owned()]));
    }
    for asked in held {
        assert_eq!(asked.await.unwrap().unwrap(), CtlAnswer::Done("at last\n".to_owned()));
    }
}
