//! A world of its own and somebody who calls every operation in it, one after the other, over and over.

use std::{collections::BTreeMap, time::Instant};

use cloister_testkit::app::{Call, WireAnswer};
use fastrand::Rng;
use serde_json::json;
use time::Duration;

use crate::{
    aims::{Known, aim, entitled},
    case::Case,
    change::{Materials, change},
    document::{Operation, Takes},
    judge::faults,
    people::{People, SIGNED_IN, Who},
    report::Report,
    steps::{Open, Visitors},
};

/// The clock moves by this much for each call.
const PACE: Duration = Duration::milliseconds(20);
/// Mails are sent after so many rounds.
const WORK: u64 = 50;
/// How far a part is, is told after so many.
const TOLD: u64 = 500;

/// What a part of a run is made of.
pub(crate) struct Orders<'a> {
    pub(crate) operations: &'a [Operation],
    pub(crate) corpus: &'a BTreeMap<String, Vec<Case>>,
    pub(crate) strings: Vec<String>,
    pub(crate) calls: u64,
    pub(crate) seed: u64,
    /// Which of the parts of the run this is, from one.
    pub(crate) part: u64,
    /// Nothing is begun later.
    pub(crate) until: Instant,
}

/// How a call came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It should succeed.
    Right,
    /// As schemathesis thought of it.
    Thought,
    /// Either of them, changed.
    Changed,
}

struct Shard<'a> {
    orders: Orders<'a>,
    people: People,
    visitors: Visitors,
    known: Known,
    open: BTreeMap<String, Open>,
    materials: Materials,
    rng: Rng,
    report: Report,
}

/// Calls every operation as often as ordered.
pub(crate) async fn run(orders: Orders<'_>) -> Report {
    let mut people = People::gather().await;
    let visitors = Visitors::gather(&mut people).await;
    let mut materials = Materials::with(orders.strings.clone());
    materials.ids = people.ids();
    let rng = Rng::with_seed(orders.seed);
    let (known, open, report) = (Known::default(), BTreeMap::new(), Report::default());
    let mut shard = Shard { orders, people, visitors, known, open, materials, rng, report };
    for round in 0..shard.orders.calls {
        if Instant::now() > shard.orders.until {
            break;
        }
        for place in 0..shard.orders.operations.len() {
            let operation = shard.orders.operations[place].clone();
            shard.try_once(&operation).await;
        }
        if round % WORK == 0 {
            shard.people.app().work().await;
        }
        if round % TOLD == 0 && round > 0 {
            let (part, whole) = (shard.orders.part, shard.orders.calls);
            println!("part {part}: {round} of {whole} rounds, {} calls", shard.report.calls());
        }
    }
    shard.report
}

