//! Chats: who asked to talk and who may (C-5.2, C-5.3), and their newest messages (C-6.2, C-10.8).

use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::Value;

use crate::sql::{Columns, from_json, to_json};
use crate::{Store, StoreError};

/// How many messages of one chat are kept.
const KEPT_OF_CHAT: i64 = 200;

/// Somebody who asked to talk.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatPairing {
    /// The channel.
    pub channel: String,
    /// The account of ours.
    pub account: String,
    /// Who, by the channel's id.
    pub peer: String,
    /// What an owner types to let them.
    pub code: String,
    /// What is known of them.
    pub meta: Value,
    /// When they first asked, in milliseconds.
    pub created_at: i64,
    /// When they last wrote.
    pub last_seen_at: i64,
}

/// Somebody who was let in by a code.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatPeer {
    /// The channel.
    pub channel: String,
    /// The account of ours.
    pub account: String,
    /// Who, by the channel's id.
    pub peer: String,
    /// What is known of them.
    pub meta: Value,
    /// Since when.
    pub added_at: i64,
}

/// One message of a chat.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatMessage {
    /// The vendor's id of it.
    pub message: String,
    /// What it said; kept as it is.
    pub body: Value,
    /// Whether a turn has seen it.
    pub told: bool,
    /// When it came, in milliseconds.
    pub at: i64,
}

impl Store {
    /// Somebody asks to talk. Answers the request and whether it is new; a request that ran out is made anew. `None` when
    /// `most` wait already.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn ask_to_chat(
        &self,
        new: ChatPairing,
        lives_ms: i64,
        most: usize,
    ) -> Result<Option<(ChatPairing, bool)>, StoreError> {
        self.write(move |conn| {
            let now = new.created_at;
            conn.prepare_cached("DELETE FROM chat_pairings WHERE created_at < ?")?.execute([now - lives_ms])?;
            let waiting = pairings(conn, Some((&new.channel, &new.account)))?;
            if let Some(mut known) = waiting.iter().find(|known| known.peer == new.peer).cloned() {
                known.last_seen_at = now;
                known.meta = new.meta.clone();
                save_pairing(conn, &known)?;
                return Ok(Some((known, false)));
            }
            if waiting.len() >= most {
                return Ok(None);
            }
            save_pairing(conn, &new)?;
            Ok(Some((new.clone(), true)))
        })
        .await
    }

    /// Who waits and has not run out by `since`, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn chat_pairings(&self, since: i64) -> Result<Vec<ChatPairing>, StoreError> {
        self.read(move |conn| {
            let mut waiting = pairings(conn, None)?;
            waiting.retain(|pairing| pairing.created_at >= since);
            Ok(waiting)
        })
        .await
    }

    /// Ends a request: `allow` says whether its peer may talk from now on. `None` when nobody waits under that code.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn decide_chat(
        &self,
        channel: &str,
        account: Option<&str>,
        code: &str,
        since: i64,
        allow: bool,
    ) -> Result<Option<ChatPairing>, StoreError> {
        let (channel, account, code) = (channel.to_owned(), account.map(str::to_owned), code.to_owned());
        self.write(move |conn| {
            let waiting = pairings(conn, None)?;
            let meant = waiting.into_iter().find(|pairing| {
                pairing.channel == channel
                    && account.as_ref().is_none_or(|account| pairing.account == *account)
                    && pairing.code.eq_ignore_ascii_case(&code)
                    && pairing.created_at >= since
            });
            let Some(pairing) = meant else { return Ok(None) };
            conn.prepare_cached("DELETE FROM chat_pairings WHERE channel = ? AND account = ? AND peer = ?")?
                .execute([&pairing.channel, &pairing.account, &pairing.peer])?;
            if allow {
                let peer = ChatPeer {
                    channel: pairing.channel.clone(),
                    account: pairing.account.clone(),
                    peer: pairing.peer.clone(),
                    meta: pairing.meta.clone(),
                    added_at: base::now_ms(),
                };
                save_peer(conn, &peer)?;
            }
            Ok(Some(pairing))
        })
        .await
    }

    /// Lets somebody in without a request.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn allow_chat(&self, peer: ChatPeer) -> Result<(), StoreError> {
        self.write(move |conn| save_peer(conn, &peer)).await
    }

    /// Takes that back. Whether there was something to take.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn disallow_chat(&self, channel: &str, account: &str, peer: &str) -> Result<bool, StoreError> {
        let key = [channel.to_owned(), account.to_owned(), peer.to_owned()];
        self.write(move |conn| {
            let gone = conn
                .prepare_cached("DELETE FROM chat_peers WHERE channel = ? AND account = ? AND peer = ?")?
                .execute([&key[0], &key[1], &key[2]])?;
            Ok(gone > 0)
        })
        .await
    }

    /// Who was let in, everywhere.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn chat_peers(&self) -> Result<Vec<ChatPeer>, StoreError> {
        self.read(|conn| {
            let mut statement =
                conn.prepare_cached("SELECT channel, account, peer, meta, added_at FROM chat_peers ORDER BY added_at")?;
            let mut rows = statement.query([])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let mut columns = Columns::of(row);
                found.push(ChatPeer {
                    channel: columns.next()?,
                    account: columns.next()?,
                    peer: columns.next()?,
                    meta: from_json("a chat's peer", &columns.next::<String>()?)?,
                    added_at: columns.next()?,
                });
            }
            Ok(found)
        })
        .await
    }

    /// Keeps a message of a chat, or what it says now; the oldest of many go. Does not wait for the disk.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn keep_chat_message(
        &self,
        channel: &str,
        account: &str,
        lane: &str,
        message: ChatMessage,
    ) -> Result<(), StoreError> {
        let key = [channel.to_owned(), account.to_owned(), lane.to_owned()];
        self.write_soon(move |conn| {
            conn.prepare_cached(
                "INSERT INTO chat_messages (channel, account, lane, message, body, told, at) VALUES (?, ?, ?, ?, ?, ?, ?)
                 ON CONFLICT DO UPDATE SET body = excluded.body",
            )?
            .execute(params![
                key[0],
                key[1],
                key[2],
                message.message,
                to_json(&message.body),
                message.told,
                message.at
            ])?;
            conn.prepare_cached(
                "DELETE FROM chat_messages WHERE channel = ?1 AND account = ?2 AND lane = ?3 AND position <=
                 (SELECT position FROM chat_messages WHERE channel = ?1 AND account = ?2 AND lane = ?3
                  ORDER BY position DESC LIMIT 1 OFFSET ?4)",
            )?
            .execute(params![key[0], key[1], key[2], KEPT_OF_CHAT])?;
            Ok(())
        })
        .await
    }

    /// The newest `limit` messages of a chat, oldest first; only those no turn has seen when `untold`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn chat_messages(
        &self,
        channel: &str,
        account: &str,
        lane: &str,
        untold: bool,
        limit: usize,
    ) -> Result<Vec<ChatMessage>, StoreError> {
        let key = [channel.to_owned(), account.to_owned(), lane.to_owned()];
        self.read(move |conn| {
            let mut statement = conn.prepare_cached(
                "SELECT message, body, told, at FROM chat_messages
                 WHERE channel = ? AND account = ? AND lane = ? AND (? OR told = 0) ORDER BY position DESC LIMIT ?",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut rows = statement.query(params![key[0], key[1], key[2], !untold, limit])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(read_message(row)?);
            }
            found.reverse();
            Ok(found)
        })
        .await
    }

    /// One message of a chat.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn chat_message(
        &self,
        channel: &str,
        account: &str,
        lane: &str,
        message: &str,
    ) -> Result<Option<ChatMessage>, StoreError> {
        let key = [channel.to_owned(), account.to_owned(), lane.to_owned(), message.to_owned()];
        self.read(move |conn| {
            let mut statement = conn.prepare_cached(
                "SELECT message, body, told, at FROM chat_messages
                 WHERE channel = ? AND account = ? AND lane = ? AND message = ?",
            )?;
            statement
                .query_row([&key[0], &key[1], &key[2], &key[3]], |row| Ok(read_message(row)))
                .optional()?
                .transpose()
        })
        .await
    }

    /// A turn has seen all that came in this chat so far.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn chat_messages_told(&self, channel: &str, account: &str, lane: &str) -> Result<(), StoreError> {
        let key = [channel.to_owned(), account.to_owned(), lane.to_owned()];
        self.write_soon(move |conn| {
            conn.prepare_cached(
                "UPDATE chat_messages SET told = 1 WHERE channel = ? AND account = ? AND lane = ? AND told = 0",
            )?
            .execute([&key[0], &key[1], &key[2]])?;
            Ok(())
        })
        .await
    }
}

