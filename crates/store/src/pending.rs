//! Values that were read in a unit of work and stay sealed until its events are committed.

use std::sync::atomic::{AtomicU64, Ordering};

use cloister_vault::KeyRing;

use crate::StoreError;

/// Tells one unit of work of this process from every other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UnitTag(u64);

impl UnitTag {
    pub(crate) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

type Opening<T> = Box<dyn FnOnce(&KeyRing) -> Result<T, StoreError> + Send>;

/// A value that may not be known yet. It is still sealed: only the `commit` of the unit of work that read it opens
/// it, after its events are written.
#[must_use = "a pending value is released by the commit of its unit of work"]
pub struct Pending<T> {
    unit: UnitTag,
    open: Opening<T>,
}

impl<T: 'static> Pending<T> {
    pub(crate) fn new(
        unit: UnitTag,
        open: impl FnOnce(&KeyRing) -> Result<T, StoreError> + Send + 'static,
    ) -> Self {
        Self { unit, open: Box::new(open) }
    }

    /// What will be done with the value once it is released.
    pub fn map<U: 'static>(self, change: impl FnOnce(T) -> U + Send + 'static) -> Pending<U> {
        let open = self.open;
        Pending { unit: self.unit, open: Box::new(move |ring| open(ring).map(change)) }
    }

    /// A rule that the value must meet to be released; `commit` answers with the rule's error otherwise. The events
    /// stand by then.
    pub fn check(self, rule: impl FnOnce(&T) -> Result<(), StoreError> + Send + 'static) -> Self {
        let open = self.open;
        Self {
            unit: self.unit,
            open: Box::new(move |ring| {
                let value = open(ring)?;
                rule(&value)?;
                Ok(value)
            }),
        }
    }

    /// Two values of the same unit as one.
    pub fn and<U: 'static>(self, other: Pending<U>) -> Pending<(T, U)> {
        let same_unit = self.unit == other.unit;
        let (first, second) = (self.open, other.open);
        Pending {
            unit: self.unit,
            open: Box::new(move |ring| {
                if !same_unit {
                    return Err(StoreError::ForeignPending);
                }
                Ok((first(ring)?, second(ring)?))
            }),
        }
    }
}

impl<T> std::fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pending")
    }
}

/// A value that holds nothing sealed: ids, times, counts. It goes through `commit` as it is.
#[derive(Debug)]
pub struct Plain<T>(pub T);

/// What `commit` can release. Implemented here only: for [`Pending`], [`Plain`], `()`, and options, vectors and
/// tuples of these.
pub trait Release: sealed::Sealed {
    /// What comes out.
    type Out;
}

pub(crate) mod sealed {
    use cloister_vault::KeyRing;

    use super::{Pending, Plain, UnitTag};
    use crate::StoreError;

    pub trait Sealed: Sized {
        type Opened;
        #[expect(private_interfaces, reason = "only this crate calls it")]
        fn is_of(&self, unit: UnitTag) -> bool;
        fn open(self, ring: &KeyRing) -> Result<Self::Opened, StoreError>;
    }

    impl<T> Sealed for Pending<T> {
        type Opened = T;
        #[expect(private_interfaces, reason = "only this crate calls it")]
        fn is_of(&self, unit: UnitTag) -> bool {
            self.unit == unit
        }
        fn open(self, ring: &KeyRing) -> Result<T, StoreError> {
            (self.open)(ring)
        }
    }

    impl<T> Sealed for Plain<T> {
        type Opened = T;
        #[expect(private_interfaces, reason = "only this crate calls it")]
        fn is_of(&self, _: UnitTag) -> bool {
            true
        }
        fn open(self, _: &KeyRing) -> Result<T, StoreError> {
            Ok(self.0)
        }
    }

    impl Sealed for () {
        type Opened = ();
        #[expect(private_interfaces, reason = "only this crate calls it")]
        fn is_of(&self, _: UnitTag) -> bool {
            true
        }
        fn open(self, _: &KeyRing) -> Result<(), StoreError> {
            Ok(())
        }
    }

    impl<P: Sealed> Sealed for Option<P> {
        type Opened = Option<P::Opened>;
        #[expect(private_interfaces, reason = "only this crate calls it")]
        fn is_of(&self, unit: UnitTag) -> bool {
            self.as_ref().is_none_or(|pending| pending.is_of(unit))
        }
        fn open(self, ring: &KeyRing) -> Result<Self::Opened, StoreError> {
            self.map(|pending| pending.open(ring)).transpose()
        }
    }

    impl<P: Sealed> Sealed for Vec<P> {
        type Opened = Vec<P::Opened>;
        #[expect(private_interfaces, reason = "only this crate calls it")]
        fn is_of(&self, unit: UnitTag) -> bool {
            self.iter().all(|pending| pending.is_of(unit))
        }
        fn open(self, ring: &KeyRing) -> Result<Self::Opened, StoreError> {
            self.into_iter().map(|pending| pending.open(ring)).collect()
        }
    }

    macro_rules! tuples {
        ($($($name:ident $index:tt)+;)+) => {$(
            impl<$($name: Sealed),+> Sealed for ($($name,)+) {
                type Opened = ($($name::Opened,)+);
                #[expect(private_interfaces, reason = "only this crate calls it")]
                fn is_of(&self, unit: UnitTag) -> bool {
                    $(self.$index.is_of(unit))&&+
                }
                fn open(self, ring: &KeyRing) -> Result<Self::Opened, StoreError> {
                    Ok(($(self.$index.open(ring)?,)+))
                }
            }
        )+};
    }
    tuples! { A 0 B 1; A 0 B 1 C 2; A 0 B 1 C 2 D 3; }
}

impl<P: sealed::Sealed> Release for P {
    type Out = P::Opened;
}
