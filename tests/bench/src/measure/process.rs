//! What processes used, as the kernel counts it: processor time and memory of those that this one started.

use std::{collections::HashMap, fs};

use serde_json::{Value, json};

/// Whose processor time it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Part {
    Service,
    Worker,
    Floor,
    Postgres,
    Redis,
    Client,
}

/// The kernel counts in hundredths of a second (USER_HZ), on every Linux that Rust runs on.
const TICK: f64 = 0.01;

/// Processor seconds by part, since each process began.
#[derive(Debug, Clone, Default)]
pub(crate) struct Used(HashMap<Part, f64>);

struct Seen {
    id: u32,
    parent: u32,
    ticks: u64,
    command: String,
}

fn see(id: u32) -> Option<Seen> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The second field is a name in brackets and may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    let command = fs::read_to_string(format!("/proc/{id}/cmdline")).ok()?.replace('\0', " ");
    // User and system time, of the process and of children that it waited for.
    let ticks = [11, 12, 13, 14].into_iter().filter_map(number).sum();
    Some(Seen { id, parent: u32::try_from(number(1)?).ok()?, ticks, command })
}

fn descendants() -> Vec<Seen> {
    let all: Vec<Seen> = fs::read_dir("/proc")
        .expect("/proc")
        .filter_map(|entry| see(entry.ok()?.file_name().to_str()?.parse().ok()?))
        .collect();
    let parents: HashMap<u32, u32> = all.iter().map(|seen| (seen.id, seen.parent)).collect();
    let own = std::process::id();
    let is_ours = |seen: &Seen| {
        let mut at = seen.id;
        while at != own {
            match parents.get(&at) {
                Some(parent) if *parent != 0 => at = *parent,
                _ => return false,
            }
        }
        true
    };
    all.into_iter().filter(is_ours).collect()
}

fn part(seen: &Seen) -> Option<Part> {
    if seen.id == std::process::id() {
        return Some(Part::Client);
    }
    let mut words = seen.command.split_whitespace();
    let program = words.next()?.rsplit('/').next()?.to_owned();
    match (program.trim_end_matches(':'), words.next()) {
        ("cloister", Some("serve")) => Some(Part::Service),
        ("cloister", Some("work")) => Some(Part::Worker),
        ("cloister-bench", Some("floor")) => Some(Part::Floor),
        ("postgres", _) => Some(Part::Postgres),
        ("redis-server", _) => Some(Part::Redis),
        _ => None,
    }
}

impl Used {
    /// So many seconds of each part.
    #[cfg(test)]
    pub(crate) fn of(parts: impl IntoIterator<Item = (Part, f64)>) -> Self {
        Self(parts.into_iter().collect())
    }

    /// What was used until now.
    pub(crate) fn now() -> Self {
        let mut used = Self::default();
        for seen in descendants() {
            if let Some(part) = part(&seen) {
                *used.0.entry(part).or_default() += seen.ticks as f64 * TICK;
            }
        }
        used
    }

    /// Seconds that a part used since `before`.
    pub(crate) fn since(&self, before: &Self, part: Part) -> f64 {
        let of = |used: &Self| used.0.get(&part).copied().unwrap_or_default();
        (of(self) - of(before)).max(0.0)
    }
}

/// Memory in megabytes: resident of the service, worker and Redis; PostgreSQL's with what its processes share counted
/// once.
pub(crate) fn memory() -> Value {
    let mut sums: HashMap<Part, f64> = HashMap::new();
    for seen in descendants() {
        let Some(part) = part(&seen) else { continue };
        let megabytes = if part == Part::Postgres {
            kilobytes(&format!("/proc/{}/smaps_rollup", seen.id), "Pss:")
        } else {
            kilobytes(&format!("/proc/{}/status", seen.id), "VmRSS:")
        };
        *sums.entry(part).or_default() += megabytes.unwrap_or_default() / 1024.0;
    }
    let of = |part| (sums.get(&part).copied().unwrap_or_default() * 10.0).round() / 10.0;
    json!({
        "service": of(Part::Service), "worker": of(Part::Worker), "floor": of(Part::Floor),
        "postgresql": of(Part::Postgres), "redis": of(Part::Redis),
    })
}

fn kilobytes(file: &str, field: &str) -> Option<f64> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix(field)?.split_whitespace().next()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_seen_working() {
        let before = Used::now();
        let started = std::time::Instant::now();
        let mut sum = 0u64;
        while started.elapsed().as_millis() < 200 {
            sum = sum.wrapping_add(std::hint::black_box(1));
        }
        let used = Used::now().since(&before, Part::Client);
        assert!(used >= 0.05, "{used} s of processor time, {sum}");
    }
}
