//! The rules every request passes, in protocol order: role, scope, existence, how often, params (`protocol.md` 4).

use std::time::Instant;

use wire::frame::Request;
use wire::methods::{self, Access};
use wire::{ErrorShape, Role, Scope};

use super::cx::{Caller, Cx};
use super::staged::Reply;
use super::table::{Table, Work};

/// What became of a request.
pub(crate) enum Outcome {
    /// It runs; the future answers by itself.
    Runs(Work),
    /// It was answered with a refusal already.
    Refused,
    /// It was refused because of the caller's role; too many in a row end the connection.
    WrongRole,
}

/// Checks a request and starts its handler.
pub(crate) fn dispatch(table: &Table, cx: Cx, request: &Request<'_>, reply: Reply) -> Outcome {
    let method: &str = &request.method;
    match admit(&cx.who, method) {
        Admission::Granted => {}
        Admission::WrongRole(error) => {
            reply.error(&error, None);
            return Outcome::WrongRole;
        }
        Admission::Refused(error) => {
            reply.error(&error, None);
            return Outcome::Refused;
        }
    }
    if let Some(row) = methods::find(method).filter(|row| row.control_plane_write)
        && let Err(error) = cx.writes.count(row.name, &cx.who, Instant::now())
    {
        reply.error(&error, None);
        return Outcome::Refused;
    }
    let refusal = match table.start(method, cx, request.params, reply.clone()) {
        Some(Ok(work)) => return Outcome::Runs(work),
        Some(Err(error)) => error,
        None => ErrorShape::not_built(method),
    };
    reply.error(&refusal, None);
    Outcome::Refused
}

enum Admission {
    Granted,
    WrongRole(ErrorShape),
    Refused(ErrorShape),
}

/// An unknown method counts as one that needs `operator.admin`, so that only an admin learns that it does not exist.
fn admit(who: &Caller, method: &str) -> Admission {
    let row = methods::find(method);
    let access = row.map_or(Access::Operator(Scope::Admin), |row| row.access);
    let wrong_role = || Admission::WrongRole(ErrorShape::invalid(format!("unauthorized role: {}", who.role)));
    match (access, who.role) {
        (Access::Everyone, _) | (Access::Node | Access::Shared(_), Role::Node) => Admission::Granted,
        (Access::Operator(_) | Access::Dynamic(_), Role::Node) | (Access::Node, Role::Operator) => wrong_role(),
        (Access::Operator(scope) | Access::Dynamic(scope) | Access::Shared(scope), Role::Operator) => {
            match who.require(scope) {
                Err(_) if row.is_none() => Admission::Refused(ErrorShape::new(
                    wire::ErrorCode::Forbidden,
                    format!("missing scope: {}", Scope::Admin),
                )),
                Err(error) => Admission::Refused(error),
                Ok(()) if row.is_none() => Admission::Refused(ErrorShape::unknown_method(method)),
                Ok(()) => Admission::Granted,
            }
        }
    }
}