impl Shard<'_> {
    async fn try_once(&mut self, operation: &Operation) {
        self.people.app().pass(PACE);
        let kind = self.kind(operation);
        let who = self.who(operation, kind);
        self.people.ready(who).await;
        let case = self.case(operation, kind, who).await;
        let mut call = self.people.call(who, operation, &case.target(operation));
        if let Some(open) = self.open.get(&operation.id).filter(|_| who == Who::Visitor) {
            call = Call::new(operation.method.clone(), open.browser.origin(), &call.path)
                .as_page_of(&open.browser);
        }
        call = case.put_into(operation, call);
        let spoiled = kind == Kind::Changed && self.rng.u8(..12) == 0;
        if spoiled {
            self.spoil(&mut call);
        }
        let wire =
            if operation.takes == Takes::OperatorToken { &self.people.operators } else { &self.people.wire };
        match wire.try_send(&call).await {
            Ok(answer) => {
                // With another's cookie one sees what the other may see, of the same clinic.
                let seen_by = if spoiled { Who::Clinician } else { who };
                self.judge(operation, kind, seen_by, &call, &answer);
                self.settle(operation, who, spoiled, &answer).await;
            }
            Err(error) if error.is_builder() => self.report.unsent += 1,
            Err(error) => {
                self.report.fault(json!({ "operation": operation.label, "cut off": error.to_string(),
                "path": call.path, "headers": call.headers.keys().collect::<Vec<_>>() }))
            }
        }
    }

    fn judge(&mut self, operation: &Operation, kind: Kind, who: Who, call: &Call, answer: &WireAnswer) {
        self.report.answered(&operation.label, answer.status);
        let found = faults(operation, call, answer, &self.people.forbidden(who, &call.origin));
        if !found.is_empty() {
            let shown = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(600)]).into_owned();
            self.report.fault(json!({
                "operation": operation.label, "faults": found, "status": answer.status, "who": format!("{who:?}"),
                "kind": format!("{kind:?}"), "path": call.path.chars().take(600).collect::<String>(),
                "headers": call.headers.iter().filter(|(name, _)| !["cookie", "authorization", "x-csrf-token"]
                    .contains(&name.as_str())).collect::<BTreeMap<_, _>>(),
                "body": shown(call.body.as_deref().unwrap_or_default()), "answer": shown(&answer.body),
                "type": answer.header("content-type"),
            }));
        }
    }

    /// Keeps what the answer told, and replaces what it ended.
    async fn settle(&mut self, operation: &Operation, who: Who, spoiled: bool, answer: &WireAnswer) {
        self.known.learn(operation, answer);
        let succeeded = (200..300).contains(&answer.status);
        if let Some(open) = self.open.get_mut(&operation.id).filter(|_| who == Who::Visitor) {
            open.left = open.left.saturating_sub(1);
            if succeeded || open.left == 0 || (!spoiled && [401, 403, 409, 429].contains(&answer.status)) {
                self.open.remove(&operation.id);
            }
        }
        let refused = answer.status == 401 && !spoiled;
        if refused || (answer.headers.contains_key("set-cookie") && who != Who::Visitor) {
            self.people.lost(who).await;
        }
    }

    fn kind(&mut self, operation: &Operation) -> Kind {
        // These cost a session, an account or a clinic each time.
        let dear = operation.takes == Takes::Flow
            || matches!(
                operation.id.as_str(),
                "sign_out" | "revoke_session" | "step_up_session" | "create_tenant"
            );
        match self.rng.u8(..100) {
            0..4 => Kind::Right,
            4..12 if !dear => Kind::Right,
            4..45 => Kind::Thought,
            _ => Kind::Changed,
        }
    }

    fn who(&mut self, operation: &Operation, kind: Kind) -> Who {
        let own = entitled(operation);
        // Nobody's session but his may end, and his seldom: a new one costs a password each time.
        if matches!(operation.id.as_str(), "sign_out" | "revoke_other_sessions" | "revoke_session") {
            let others = [own, Who::Anonymous, Who::Record, Who::Anonymous];
            return if kind == Kind::Right { own } else { others[self.rng.usize(..others.len())] };
        }
        if kind == Kind::Right || self.rng.u8(..10) < 6 {
            return own;
        }
        let anybody = SIGNED_IN[self.rng.usize(..SIGNED_IN.len())];
        match (operation.takes, self.rng.u8(..4)) {
            (Takes::OperatorToken, 0) => Who::Anonymous,
            (Takes::OperatorToken, _) | (Takes::Flow, 1..) => own,
            (_, 0) => Who::Anonymous,
            (Takes::Bearer, 1 | 2) => Who::RecordThere,
            (Takes::Session, 1) => Who::Record,
            _ => anybody,
        }
    }

    async fn case(&mut self, operation: &Operation, kind: Kind, who: Who) -> Case {
        let thought = self.orders.corpus.get(&operation.id).map_or(&[][..], Vec::as_slice);
        let thought = (!thought.is_empty()).then(|| thought[self.rng.usize(..thought.len())].clone());
        let as_thought = kind == Kind::Thought || (kind == Kind::Changed && self.rng.u8(..3) == 0);
        let mut case = match thought.filter(|_| as_thought) {
            Some(case) => self.naming_what_exists(case),
            None => self.right(operation, kind).await,
        };
        if who == Who::Visitor && !self.open.contains_key(&operation.id) {
            self.open_flow(operation, false).await;
        }
        if kind == Kind::Changed {
            change(&mut case, &mut self.rng, &self.materials);
        }
        case
    }

    /// A case that should succeed, or would if it were not changed.
    async fn right(&mut self, operation: &Operation, kind: Kind) -> Case {
        if operation.takes != Takes::Flow {
            return aim(operation, &mut self.people, &mut self.known).await;
        }
        if kind == Kind::Right || !self.open.contains_key(&operation.id) {
            let there = kind == Kind::Right || self.rng.u8(..6) == 0;
            self.open_flow(operation, there).await;
        }
        Case::empty().with(self.open[&operation.id].right.clone())
    }

    async fn open_flow(&mut self, operation: &Operation, there: bool) {
        let open = self.visitors.open(operation, &mut self.people, &mut self.known, there).await;
        self.open.insert(operation.id.clone(), open);
    }

    /// Two of three well-formed ids become ones that exist: a call with an id of nothing reaches little.
    fn naming_what_exists(&mut self, mut case: Case) -> Case {
        for value in case.path.values_mut() {
            if value.len() == 36 && self.rng.u8(..3) > 0 && !self.materials.ids.is_empty() {
                *value = self.materials.ids[self.rng.usize(..self.materials.ids.len())].to_string();
            }
        }
        case
    }

    /// Takes something from the credentials, or puts another's in their place.
    fn spoil(&mut self, call: &mut Call) {
        let other = self.people.person(SIGNED_IN[self.rng.usize(..SIGNED_IN.len())]);
        let theirs =
            other.map(|person| Call::new(call.method.clone(), "", "").as_page_of(&person.browser).headers);
        let mut put = |name: &str, value: String| drop(call.headers.insert(name.to_owned(), value));
        match self.rng.u8(..9) {
            0 => drop(call.headers.remove("x-csrf-token")),
            1 => put("x-csrf-token", "x".repeat(43)),
            2 => put("origin", "http://evil.example".to_owned()),
            3 => put("sec-fetch-site", "cross-site".to_owned()),
            4 => put("cookie", format!("__Host-cloister={}", "A".repeat(43))),
            5 => put("cookie", "__Host-cloister=a; __Host-cloister=b".to_owned()),
            6 => put("authorization", format!("Bearer {}", "A".repeat(43))),
            7 => put("authorization", "Basic YTpi".to_owned()),
            _ => call.headers.extend(theirs.into_iter().flatten().filter(|(name, _)| name == "cookie")),
        }
    }
}
