//! Load: what is asked, how it arrives, and how long it took.

mod arrivals;
mod connection;
mod operations;
mod sign_in;

pub use arrivals::{Round, closed_loop, open_loop};
pub use connection::{Connection, request};
pub use operations::{Chart, Gets, Posts};
pub use sign_in::{Account, SignIns};

/// Something to do again and again, by many connections at once.
pub trait Operation: Send + Sync + 'static {
    /// Does it once. `number` differs each time within a run of the load.
    fn run(
        &self,
        connection: &mut Connection,
        number: u64,
    ) -> impl Future<Output = Result<(), String>> + Send;
}
