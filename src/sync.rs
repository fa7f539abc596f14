//! Locks that a panic does not close.
//!
//! A thread that panics ends its attempt or its job ([`crate::engine`]). What it left behind a lock is whole, or is
//! not used after that; whoever waits for the lock must get it, or the job would end in a second panic or never.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, whatever became of who had the lock before.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is behind a lock that nobody else has any more.
pub(crate) fn into_inner<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_closes_nothing() {
        let mutex = Mutex::new(1);
        let outcome = std::panic::catch_unwind(|| {
            *lock(&mutex) += 1;
            let _locked = lock(&mutex);
            panic!("on purpose");
        });
        assert!(outcome.is_err() && mutex.is_poisoned());
        *lock(&mutex) += 1;
        assert_eq!(into_inner(mutex), 3);
    }
}
