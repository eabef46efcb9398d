//! Rules about answers: wrong ones, early ones, missing ones, and clients that are sent round.

use super::cause::{Cause, Evidence, Seen, list, plural, seconds};
use crate::bench::record::observed::KNOWN_DEAD;
use crate::bench::verdict::history_check::Linearizability;
use crate::id::Id;

/// So many redirects to a dead replica, long after its death, are no accident; where nothing came of them
/// it takes more to be worth a word.
const TOO_MANY_TO_THE_DEAD: u64 = 10;
const MANY_TO_THE_DEAD: u64 = 100;
/// A request that was redirected so often goes round. An election takes a few.
const GOES_ROUND: u64 = 20;

/// Puts acknowledged by a replica that nobody had told anything since it got them: so nobody can have
/// told it that a second replica has them. A proof, and only a hint if nothing came of it.
pub(super) fn early(seen: &Seen<'_>) -> Option<Cause> {
    let early = &seen.observed.early;
    let first = early.first.first()?;
    let text = format!(
        "{} acknowledged before a quorum can have had {}: replica {} answered {} after it got {}, and \
         no other replica had told it anything in between",
        plural(early.count, "put was").replace("put wass", "puts were"),
        if early.count == 1 { "it" } else { "them" },
        first.by,
        super::cause::milliseconds(first.time.saturating_sub(first.handed)),
        if early.count == 1 { "it" } else { "the first" },
    );
    let evidence = early.first.iter().map(|it| {
        let text = format!("{} acknowledged #{} alone", it.by, it.request);
        Evidence::at(it.time, Some(it.by), Some(it.request), text)
    });
    let cause = Cause::new("early_answer", text).shown_by(evidence, early.count);
    Some(Cause {
        hint: !seen.failed(),
        ..cause
    })
}

/// A history that no single copy of the data explains.
pub(super) fn not_linearizable(seen: &Seen<'_>) -> Option<Cause> {
    let Linearizability::Violated(how) = seen.linearizability else {
        return None;
    };
    let said = how.lines().next().unwrap_or_default().trim();
    let text = format!("what the clients saw is not linearizable: {said}");
    Some(Cause::new("not_linearizable", text))
}

/// Malformed messages and wrong values.
pub(super) fn incorrect(seen: &Seen<'_>) -> Option<Cause> {
    let first = seen.found.incorrect.first()?;
    let count = seen.counters.incorrect;
    let text = match count {
        1 => first.clone(),
        _ => format!("{first} (the first of {count} incorrect messages or values)"),
    };
    let all = seen.found.incorrect.iter().cloned();
    Some(Cause::new("incorrect", text).shown_by(all.map(Evidence::timeless), count))
}

/// Survivors that send clients to a dead replica.
pub(super) fn redirects_to_the_dead(seen: &Seen<'_>) -> Option<Cause> {
    let redirects = seen.observed.redirects.iter();
    let dead = redirects.filter(|(_, redirects)| redirects.to_the_dead > 0);
    let dead: Vec<_> = dead.collect();
    let count: u64 = dead.iter().map(|(_, it)| it.to_the_dead).sum();
    let least = match seen.failed() {
        true => TOO_MANY_TO_THE_DEAD,
        false => MANY_TO_THE_DEAD,
    };
    if count < least {
        return None;
    }
    let ids = |which: fn(&(Id, Id)) -> Id| {
        let mut ids: Vec<String> = dead
            .iter()
            .map(|(pair, _)| which(pair).to_string())
            .collect();
        ids.sort();
        ids.dedup();
        list(&ids)
    };
    let (from, to) = (ids(|pair| pair.0), ids(|pair| pair.1));
    let text = format!(
        "{from} {} clients to {to}, {}: {count} times, later than {} after the death",
        if from.len() > 4 {
            "redirect"
        } else {
            "redirects"
        },
        if to.len() > 4 {
            "which are dead"
        } else {
            "which is dead"
        },
        seconds(KNOWN_DEAD).replace(".000", ""),
    );
    let evidence = dead.iter().filter_map(|((from, to), it)| {
        let (time, request) = it.first_to_the_dead?;
        let text = format!(
            "{from} redirects #{request} to {to}, {} times",
            it.to_the_dead
        );
        Some(Evidence::at(time, Some(*from), Some(request), text))
    });
    let cause = Cause::new("redirects_to_the_dead", text);
    let count = dead.len() as u64;
    let mut cause = cause.shown_by(evidence, count);
    cause.evidence.sort_by_key(|it| it.time_ns);
    cause.hint = !seen.failed();
    Some(cause)
}

