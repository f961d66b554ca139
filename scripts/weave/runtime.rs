/// Which of the changes woven into this crate is chosen; written by scripts/weave, and in no program that ships.
#[doc(hidden)]
pub mod woven {
    use std::{
        io::Write as _,
        sync::{
            Mutex, OnceLock,
            atomic::{AtomicBool, Ordering},
        },
    };

    /// More than there are changes.
    const MOST: usize = 16_384;

    enum Task {
        Nothing,
        Choose(u32),
        /// Writes down which changes are reached.
        Trace(Mutex<std::fs::File>),
    }

    static TASK: OnceLock<Task> = OnceLock::new();
    static SEEN: [AtomicBool; MOST] = [const { AtomicBool::new(false) }; MOST];

    fn task() -> Task {
        if let Some(number) = std::env::var("WOVEN_CHANGE").ok().and_then(|number| number.parse().ok()) {
            return Task::Choose(number);
        }
        match std::env::var_os("WOVEN_REACHED") {
            Some(path) => {
                let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
                // Else nothing would be reached, and everything missed.
                Task::Trace(Mutex::new(file.unwrap_or_else(|_| std::process::exit(1))))
            }
            None => Task::Nothing,
        }
    }

    pub fn is(number: u32) -> bool {
        match TASK.get_or_init(task) {
            Task::Nothing => false,
            Task::Choose(chosen) => *chosen == number,
            Task::Trace(file) => {
                if !SEEN[number as usize].swap(true, Ordering::Relaxed) {
                    let line = format!("{number}\n");
                    let _ = file.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).write_all(line.as_bytes());
                }
                false
            }
        }
    }
}
