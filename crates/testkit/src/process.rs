//! Child processes that end with the test, however it ends.

use std::{
    ffi::OsStr,
    fs::{self, OpenOptions},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::ServiceError;

const LIFELINE: &str = include_str!("lifeline.sh");
const START_LIMIT: Duration = Duration::from_secs(60);
const KILL_LIMIT: Duration = Duration::from_secs(10);
const LOG_LINES: usize = 20;

/// How a process is asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopSignal {
    /// SIGTERM: the ordinary way.
    Terminate,
    /// SIGQUIT: at once, without waiting for clients (PostgreSQL).
    Quit,
}

/// A running program. Dropping it, or the end of the test process by any cause, ends the program.
#[derive(Debug)]
pub struct Process {
    service: &'static str,
    shell: Child,
    log: PathBuf,
    status: PathBuf,
}

impl Process {
    /// Starts `command`, its output going to `folder/SERVICE.log`, after what an earlier start left there.
    pub fn start(
        service: &'static str,
        folder: &Path,
        signal: StopSignal,
        command: &Command,
    ) -> Result<Self, ServiceError> {
        let log = folder.join(format!("{service}.log"));
        let status = folder.join(format!("{service}.exit"));
        let output = OpenOptions::new().create(true).append(true).open(&log);
        let output = output.map_err(ServiceError::system("creating a log file"))?;
        // What an earlier start left says nothing of this one.
        let _ = fs::remove_file(&status);
        let errors = output.try_clone().map_err(ServiceError::system("creating a log file"))?;
        let signal = match signal {
            StopSignal::Terminate => "TERM",
            StopSignal::Quit => "QUIT",
        };
        let mut shell = Command::new("sh");
        shell.args(["-c", LIFELINE, "lifeline", signal]).arg(&status);
        shell.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            shell.current_dir(folder);
        }
        shell.stdin(Stdio::piped()).stdout(output).stderr(errors).process_group(0);
        let shell = shell.spawn().map_err(ServiceError::system(format!("starting {service}")))?;
        Ok(Self { service, shell, log, status })
    }

    /// Waits until `ready` says so. Fails when the program ends first, or after a minute.
    pub fn wait_until(&self, mut ready: impl FnMut() -> bool) -> Result<(), ServiceError> {
        let started = Instant::now();
        while self.is_running() && started.elapsed() < START_LIMIT {
            if ready() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(30));
        }
        Err(ServiceError::NotReady { service: self.service, log: self.log_tail() })
    }

    /// Whether the program has not ended by itself.
    pub fn is_running(&self) -> bool {
        !self.status.exists()
    }

    /// Everything it printed so far.
    pub fn log(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Ends it now and waits until it has ended.
    pub fn stop(&mut self) {
        drop(self.shell.stdin.take());
        // Waiting can only fail when the shell is already gone, which is what was asked for.
        let _ = self.shell.wait();
    }

    /// Kills it and everything it started with SIGKILL, as a machine that fails does; waits until it is gone.
    ///
    /// # Errors
    /// When the system refuses, or the program is still there after ten seconds.
    pub fn kill(&mut self) -> Result<(), ServiceError> {
        let doomed = family(self.shell.id());
        if !doomed.is_empty() {
            // One of them may have ended meanwhile, which is what was asked for.
            let _ = run(Command::new("kill").arg("-9").args(doomed.iter().map(u32::to_string)));
        }
        let started = Instant::now();
        while doomed.iter().any(|id| is_alive(*id)) {
            if started.elapsed() > KILL_LIMIT {
                let still_there = std::io::ErrorKind::TimedOut.into();
                return Err(ServiceError::system(format!("killing {}", self.service))(still_there));
            }
            thread::sleep(Duration::from_millis(5));
        }
        self.stop();
        Ok(())
    }

    /// The program's process ids, itself first, then what it started.
    pub fn ids(&self) -> Vec<u32> {
        family(self.shell.id())
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What a lifeline runs: its descendants but for its own shells, parents before children.
fn family(lifeline: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids =
        entries.filter_map(|entry| entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
    let parents: Vec<(u32, u32, bool)> =
        ids.filter_map(|id| stat(id).map(|(is_shell, _, parent)| (id, parent, is_shell))).collect();
    let (mut found, mut next) = (Vec::new(), vec![lifeline]);
    while let Some(parent) = next.pop() {
        for (id, _, is_shell) in parents.iter().filter(|(_, of, _)| *of == parent) {
            next.insert(0, *id);
            // The lifeline's subshell; a program of ours that is a shell is killed with its children.
            if !(*is_shell && parent == lifeline) {
                found.push(*id);
            }
        }
    }
    found
}

fn is_alive(id: u32) -> bool {
    // A zombie has ended and waits for its parent.
    stat(id).is_some_and(|(_, state, _)| state != 'Z')
}

/// Whether it is a shell, its state, and its parent.
fn stat(id: u32) -> Option<(bool, char, u32)> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (head, rest) = text.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let state = fields.next()?.chars().next()?;
    Some((head.ends_with("(sh"), state, fields.next()?.parse().ok()?))
}

/// Runs a short command to its end; its standard output, or why it failed.
pub(crate) fn run(command: &mut Command) -> Result<String, ServiceError> {
    let program = PathBuf::from(command.get_program());
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(ServiceError::system(format!("running {}", program.display())))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let output = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(ServiceError::Command { command: program, output })
    }
}

/// The first of `folders`, then of the PATH, that holds `program`.
pub(crate) fn find(program: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).collect::<Vec<_>>();
    folders.iter().chain(&on_path).map(|folder| folder.join(OsStr::new(program))).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper(folder: &Path) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", "echo $$ >pid; exec sleep 300"]).current_dir(folder);
        let process = Process::start("sleeper", folder, StopSignal::Terminate, &command).unwrap();
        process
            .wait_until(|| fs::read_to_string(folder.join("pid")).is_ok_and(|pid| pid.ends_with('\n')))
            .unwrap();
        process
    }

    fn exists(folder: &Path) -> bool {
        let pid = fs::read_to_string(folder.join("pid")).unwrap();
        // A zombie that waits for its parent still has a folder, but no command line.
        fs::read(format!("/proc/{}/cmdline", pid.trim())).is_ok_and(|line| !line.is_empty())
    }

    #[test]
    fn dropping_ends_the_program() {
        let folder = tempfile::tempdir().unwrap();
        let process = sleeper(folder.path());
        assert!(process.is_running() && exists(folder.path()));
        drop(process);
        assert!(!exists(folder.path()));
    }

    #[test]
    fn a_killed_program_is_gone_without_a_word_and_can_be_started_again_below_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("python3");
        let deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(300)";
        command.args(["-c", deaf]).current_dir(folder.path());
        let mut process = Process::start("deaf", folder.path(), StopSignal::Terminate, &command).unwrap();
        process.wait_until(|| process.log().contains("up")).unwrap();
        let ids = process.ids();
        assert_eq!(ids.len(), 1);
        let started = Instant::now();
        process.kill().unwrap();
        assert!(!is_alive(ids[0]) && !process.is_running());
        assert!(started.elapsed() < Duration::from_secs(4), "it was killed, not asked");
        let mut process = Process::start("deaf", folder.path(), StopSignal::Terminate, &command).unwrap();
        process.wait_until(|| process.log().matches("up").count() == 2).unwrap();
        assert!(process.is_running());
        process.kill().unwrap();
    }

    #[test]
    fn a_program_that_ends_while_starting_is_an_error_with_its_output() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such setting; exit 3"]);
        let process = Process::start("broken", folder.path(), StopSignal::Terminate, &command).unwrap();
        let error = process.wait_until(|| false).unwrap_err();
        assert_eq!(error.to_string(), "broken did not start:\nno such setting");
        assert_eq!(fs::read_to_string(folder.path().join("broken.exit")).unwrap(), "3\n");
    }

    #[test]
    fn a_failed_command_tells_what_it_printed() {
        let error = run(Command::new("sh").args(["-c", "echo why >&2; exit 1"])).unwrap_err();
        assert_eq!(error.to_string(), "sh failed:\nwhy\n");
    }
}