/// Clients that are sent round among living replicas.
pub(super) fn redirects_in_a_circle(seen: &Seen<'_>) -> Option<Cause> {
    let most = seen.observed.most_redirected.as_ref()?;
    let dead = |id: Id| {
        let all = seen.observed.replicas.iter();
        let mut dead = all.filter(|it| it.killed.is_some() || it.death.is_some());
        dead.any(|it| it.id == id)
    };
    let to_the_living = most.hops.iter().filter(|(_, to)| !dead(*to)).count();
    // To the dead is another rule's.
    if most.times < GOES_ROUND || 2 * to_the_living < most.hops.len() {
        return None;
    }
    let nobody = most.hops.iter().all(|(_, to)| to.is_unknown());
    let itself = most.hops.iter().all(|(from, to)| from == to);
    let how = if nobody {
        "without naming a leader".to_owned()
    } else if itself {
        format!("by {} to itself", most.hops[0].0)
    } else {
        let mut way: Vec<String> = most.hops.iter().map(|(from, _)| from.to_string()).collect();
        let last = most.hops.last().map(|(_, to)| *to);
        way.extend(last.map(|to| match to.is_unknown() {
            true => "nobody".to_owned(),
            false => to.to_string(),
        }));
        format!("in the end {}", way.join(" → "))
    };
    let text = format!(
        "clients are sent round in circles: request #{} was redirected {} times in {}, {how}",
        most.request,
        most.times,
        seconds(most.last.saturating_sub(most.first)),
    );
    let evidence = [
        (most.first, "is redirected first"),
        (most.last, "is redirected last"),
    ]
    .map(|(time, what)| {
        let text = format!("#{} {what}", most.request);
        Evidence::at(time, None, Some(most.request), text)
    });
    let cause = Cause::new("redirects_in_a_circle", text).shown_by(evidence.into_iter(), 0);
    // A request that got through in the end did no harm that fails a run.
    Some(Cause {
        hint: !seen.failed(),
        ..cause
    })
}

/// A cluster that acknowledges nothing any more after a kill.
pub(super) fn no_recovery(seen: &Seen<'_>) -> Option<Cause> {
    let (since, leader) = *seen.observed.unended_outages.first()?;
    let left = seen.lasted.saturating_sub(since);
    // One that had no put to acknowledge shows nothing.
    let missing = seen.observed.unanswered.iter();
    let mut missing = missing.filter(|it| it.time >= since);
    let first = missing.next()?;
    let text = format!(
        "the cluster did not recover: after the kill of the leader {leader} at {} no put was \
         acknowledged any more, for {} to the end",
        seconds(since),
        seconds(left),
    );
    let mut evidence = vec![Evidence::at(
        since,
        Some(leader),
        None,
        format!("the simulator kills the leader {leader}"),
    )];
    evidence.push(Evidence::at(
        first.time,
        first.to,
        Some(first.request),
        format!("#{} is asked, and never answered", first.request),
    ));
    Some(Cause::new("no_recovery", text).shown_by(evidence.into_iter(), 0))
}

/// Replicas that take requests and answer none, or none with `ok`.
pub(super) fn nothing(seen: &Seen<'_>) -> Option<Cause> {
    if seen.found.stored || seen.verdict.passed() {
        return None;
    }
    let all = &seen.observed.replicas;
    let asked: u64 = all.iter().map(|it| it.requests).sum();
    let answers: u64 = all.iter().map(|it| it.answers).sum();
    if asked == 0 {
        return None;
    }
    let fails = seen.counters.get_failures + seen.counters.put_failures;
    let text = match answers {
        0 => format!(
            "no request was answered: {} were handed over, and no replica said anything to a client",
            plural(asked, "request")
        ),
        _ => format!(
            "no put was ever answered with ok: {} got {}, {} of them redirect and {fails} fail",
            plural(asked, "request"),
            plural(answers, "answer"),
            seen.counters.redirects,
        ),
    };
    let evidence = all.iter().filter(|it| it.requests > 0).map(|it| Evidence {
        replica: Some(it.id),
        ..Evidence::timeless(format!(
            "{} got {} and gave {}",
            it.id,
            plural(it.requests, "request"),
            plural(it.answers, "answer")
        ))
    });
    Some(Cause::new("no_answers", text).shown_by(evidence, 0))
}
