//! A decision allocates nothing: this program counts what its allocator is asked for, by thread.

#![expect(clippy::expect_used, reason = "without its fixtures there is nothing to test")]

#[path = "../benches/fixtures/mod.rs"]
mod fixtures;
#[path = "../benches/world/mod.rs"]
mod world;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

use fixtures::id::{OTHER_APPLICATION, partner};
use fixtures::{Caller, Stance, guests_for_mfa};
use tenantgate::engine::{Reason, decide};
use tenantgate::token::{Audience, Home, Identity};
use world::{World, access};

/// Enough for every stance.
const PARTNERS: u32 = 8;

#[test]
fn an_allocation_is_counted() {
    assert_eq!(allocations(|| drop(black_box(Box::new(1)))), 1);
    assert_eq!(allocations(|| drop(black_box(vec![0_u8; 10]))), 1, "zeroed memory counts");
    let mut grows = Vec::with_capacity(1);
    assert_eq!(allocations(|| grows.extend(black_box([1, 2]))), 1, "growing counts");
    assert_eq!(allocations(|| ()), 0);
}

#[test]
fn an_allowed_member_costs_none() {
    let world = World::new(PARTNERS, &[]);
    assert_eq!(decided(&world, &world.identity(Caller::Member(1))), Reason::Internal);
}

#[test]
fn guests_by_the_partners_setting_cost_none() {
    let world = World::new(PARTNERS, &[]);
    assert_eq!(decided(&world, &guest(&world, Stance::Welcome)), Reason::Permitted);
    assert_eq!(decided(&world, &guest(&world, Stance::Refused)), Reason::UsersAndApplicationsBlocked);
    let stranger = Identity { home_object: None, ..guest(&world, Stance::Welcome) };
    assert_eq!(decided(&world, &stranger), Reason::PrincipalUnresolved);
}

#[test]
fn guests_by_an_inherited_setting_cost_none() {
    let world = World::new(PARTNERS, &[]);
    assert_eq!(decided(&world, &guest(&world, Stance::Silent)), Reason::Permitted);
    let unlisted = Identity { home: Home::Tenant(partner(PARTNERS)), ..guest(&world, Stance::Silent) };
    assert_eq!(decided(&world, &unlisted), Reason::Permitted);
    // Direct connect is in no setting of the bundle: what Microsoft ships counts.
    let foreign = Identity { tenant: partner(PARTNERS), ..unlisted };
    assert_eq!(decided(&world, &foreign), Reason::UsersAndApplicationsBlocked);
}

#[test]
fn both_sides_of_a_hosted_home_cost_none() {
    let world = World::new(PARTNERS, &[]);
    let guest = guest(&world, Stance::Hosted);
    assert_eq!(decided(&world, &guest), Reason::Permitted);
    let audience = Audience { application: Some(OTHER_APPLICATION), ..guest.audience };
    assert_eq!(decided(&world, &Identity { audience, ..guest }), Reason::HomeOutboundBlocked);
}

#[test]
fn conditional_access_costs_none() {
    let world = World::new(PARTNERS, &[guests_for_mfa()]);
    let proven = guest(&world, Stance::Welcome);
    assert_eq!(decided(&world, &proven), Reason::Permitted);
    let unproven = Identity { amr_mfa: false, ..proven };
    assert_eq!(decided(&world, &unproven), Reason::MfaRequired);
    let challenged = Identity { understands_challenges: true, ..unproven };
    assert_eq!(decided(&world, &challenged), Reason::MfaRequired);
}

#[test]
fn callers_from_outside_entra_cost_none() {
    let world = World::new(PARTNERS, &[]);
    let outsider = Identity { home: Home::NonEntra, ..guest(&world, Stance::Silent) };
    assert_eq!(decided(&world, &outsider), Reason::Permitted);
}

fn guest(world: &World, stance: Stance) -> Identity {
    let number =
        (0..PARTNERS).find(|number| Stance::of(*number) == stance).expect("a partner of each stance");
    world.identity(Caller::Guest(number))
}

/// What is decided, which must not allocate.
fn decided(world: &World, identity: &Identity) -> Reason {
    let access = access(identity);
    let decide = || decide(&world.snapshot, &world.rules, black_box(&access), &mut ()).reason();
    // Microsoft's defaults are made once for the process, by the first decision that needs them.
    let first = decide();
    let mut again = first;
    assert_eq!(allocations(|| again = decide()), 0, "{first}");
    assert_eq!(again, first);
    first
}

/// How often `work` asks the allocator for memory.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = COUNT.get();
    work();
    COUNT.get() - before
}

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The system's allocator, and a count of what it is asked for.
struct Counting;

impl Counting {
    fn count() {
        // A thread that ends frees and allocates after its locals are gone; it measures nothing any more.
        let _counted = COUNT.try_with(|count| count.set(count.get() + 1));
    }
}

#[expect(
    unsafe_code,
    reason = "an allocator is unsafe by its trait; every call goes to the system's as it came"
)]
// SAFETY: memory is handled by `System` alone, and counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::count();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::count();
        // SAFETY: as above.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}
