//! What is written down: any letter, any entry, and JSON that only looks like a letter.

use std::sync::Arc;
use std::time::Duration;

use leasekv::consensus::message::{
    Append, AppendOutcome, AppendResponse, Receipt, SnapshotPart, SnapshotResponse, VoteRequest,
    VoteResponse,
};
use leasekv::consensus::{Body, Entry, Incarnation, Index, LogId, Message, Payload, Term, Time};
use leasekv::course::MAX_NUMBER;
use leasekv::id::Id;
use leasekv::kv::{Command, Note, Put, TakeOver};
use leasekv::replica::Letter;
use proptest::prelude::*;
use serde_json::{Value, json};

pub(crate) fn id() -> impl Strategy<Value = Id> {
    any::<u16>().prop_map(Id)
}

fn index() -> impl Strategy<Value = Index> {
    (0..=MAX_NUMBER).prop_map(Index)
}

fn term() -> impl Strategy<Value = Term> {
    (0..=MAX_NUMBER).prop_map(Term)
}

fn incarnation() -> impl Strategy<Value = Incarnation> {
    any::<u32>().prop_map(Incarnation)
}

fn log_id() -> impl Strategy<Value = LogId> {
    (term(), index()).prop_map(|(term, index)| LogId { term, index })
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        (id(), id(), index()).prop_map(|(from, by, after)| Command::TakeOver(TakeOver {
            from,
            by,
            after
        })),
        (any::<[String; 3]>(), id(), id()).prop_map(|([key, value, mid], client, answerer)| {
            Command::Put(Arc::new(Put {
                key,
                value,
                client,
                mid,
                answerer,
            }))
        }),
    ]
}

pub(crate) fn entry() -> impl Strategy<Value = Entry<Command>> {
    let payload = prop_oneof![Just(Payload::Noop), command().prop_map(Payload::Command)];
    (term(), payload).prop_map(|(term, payload)| Entry { term, payload })
}

fn time() -> impl Strategy<Value = Time> {
    any::<u64>().prop_map(|nanoseconds| Time::from_epoch(Duration::from_nanos(nanoseconds)))
}

fn vote_request() -> impl Strategy<Value = VoteRequest> {
    (log_id(), any::<bool>()).prop_map(|(last, leader_suspected)| VoteRequest {
        last,
        leader_suspected,
    })
}

fn vote_response() -> impl Strategy<Value = VoteResponse> {
    (any::<bool>(), log_id()).prop_map(|(granted, last)| VoteResponse { granted, last })
}

fn receipt() -> impl Strategy<Value = Receipt> {
    let outcome = prop_oneof![
        index().prop_map(AppendOutcome::Matched),
        (index(), log_id()).prop_map(|(previous, hint)| AppendOutcome::Refused { previous, hint }),
    ];
    (id(), incarnation(), outcome).prop_map(|(follower, incarnation, outcome)| Receipt {
        follower,
        incarnation,
        outcome,
    })
}

fn append() -> impl Strategy<Value = Append<Command>> {
    let parts = (
        log_id(),
        prop::collection::vec(entry(), 0..4),
        index(),
        any::<[bool; 3]>(),
        prop::collection::vec(id(), 0..4),
        prop::collection::vec(receipt(), 0..4),
        time(),
    );
    parts.prop_map(
        |(previous, entries, commit, flags, route, receipts, sent_at)| {
            let [response_wanted, deferred, in_doubt] = flags;
            Append {
                previous,
                entries,
                commit,
                response_wanted,
                deferred,
                in_doubt,
                route,
                receipts,
                sent_at,
            }
        },
    )
}

fn append_response() -> impl Strategy<Value = AppendResponse> {
    let receipts = prop::collection::vec(receipt(), 0..4);
    (receipts, index(), time()).prop_map(|(receipts, commit, sent_at)| AppendResponse {
        receipts,
        commit,
        sent_at,
    })
}

fn snapshot_part() -> impl Strategy<Value = SnapshotPart> {
    let whole = prop::option::of(prop::collection::vec(log_id(), 0..4));
    let parts = (log_id(), index(), index(), whole, any::<bool>());
    (parts, any::<String>(), time()).prop_map(|(parts, text, sent_at)| {
        let (last, start, end, whole, in_doubt) = parts;
        SnapshotPart {
            last,
            start: start.0,
            end: end.0,
            whole,
            in_doubt,
            text,
            sent_at,
        }
    })
}

fn snapshot_response() -> impl Strategy<Value = SnapshotResponse> {
    (log_id(), index(), time()).prop_map(|(last, have, sent_at)| SnapshotResponse {
        last,
        have: have.0,
        sent_at,
    })
}

fn body() -> impl Strategy<Value = Body<Command>> {
    prop_oneof![
        append().prop_map(Body::Append),
        append_response().prop_map(Body::AppendResponse),
        snapshot_part().prop_map(Body::Snapshot),
        snapshot_response().prop_map(Body::SnapshotResponse),
        vote_request().prop_map(Body::PreVote),
        vote_request().prop_map(Body::Vote),
        vote_response().prop_map(Body::PreVoteResponse),
        vote_response().prop_map(Body::VoteResponse),
    ]
}

pub(crate) fn letter() -> impl Strategy<Value = Letter> {
    let message =
        (term(), id(), incarnation(), body()).prop_map(|(term, leader, incarnation, body)| {
            Message {
                term,
                leader,
                incarnation,
                body,
            }
        });
    let note = (index(), index(), index()).prop_map(|(applied, settled, forgotten)| Note {
        applied,
        settled,
        forgotten,
    });
    (message, prop::option::of(note)).prop_map(|(message, note)| Letter { message, note })
}

/// JSON that resembles a message: the right keys with any values.
pub(crate) fn resembling() -> impl Strategy<Value = Value> {
    const KEYS: [&str; 28] = [
        "src",
        "dst",
        "leader",
        "type",
        "MID",
        "key",
        "value",
        "term",
        "life",
        "applied",
        "settled",
        "previous",
        "entries",
        "commit",
        "response",
        "sent_ns",
        "deferred",
        "in_doubt",
        "route",
        "receipts",
        "last",
        "granted",
        "suspicion",
        "start",
        "end",
        "whole",
        "text",
        "have",
    ];
    const TYPES: [&str; 11] = [
        "get",
        "put",
        "append",
        "append_response",
        "snapshot",
        "snapshot_response",
        "pre_vote",
        "pre_vote_response",
        "vote",
        "vote_response",
        "hello",
    ];
    let value = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::sample::select(&TYPES[..]).prop_map(Value::from),
        id().prop_map(|id| Value::from(id.to_string())),
        (0..9u64, 0..9u64).prop_map(|(index, term)| Value::from(vec![index, term])),
        Just(json!([[1, "noop"], [2, {"take_over": {}}], [3, {"put": 7}]])),
        Just(json!([["0001", 7, {"matched": 3}], ["0002", 8, {"refused": []}]])),
    ];
    prop::collection::hash_map(prop::sample::select(&KEYS[..]), value, 0..23).prop_map(|map| {
        map.into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect()
    })
}
