//! From the inbox to the lanes: each conversation by itself and in order (C-1.3).

use std::collections::HashMap;
use std::sync::Arc;

use channels::{Event, Kind};
use store::{Answer, Arrived, NewSession, Route};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Arrivals, Live};
use crate::intake::{self, RunOptions, Said, Taken};
use crate::services::Services;

/// Hands out what arrives, what the last process left first, until told to stop.
pub(super) async fn run(services: Arc<Services>, mut arrivals: Arrivals, stop: CancellationToken) {
    let mut lanes: HashMap<String, mpsc::UnboundedSender<Arrived>> = HashMap::new();
    let at_work = TaskTracker::new();
    let mut hand_out = |arrived: Arrived| {
        let name = format!("{}\n{}\n{}", arrived.channel, arrived.account, arrived.lane);
        let door = lanes.entry(name).or_insert_with(|| {
            let (door, waiting) = mpsc::unbounded_channel();
            at_work.spawn(one_by_one(services.clone(), waiting, stop.clone()));
            door
        });
        let _going_down = door.send(arrived);
    };
    match services.store.open_arrivals().await {
        Ok(left) => left.into_iter().for_each(&mut hand_out),
        Err(error) => tracing::error!(%error, "what channels brought before cannot be read"),
    }
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            arrived = arrivals.recv() => match arrived {
                Some(arrived) => hand_out(arrived),
                None => break,
            },
        }
    }
    at_work.close();
    at_work.wait().await;
}

/// One conversation.
async fn one_by_one(services: Arc<Services>, mut waiting: mpsc::UnboundedReceiver<Arrived>, stop: CancellationToken) {
    loop {
        let arrived = tokio::select! {
            () = stop.cancelled() => return,
            arrived = waiting.recv() => arrived,
        };
        let Some(arrived) = arrived else { return };
        handle(&services, arrived).await;
    }
}

async fn handle(services: &Services, arrived: Arrived) {
    let position = arrived.position;
    let handled = match (services.chats.find(&arrived.channel, &arrived.account), read(&arrived)) {
        (Some(live), Some(event)) if matches!(event.kind, Kind::Message) => {
            begin(services, &live, &arrived, &event).await
        }
        _ => services.store.arrivals_done(vec![position]).await.map_err(|error| error.to_string()),
    };
    if let Err(error) = handled {
        tracing::error!(%error, position, "a message of a chat could not be taken further; the next start tries again");
    }
}

fn read(arrived: &Arrived) -> Option<Event> {
    serde_json::from_value(arrived.event.clone())
        .inspect_err(|error| tracing::error!(%error, position = arrived.position, "an event cannot be read"))
        .ok()
}

/// A message becomes an input of its session.
async fn begin(services: &Services, live: &Live, arrived: &Arrived, event: &Event) -> Result<(), String> {
    let agent = services.agents.default_id();
    let session = services.agents.main_session(&agent);
    let route = Route {
        channel: arrived.channel.clone(),
        to: event.chat.id.clone(),
        account_id: Some(live.account.id.clone()),
        thread_id: event.thread_id.clone(),
    };
    let said = Said {
        run_id: format!("{}:{}:{}", arrived.channel, arrived.account, event.event_id),
        session,
        new_session: NewSession::default(),
        text: event.text.clone(),
        attachments: Vec::new(),
        options: RunOptions { channel: Some(arrived.channel.clone()), ..RunOptions::default() },
        source: live.channel.id(),
        answer: Some(Answer { route, reply_to: event.message_id.clone(), context: serde_json::Value::Null }),
        inbox: vec![arrived.position],
    };
    let session = said.session.clone();
    if let Taken::New(input) = intake::take(services, said).await.map_err(|error| error.message)? {
        let run_id = input.run_id.clone();
        services.lanes.submit(*input);
        services.news.changed(&session, "send", Some(&run_id)).await;
    }
    Ok(())
}
