//! Every call to a clinic that a guard turned away leaves an event in the clinic's log, before it is answered.

use cloister_access::Visitor;
use cloister_edge::{Inbound, Problem};
use cloister_identity::{Identity, Noted, RefusedCall};
use cloister_kernel::Phi;

/// The longest method and path kept, in characters.
const LONGEST_TARGET: usize = 300;

/// What a request asks for, as events say it: taken before the request is used up.
pub(crate) fn target(request: &poem::Request) -> Phi<String> {
    let text = format!("{} {}", request.method(), request.uri().path());
    Phi::new(text.chars().take(LONGEST_TARGET).collect())
}

/// Writes the event of a request whose guard refused it. Where it cannot be written, that is the answer. The metric
/// `refused_calls_unwritten_total` counts the calls of a flood that were left out.
pub(crate) async fn note(identity: &Identity, inbound: &Inbound, target: Phi<String>) -> Result<(), Problem> {
    let Some(refusal) = inbound.refusal() else { return Ok(()) };
    let (tenant, audience) = inbound.clinic()?;
    let visitor = Visitor::new(tenant, audience, inbound.facts());
    let refused = RefusedCall { code: &refusal.code, flood: refusal.flood, user: refusal.user, target };
    if identity.note_refused_call(&visitor, refused).await? == Noted::LeftOut {
        metrics::counter!("refused_calls_unwritten_total").increment(1);
    }
    Ok(())
}
