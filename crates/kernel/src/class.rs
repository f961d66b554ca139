//! Data classes (requirement DATA-1): what a value is, said by its type.
//!
//! A [`Phi`] or [`Pii`] value cannot be printed, logged, compared by accident or serialised: whoever needs it
//! writes `expose`, and reviewers look for that word.

use std::{fmt, marker::PhantomData};

/// How a stored field must be treated.
pub trait DataClass: 'static {
    /// The class's name as written in the data contract.
    const NAME: &'static str;
}

/// Protected health information: sealed at rest under the tenant's `phi` data key.
#[derive(Debug)]
pub enum PhiClass {}
impl DataClass for PhiClass {
    const NAME: &'static str = "PHI";
}

/// Personal data without medical content: sealed at rest under the tenant's `pii` data key.
#[derive(Debug)]
pub enum PiiClass {}
impl DataClass for PiiClass {
    const NAME: &'static str = "PII";
}

/// A value that carries its class and gives itself up only to `expose`.
pub struct Classified<C: DataClass, T>(T, PhantomData<fn() -> C>);

/// Protected health information.
pub type Phi<T> = Classified<PhiClass, T>;
/// Personal data.
pub type Pii<T> = Classified<PiiClass, T>;
/// Known to the platform and its operators, of no use outside: ids, states, times.
pub type Internal<T> = T;
/// Anyone may know it: a clinic's name and colours.
pub type Public<T> = T;

impl<C: DataClass, T> Classified<C, T> {
    /// Puts a value under the protection of its class.
    pub const fn new(value: T) -> Self {
        Self(value, PhantomData)
    }

    /// The value itself, by reference.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// The value itself.
    pub fn into_exposed(self) -> T {
        self.0
    }

    /// Changes the value without taking it out of its class.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Classified<C, U> {
        Classified::new(change(self.0))
    }
}

impl<C: DataClass, T: Clone> Clone for Classified<C, T> {
    fn clone(&self) -> Self {
        Self::new(self.0.clone())
    }
}

impl<C: DataClass, T> fmt::Debug for Classified<C, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", C::NAME)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_names_the_class_and_never_the_value() {
        assert_eq!(format!("{:?}", Phi::new("HbA1c 9.1 %")), "[PHI]");
        assert_eq!(format!("{:?}", Some(Pii::new("ana@example.org"))), "Some([PII])");
    }
}
