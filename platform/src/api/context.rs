//! Who calls: what every handler takes first. Each applies a guard of the edge and adds the platform it works with,
//! and the caller or visitor that use cases ask for.

use cloister_access::{Caller, Visitor};
use cloister_edge::{Anonymous, Anyone, Bearer, InFlow, Inbound, Problem, SignedIn};
use cloister_identity::{CurrentFlow, VerifiedAccess};
use cloister_kernel::{Failure, FailureKind};
use poem::{Request, RequestBody, http::StatusCode};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions, registry::Registry};

use crate::Platform;

fn platform(request: &Request) -> Result<Platform, Problem> {
    let platform = request.data::<Platform>().cloned();
    platform.ok_or_else(|| Problem::internal("the API is served without its platform"))
}

/// Nobody yet, at the site that was asked.
pub(super) fn visitor(inbound: &Inbound) -> Result<Visitor, Problem> {
    let (tenant, audience) = inbound.clinic()?;
    Ok(Visitor::new(tenant, audience, inbound.facts()))
}

/// Anyone at all, for the few reads that answer everybody.
pub(crate) struct Looker {
    pub(crate) platform: Platform,
    pub(crate) anyone: Anyone,
}

/// A person with a live session.
pub(crate) struct User {
    pub(crate) platform: Platform,
    pub(crate) signed_in: SignedIn,
    pub(crate) caller: Caller,
}

/// Somebody in the middle of a sign-in or an activation.
pub(crate) struct Newcomer {
    pub(crate) platform: Platform,
    pub(crate) visitor: Visitor,
    in_flow: InFlow,
}

/// A record system without a token yet.
pub(crate) struct Applicant {
    pub(crate) platform: Platform,
    pub(crate) visitor: Visitor,
    pub(crate) inbound: Inbound,
}

/// A record system with an access token that holds.
pub(crate) struct Machine {
    pub(crate) platform: Platform,
    pub(crate) caller: Caller,
    scope: String,
}

impl Looker {
    async fn of(request: &Request) -> Result<Self, Problem> {
        let anyone = Anyone::of(request).await?;
        Ok(Self { platform: platform(request)?, anyone })
    }
}

impl User {
    async fn of(request: &Request) -> Result<Self, Problem> {
        let signed_in = SignedIn::of(request).await?;
        let platform = platform(request)?;
        let visitor = visitor(&signed_in.inbound)?;
        let caller = platform.identity().caller(&visitor, &signed_in.session)?;
        Ok(Self { platform, signed_in, caller })
    }
}

impl Newcomer {
    async fn of(request: &Request) -> Result<Self, Problem> {
        let in_flow = InFlow::of(request).await?;
        let visitor = visitor(&in_flow.inbound)?;
        Ok(Self { platform: platform(request)?, visitor, in_flow })
    }

    /// The flow, as use cases take it.
    pub(crate) fn flow(&self) -> CurrentFlow<'_> {
        CurrentFlow { flow: &self.in_flow.flow, token: &self.in_flow.token }
    }
}

impl Applicant {
    async fn of(request: &Request) -> Result<Self, Problem> {
        let inbound = Anonymous::of(request).await?.inbound;
        Ok(Self { platform: platform(request)?, visitor: visitor(&inbound)?, inbound })
    }
}

impl Machine {
    async fn of(request: &Request) -> Result<Self, Problem> {
        let bearer = Bearer::of(request).await?;
        let platform = platform(request)?;
        let visitor = visitor(&bearer.inbound)?;
        let verified = platform.identity().verify_access_token(&visitor, &bearer.token).await;
        let VerifiedAccess { caller, scope } = verified.map_err(|error| {
            let refused = error.kind() == FailureKind::Unauthenticated;
            let problem = Problem::from(error);
            if refused { problem.challenge("Bearer") } else { problem }
        })?;
        if let cloister_access::Principal::Machine(client) = caller.principal() {
            bearer.inbound.count_machine(client).await?;
        }
        Ok(Self { platform, caller, scope })
    }

    /// Refuses a token whose scopes do not hold these permissions on a resource type (SMART App Launch 2.2, scopes for
    /// system access): `c`, `r`, `u`, `d`, `s`. The refusal leaves an event.
    pub(crate) async fn must_hold(&self, resource_type: &str, permissions: &str) -> Result<(), Problem> {
        if holds(&self.scope, resource_type, permissions) {
            return Ok(());
        }
        self.platform.identity().refuse_scope(&self.caller).await?;
        let title = "the access token's scopes do not cover this";
        Err(Problem::new(StatusCode::FORBIDDEN, "access_token.scope", title))
    }
}

fn holds(scopes: &str, resource_type: &str, permissions: &str) -> bool {
    scopes.split_ascii_whitespace().any(|scope| {
        let parts = scope.strip_prefix("system/").and_then(|scope| scope.split_once('.'));
        parts.is_some_and(|(name, letters)| {
            (name == "*" || name == resource_type)
                && permissions.chars().all(|letter| letters.contains(letter))
        })
    })
}

/// Makes a context the first parameter of handlers, documented as the guard that it applies.
macro_rules! context {
    ($context:ty, $kind:ident, $guard:ty) => {
        impl<'a> ApiExtractor<'a> for $context {
            const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::$kind];
            type ParamType = ();
            type ParamRawType = ();

            fn register(registry: &mut Registry) {
                <$guard as ApiExtractor<'a>>::register(registry);
            }

            fn security_schemes() -> Vec<&'static str> {
                <$guard as ApiExtractor<'a>>::security_schemes()
            }

            async fn from_request(
                request: &'a Request,
                _body: &mut RequestBody,
                _options: ExtractParamOptions<Self::ParamType>,
            ) -> poem::Result<Self> {
                Ok(Self::of(request).await?)
            }
        }
    };
}

context!(Looker, PoemExtractor, Anyone);
context!(User, SecurityScheme, SignedIn);
context!(Newcomer, SecurityScheme, InFlow);
context!(Applicant, PoemExtractor, Anonymous);
context!(Machine, SecurityScheme, Bearer);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_covers_its_type_and_its_letters() {
        assert!(holds("system/*.cruds", "Patient", "r"));
        assert!(holds("system/Observation.r system/*.cud", "*", "cud"));
        assert!(!holds("system/Observation.r", "Patient", "r"));
        assert!(!holds("system/*.rs", "*", "cud"));
        assert!(!holds("system/*.c system/*.u", "*", "cu"));
        assert!(!holds("user/*.cruds patient/*.r", "Patient", "r"));
        assert!(!holds("", "Patient", "r"));
    }
}
