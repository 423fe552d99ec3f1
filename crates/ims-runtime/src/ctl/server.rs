//! The side that answers.

use super::{
    CtlAnswer, CtlError, CtlRequest, DEADLINE, ERROR, Form, JSON, MAX_ANSWER_BYTES, MAX_CONNECTIONS,
    MAX_REQUEST_BYTES, OK,
};
use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long answers that are being written may hold the process up.
const FAREWELL: Duration = Duration::from_millis(250);

/// A socket on which operator commands arrive; gone with the value.
#[derive(Debug)]
pub struct CtlServer {
    path: PathBuf,
    inode: u64,
    requests: mpsc::Receiver<CtlRequest>,
    acceptor: JoinHandle<()>,
    /// One for each connection.
    places: Arc<Semaphore>,
}

/// Answers that are being written.
#[derive(Debug)]
pub struct LastAnswers(Arc<Semaphore>);

impl LastAnswers {
    /// Waits until they are, but for clients that do not read: without it the process could end before it has answered the very command
    /// that ends it.
    pub async fn written(self) {
        let all = u32::try_from(MAX_CONNECTIONS).unwrap_or(u32::MAX);
        // Whether all were written or not, the process ends.
        let _ = timeout(FAREWELL, self.0.acquire_many(all)).await;
    }
}

impl CtlServer {
    /// Opens the socket at `path`, with mode 0600, in place of one that a dead process left; makes the directories
    /// on the way.
    ///
    /// # Errors
    /// `AlreadyRunning` when a process answers there, `Bind` when the operating system refuses.
    pub async fn bind(path: &Path) -> Result<Self, CtlError> {
        if UnixStream::connect(path).await.is_ok() {
            return Err(CtlError::AlreadyRunning(path.to_owned()));
        }
        let failed = |error| CtlError::Bind(path.to_owned(), error);
        let listener = bind_private(path).map_err(failed)?;
        let inode = std::fs::metadata(path).map_err(failed)?.ino();
        let (sender, requests) = mpsc::channel(MAX_CONNECTIONS);
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let acceptor = tokio::spawn(accept(listener, sender, Arc::clone(&places)));
        Ok(Self { path: path.to_owned(), inode, requests, acceptor, places })
    }

    /// For the end of the process, when this server is gone.
    #[must_use]
    pub fn last_answers(&self) -> LastAnswers {
        LastAnswers(Arc::clone(&self.places))
    }

    /// Waits for the next command; dropping the future loses none. `None` when no more can come.
    pub async fn next(&mut self) -> Option<CtlRequest> {
        self.requests.recv().await
    }

    /// The next command, if one waits.
    pub fn next_now(&mut self) -> Option<CtlRequest> {
        self.requests.try_recv().ok()
    }
}

impl Drop for CtlServer {
    fn drop(&mut self) {
        self.acceptor.abort();
        // A process that started after us may have put its own socket there.
        if std::fs::metadata(&self.path).is_ok_and(|now| now.ino() == self.inode) {
            // Nothing depends on it: the next process replaces a dead socket.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// The socket is made in a directory nobody else can enter and moved into place when its mode is right.
fn bind_private(path: &Path) -> io::Result<UnixListener> {
    let directory = path.with_file_name(format!(".ctl{}", std::process::id()));
    // Left by a process of the same number that died in the middle of this function.
    let _ = std::fs::remove_dir_all(&directory);
    DirBuilder::new().mode(0o700).recursive(true).create(&directory)?;
    let inside = directory.join("s");
    let bound = UnixListener::bind(&inside).and_then(|listener| {
        std::fs::set_permissions(&inside, Permissions::from_mode(0o600))?;
        std::fs::rename(&inside, path)?;
        Ok(listener)
    });
    if bound.is_err() {
        let _ = std::fs::remove_file(&inside);
    }
    std::fs::remove_dir(&directory)?;
    bound
}

async fn accept(listener: UnixListener, requests: mpsc::Sender<CtlRequest>, places: Arc<Semaphore>) {
    loop {
        let Ok((mut stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely; waiting for a connection to end is the cure.
            tokio::time::sleep(DEADLINE / 100).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            // A client that does not read its refusal loses nothing else.
            let _ = stream.try_write(format!("{ERROR}busy\n").as_bytes());
            let _ = stream.shutdown().await;
            continue;
        };
        let requests = requests.clone();
        tokio::spawn(async move {
            let _place = place;
            // A client that went away or was too slow has nobody to be told.
            let _ = timeout(DEADLINE, serve(stream, requests)).await;
        });
    }
}

async fn serve(stream: UnixStream, requests: mpsc::Sender<CtlRequest>) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    let limit = MAX_REQUEST_BYTES as u64;
    BufReader::new(reader.take(limit)).read_line(&mut line).await?;
    let (form, words) = match line.trim_start().strip_prefix(JSON) {
        Some(words) if words.starts_with(char::is_whitespace) => (Form::Json, words),
        _ => (Form::Text, line.as_str()),
    };
    let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
    let answer = if !line.ends_with('\n') {
        CtlAnswer::Refused(format!("a command is one line of at most {MAX_REQUEST_BYTES} bytes"))
    } else if words.is_empty() {
        CtlAnswer::Refused("no command".to_owned())
    } else {
        let (reply, answered) = oneshot::channel();
        let refused = || CtlAnswer::Refused("the process is ending".to_owned());
        match requests.send(CtlRequest { words, form, reply }).await {
            Ok(()) => answered.await.unwrap_or_else(|_| refused()),
            Err(_) => refused(),
        }
    };
    writer.write_all(render(&answer).as_bytes()).await?;
    writer.shutdown().await
}

fn render(answer: &CtlAnswer) -> String {
    let text = match answer {
        CtlAnswer::Refused(why) => return format!("{ERROR}{}\n", why.replace(['\n', '\r'], " ")),
        CtlAnswer::Done(text) => text,
    };
    let mut out = String::with_capacity(text.len() + 64);
    for line in text.lines() {
        if out.len() + line.len() > MAX_ANSWER_BYTES {
            out.push_str(" (cut off here: the answer is too long)\n");
            break;
        }
        out.push(' ');
        out.push_str(line);
        out.push('\n');
    }
    out.push_str(OK);
    out.push('\n');
    out
}