fn read_message(row: &rusqlite::Row<'_>) -> Result<ChatMessage, StoreError> {
    let mut columns = Columns::of(row);
    Ok(ChatMessage {
        message: columns.next()?,
        body: from_json("a chat's message", &columns.next::<String>()?)?,
        told: columns.next()?,
        at: columns.next()?,
    })
}

fn pairings(conn: &Connection, of: Option<(&String, &String)>) -> Result<Vec<ChatPairing>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT channel, account, peer, code, meta, created_at, last_seen_at FROM chat_pairings ORDER BY created_at",
    )?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let mut columns = Columns::of(row);
        let pairing = ChatPairing {
            channel: columns.next()?,
            account: columns.next()?,
            peer: columns.next()?,
            code: columns.next()?,
            meta: from_json("who asked to talk", &columns.next::<String>()?)?,
            created_at: columns.next()?,
            last_seen_at: columns.next()?,
        };
        if of.is_none_or(|(channel, account)| pairing.channel == *channel && pairing.account == *account) {
            found.push(pairing);
        }
    }
    Ok(found)
}

fn save_pairing(conn: &Connection, pairing: &ChatPairing) -> Result<(), StoreError> {
    conn.prepare_cached("INSERT OR REPLACE INTO chat_pairings VALUES (?, ?, ?, ?, ?, ?, ?)")?.execute(params![
        pairing.channel,
        pairing.account,
        pairing.peer,
        pairing.code,
        to_json(&pairing.meta),
        pairing.created_at,
        pairing.last_seen_at,
    ])?;
    Ok(())
}

fn save_peer(conn: &Connection, peer: &ChatPeer) -> Result<(), StoreError> {
    conn.prepare_cached("INSERT OR REPLACE INTO chat_peers VALUES (?, ?, ?, ?, ?)")?.execute(params![
        peer.channel,
        peer.account,
        peer.peer,
        to_json(&peer.meta),
        peer.added_at
    ])?;
    Ok(())
}
