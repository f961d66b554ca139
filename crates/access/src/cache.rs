//! Compiled policies, shared by every clinic whose policy is the same.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use crate::{
    policy::{PolicyDocument, PolicyError, PolicyHash},
    table::DecisionTable,
};

/// Finished tables by hash, and the order in which they came.
#[derive(Default)]
struct Tables {
    by_hash: HashMap<PolicyHash, Arc<DecisionTable>>,
    order: VecDeque<PolicyHash>,
}

struct Shared {
    capacity: usize,
    tables: RwLock<Tables>,
    compiling: Mutex<()>,
}

/// Holds a bounded number of tables; cheap to clone. A clinic's policy changes in one step: its row names another
/// hash, and the next unit of work finds the other table whole or not at all.
#[derive(Clone)]
pub struct PolicyCache(Arc<Shared>);

impl PolicyCache {
    /// A cache of at most this many different policies (at least one); the oldest makes room.
    pub fn new(capacity: usize) -> Self {
        Self(Arc::new(Shared {
            capacity: capacity.max(1),
            tables: RwLock::default(),
            compiling: Mutex::default(),
        }))
    }

    /// The table of a policy that was compiled before.
    pub fn get(&self, hash: &PolicyHash) -> Option<Arc<DecisionTable>> {
        self.0.tables.read().unwrap_or_else(PoisonError::into_inner).by_hash.get(hash).map(Arc::clone)
    }

    /// The table of a document, compiled if it is new, on the calling thread. One is compiled at a time, and never
    /// the same one twice.
    pub fn compile(&self, document: &PolicyDocument) -> Result<Arc<DecisionTable>, PolicyError> {
        let hash = document.hash();
        if let Some(table) = self.get(&hash) {
            return Ok(table);
        }
        let _one_at_a_time = self.0.compiling.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = self.get(&hash) {
            return Ok(table);
        }
        let table = Arc::new(DecisionTable::compile(document)?);
        let mut tables = self.0.tables.write().unwrap_or_else(PoisonError::into_inner);
        if tables.order.len() >= self.0.capacity
            && let Some(oldest) = tables.order.pop_front()
        {
            tables.by_hash.remove(&oldest);
        }
        tables.order.push_back(hash);
        tables.by_hash.insert(hash, Arc::clone(&table));
        Ok(table)
    }

    /// The same, on a thread where waiting is allowed, so that no request waits for a compilation but those that
    /// need it.
    pub async fn load(&self, document: PolicyDocument) -> Result<Arc<DecisionTable>, PolicyError> {
        if let Some(table) = self.get(&document.hash()) {
            return Ok(table);
        }
        let cache = self.clone();
        tokio::task::spawn_blocking(move || cache.compile(&document))
            .await
            .map_err(|stopped| PolicyError::Engine(Box::new(stopped)))?
    }
}

impl std::fmt::Debug for PolicyCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tables = self.0.tables.read().unwrap_or_else(PoisonError::into_inner);
        write!(f, "PolicyCache({} policies)", tables.by_hash.len())
    }
}
