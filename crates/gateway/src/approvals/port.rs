//! Questions of an agent's turn. A turn that stops waiting takes its question back.

use agent::ports::{Answer, Asker};
use futures_util::future::BoxFuture;
use wire::ErrorShape;
use wire::methods::exec_approval::{RequestParams, TerminalReason};

use super::{Approvals, Asked, Question, Requester};

impl agent::ports::Approvals for Approvals {
    fn ask<'a>(&'a self, request: RequestParams, asker: &'a Asker) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            self.ask_for(request, asker).await.unwrap_or_else(|error| {
                tracing::warn!(run = %asker.run_id, %error, "a run's question could not be asked");
                Answer { id: String::new(), decision: None, reason: TerminalReason::NoRoute }
            })
        })
    }
}

impl Approvals {
    async fn ask_for(&self, request: RequestParams, asker: &Asker) -> Result<Answer, ErrorShape> {
        // Whose question it is, is not for the turn to say; nor under which id, so that it takes back no other's.
        let request = RequestParams {
            id: None,
            agent_id: Some(asker.agent.to_string()),
            session_key: Some(asker.session.to_string()),
            run_id: Some(asker.run_id.clone()),
            ..request
        };
        let question = Question::new(request, Requester::run(asker), Some(asker.session.clone()))?;
        // N-7.12: what a node set off asks nobody.
        let route = if asker.rights.from_node { None } else { self.route(question.session.as_ref()) };
        let id = question.id.clone();
        let mut withdrawal = Withdrawal { approvals: self, id: &id, armed: true };
        let (_, end) = match self.put(question, route).await {
            Ok(Asked::Over(over)) => *over,
            Ok(Asked::Waits(waiting)) => waiting.end().await,
            Err(error) => {
                withdrawal.armed = false;
                return Err(error);
            }
        };
        withdrawal.armed = false;
        drop(withdrawal);
        Ok(Answer { id, decision: end.decision, reason: end.reason })
    }
}

/// Takes a question back when nobody waits for it any more.
struct Withdrawal<'a> {
    approvals: &'a Approvals,
    id: &'a str,
    armed: bool,
}

impl Drop for Withdrawal<'_> {
    fn drop(&mut self) {
        if self.armed {
            let (approvals, id) = (self.approvals.clone(), self.id.to_owned());
            let clocks = approvals.0.clocks.clone();
            clocks.spawn(async move { approvals.give_up(&id, TerminalReason::RunAborted).await });
        }
    }
}
