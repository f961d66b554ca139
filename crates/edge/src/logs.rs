//! Logs: one JSON object a line. JSON escapes what could end a line; the rest that a terminal obeys is escaped here.

use std::io::{self, Write};

use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::EdgeError;

/// Starts the process's log on standard output. `filter` is as in `RUST_LOG`; an unreadable one means `info`.
/// A panic is logged by its place alone.
pub fn start_logs(filter: &str) -> Result<(), EdgeError> {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_env_filter(filter)
        .with_writer(Plain(io::stdout))
        .try_init()
        .map_err(|_| EdgeError::SetUpTwice("logs"))?;
    // The usual hook prints the text of a panic, which may hold a patient's values.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "panicked");
    }));
    Ok(())
}

/// Makes writers that let no control character through but the end of a line.
pub(crate) struct Plain<M>(pub(crate) M);

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for Plain<M> {
    type Writer = PlainWriter<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        PlainWriter(self.0.make_writer())
    }
}

pub(crate) struct PlainWriter<W>(W);

impl<W: Write> Write for PlainWriter<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let mut plain = String::with_capacity(text.len());
        for c in text.chars() {
            // DEL, C1 controls, line separators and bidirectional marks pass JSON unescaped.
            let obeyed = (c.is_control() && c != '\n')
                || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            if obeyed {
                plain.push_str(&format!("\\u{:04x}", u32::from(c)));
            } else {
                plain.push(c);
            }
        }
        self.0.write_all(plain.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_value_ends_a_line_or_moves_a_cursor() {
        let kept = Kept::default();
        let maker = kept.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_writer(Plain(move || maker.clone()))
            .finish();
        let evil = "a\r\nforged\u{1b}[2J\u{7f}\u{9b}31m\u{2028}\u{202e}\0";
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(value = evil, "{evil}");
        });
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text:?}");
        assert!(text.trim_end().chars().all(|c| !c.is_control()), "{text:?}");
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["value"], evil);
    }
}
