//! Facts in, decisions out.

use super::*;
use crate::{SshFailure, SshProblem};
use proptest::prelude::*;

fn closed(code: u16) -> Fact {
    Fact::Closed { code, lived: Duration::from_secs(5) }
}

fn waits(supervisor: &mut Supervisor, facts: impl IntoIterator<Item = Fact>) -> Vec<u64> {
    let wait = |decision| match decision {
        Decision::DialAfter(wait) => wait.as_millis() as u64,
        other => panic!("{other:?}"),
    };
    facts.into_iter().map(|fact| wait(supervisor.step(fact, 0.5))).collect()
}

/// SSH-11
#[test]
fn ssh_is_dialled_again_after_half_a_second_and_then_ever_later() {
    let mut supervisor = Supervisor::default();
    let failed = || vec![Fact::Failed(Failure::NoTunnel); 8];
    assert_eq!(waits(&mut supervisor, failed()), [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
    for (roll, wait) in [(0.0, 400), (1.0, 600)] {
        let again = Supervisor::default().step(Fact::Failed(Failure::NoTunnel), roll);
        assert_eq!(again, Decision::DialAfter(Duration::from_millis(wait)), "a fifth either way");
    }
    for fact in [Fact::Woke, Fact::NetworkChanged] {
        assert_eq!(supervisor.step(fact, 0.5), Decision::DialAfter(Duration::ZERO));
        assert_eq!(waits(&mut supervisor, [Fact::Failed(Failure::NoTunnel)]), [500], "from the start");
    }
}

/// RECON-1
#[test]
fn waits_double_to_half_a_minute_and_start_over_after_hello() {
    let mut supervisor = Supervisor::default();
    let away = || vec![Fact::Failed(Failure::Away); 7];
    assert_eq!(waits(&mut supervisor, away()), [1000, 2000, 4000, 8000, 16000, 30000, 30000]);
    assert_eq!(supervisor.step(Fact::Connected, 0.5), Decision::Stay);
    assert_eq!(waits(&mut supervisor, [closed(1008)]), [1000]);
}

/// RECON-1
#[test]
fn a_restart_is_followed_at_once_or_when_announced() {
    let mut supervisor = Supervisor::default();
    assert_eq!(waits(&mut supervisor, [closed(1012), closed(1001)]), [250, 250]);
    let back_in = Duration::from_millis(1500);
    assert_eq!(supervisor.step(Fact::RestartAnnounced { back_in }, 0.5), Decision::Stay);
    assert_eq!(waits(&mut supervisor, [closed(1012)]), [1500]);
}

/// RECON-3
#[test]
fn what_dialling_cannot_mend_pauses_until_something_changes() {
    for code in ["AUTH_TOKEN_MISMATCH", "AUTH_TOKEN_MISSING", "AUTH_SCOPE_MISMATCH", "PROTOCOL_MISMATCH"] {
        let mut supervisor = Supervisor::default();
        let decision = supervisor.step(Fact::Failed(Failure::Final(Code(code))), 0.5);
        assert_eq!(decision, Decision::Pause(Code(code)));
        assert_eq!(supervisor.step(Fact::Changed, 0.5), Decision::DialAfter(Duration::ZERO));
    }
}

/// RECON-3
#[test]
fn a_lockout_is_waited_out_when_its_end_is_known() {
    let mut supervisor = Supervisor::default();
    let limited = |retry_after| Fact::Failed(Failure::RateLimited { retry_after });
    assert_eq!(waits(&mut supervisor, [limited(Some(Duration::from_secs(120)))]), [120_000]);
    assert_eq!(supervisor.step(limited(None), 0.5), Decision::Pause(Code("AUTH_RATE_LIMITED")));
}

/// RECON-3, PAIR-15
#[test]
fn pairing_is_polled_while_its_request_lives() {
    let mut supervisor = Supervisor::default();
    let polls = waits(&mut supervisor, vec![Fact::Failed(Failure::Pairing); 5]);
    assert_eq!(polls, [2000, 4000, 8000, 16000, 30000]);
    let last = (0..20).map(|_| supervisor.step(Fact::Failed(Failure::Pairing), 0.5)).last();
    assert_eq!(last, Some(Decision::Pause(Code("PAIRING_REQUIRED"))));
}

/// RECON-4
#[test]
fn a_starting_gateway_is_waited_for_without_counting_as_failure() {
    let mut supervisor = Supervisor::default();
    let starting = || Fact::Failed(Failure::Starting { retry_after: Duration::from_millis(500) });
    assert_eq!(waits(&mut supervisor, [starting(), starting(), starting()]), [500, 500, 500]);
    assert_eq!(waits(&mut supervisor, [Fact::Failed(Failure::Away)]), [1000]);
}

/// RECON-5
#[test]
fn close_codes_decide() {
    for (code, want) in [(1000, 1000), (1006, 50), (1011, 1000), (4000, 50), (4001, 1000), (1012, 250)] {
        assert_eq!(waits(&mut Supervisor::default(), [closed(code)]), [want], "{code}");
    }
    let mismatch = Supervisor::default().step(closed(1002), 0.5);
    assert_eq!(mismatch, Decision::Pause(Code("PROTOCOL_MISMATCH")));
}

/// RECON-1, SSH-11: a minute of health forgets the cuts before it; the first retry after a cut comes within a quarter of a second, but not for ever.
#[test]
fn a_cut_line_is_dialled_at_once_until_it_is_clear_that_cuts_are_not_chance() {
    let mut supervisor = Supervisor::default();
    for _ in 0..CUTS_IN_A_ROW {
        supervisor.step(Fact::Connected, 0.5);
        assert_eq!(waits(&mut supervisor, [closed(1006)]), [50]);
    }
    supervisor.step(Fact::Connected, 0.5);
    assert_eq!(waits(&mut supervisor, [closed(1006)]), [1000]);
    supervisor.step(Fact::Connected, 0.5);
    let healthy = Fact::Closed { code: 1006, lived: HEALTHY_AFTER };
    assert_eq!(waits(&mut supervisor, [healthy]), [50]);
}

/// RECON-2
#[test]
fn a_wake_and_another_network_probe_what_stands_and_dial_what_does_not() {
    for fact in [Fact::Woke, Fact::NetworkChanged] {
        let mut supervisor = Supervisor::default();
        supervisor.step(Fact::Connected, 0.5);
        assert_eq!(supervisor.step(fact.clone(), 0.5), Decision::Probe);
        waits(&mut supervisor, [closed(1006), Fact::Failed(Failure::Away), Fact::Failed(Failure::Away)]);
        assert_eq!(supervisor.step(fact.clone(), 0.5), Decision::DialAfter(Duration::ZERO));
        assert_eq!(waits(&mut supervisor, [Fact::Failed(Failure::Away)]), [1000]);
        supervisor.step(Fact::Failed(Failure::Final(Code("AUTH_TOKEN_MISMATCH"))), 0.5);
        assert_eq!(supervisor.step(fact, 0.5), Decision::Stay, "a wrong token stays wrong");
    }
}

/// SSH-11: what a person has to mend first is said once and not tried again; what may pass is.
#[test]
fn ssh_is_dialled_again_unless_its_failure_is_final() {
    use SshProblem::{
        Auth, ChangedHostKey, FarRefused, Identity, Locked, Name, NoProgram, NoRoute, Other, Prohibited, Refused,
        Timeout, Unclear, UnknownHostKey,
    };
    let failed = |problem| {
        let target = "me@host".parse().unwrap();
        let failure = SshFailure { problem, target, far_port: 18789, said: String::new() };
        let code = failure.code();
        let fact = Fact::Failed(Failure::of(&DialError::Ssh(Box::new(failure))));
        (Supervisor::default().step(fact, 0.5), code)
    };
    let key = || "id_ed25519".into();
    for problem in
        [UnknownHostKey(None), ChangedHostKey, Auth, Prohibited, NoProgram, Identity(key()), Locked(key()), Name]
    {
        let (decision, code) = failed(problem);
        assert_eq!(decision, Decision::Pause(code));
    }
    for problem in [Refused, NoRoute, Timeout, FarRefused, Unclear, Other] {
        let (decision, code) = failed(problem);
        assert_eq!(decision, Decision::DialAfter(FIRST_SSH_WAIT), "{code}");
    }
}

fn any_fact() -> impl Strategy<Value = Fact> {
    prop_oneof![
        Just(Fact::Connected),
        Just(Fact::Changed),
        Just(Fact::Failed(Failure::Away)),
        Just(Fact::Failed(Failure::NoTunnel)),
        Just(Fact::Failed(Failure::Pairing)),
        any::<u64>().prop_map(|ms| Fact::RestartAnnounced { back_in: Duration::from_millis(ms) }),
        any::<u64>().prop_map(|ms| Fact::Failed(Failure::Starting { retry_after: Duration::from_millis(ms) })),
        (1000u16..5000).prop_map(closed),
        Just(Fact::Woke),
        Just(Fact::NetworkChanged),
    ]
}

proptest! {
    /// RECON-1: whatever happens, no wait is longer than the cap and its jitter.
    #[test]
    fn no_wait_is_longer_than_the_cap(facts in prop::collection::vec((any_fact(), 0.0..=1.0f64), 0..60)) {
        let mut supervisor = Supervisor::default();
        for (fact, roll) in facts {
            if let Decision::DialAfter(wait) = supervisor.step(fact, roll) {
                prop_assert!(wait <= LONGEST_WAIT.mul_f64(1.2));
            }
        }
    }
}
