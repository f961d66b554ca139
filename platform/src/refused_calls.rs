//! Every call to a clinic that a guard turned away leaves an event in the clinic's log, before it is answered.

use cloister_access::Visitor;
use cloister_edge::{GuardRefusal, Inbound, Problem};
use cloister_identity::{Identity, Noted, RefusedCall};
use cloister_kernel::Phi;
use poem::http::{Method, Uri};

/// The longest method and path kept, in characters.
const LONGEST_TARGET: usize = 300;

/// The metric that counts the calls of a flood that were left out of the log.
pub(crate) const LEFT_OUT: &str = "refused_calls_unwritten_total";

/// Writes the event of a request that its guard refused. Where it cannot be written, that is the answer.
pub(crate) async fn note(
    identity: &Identity,
    inbound: &Inbound,
    refusal: &GuardRefusal,
    method: &Method,
    uri: &Uri,
) -> Result<(), Problem> {
    let (tenant, audience) = inbound.clinic()?;
    let visitor = Visitor::new(tenant, audience, inbound.facts());
    let target = format!("{method} {}", uri.path()).chars().take(LONGEST_TARGET).collect();
    let refused = RefusedCall {
        code: &refusal.code,
        flood: refusal.flood,
        user: refusal.user,
        target: Phi::new(target),
    };
    if identity.note_refused_call(&visitor, refused).await? == Noted::LeftOut {
        metrics::counter!(LEFT_OUT).increment(1);
    }
    Ok(())
}
