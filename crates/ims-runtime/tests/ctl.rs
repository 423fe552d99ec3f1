//! Operator commands over a Unix socket.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test helper may fail its test")]

use ims_runtime::ctl::{CtlAnswer, CtlError, CtlServer, MAX_CONNECTIONS, MAX_REQUEST_BYTES, ask};
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

/// Answers every command with its words in reverse order, a line each; refuses `no`.
async fn reverse(mut server: CtlServer) {
    while let Some(request) = server.next().await {
        let words = request.words();
        let answer = match words.as_slice() {
            ["no"] => CtlAnswer::Refused("not\nthis".to_owned()),
            ["nothing"] => CtlAnswer::Done(String::new()),
            words => CtlAnswer::Done(words.iter().rev().map(|word| format!("{word}\n")).collect()),
        };
        request.answer(answer);
    }
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
        request.answer(CtlAnswer::Done("at last".to_owned()));
    }
    for asked in held {
        assert_eq!(asked.await.unwrap().unwrap(), CtlAnswer::Done("at last\n".to_owned()));
    }
}
