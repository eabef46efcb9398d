//! Gathers what is worth knowing when somebody asks why a run went as it did.
//!
//! It is told of everything that the simulation does anyway, keeps counts and examples, and decides
//! nothing: a run is the same with it and without it.

use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::bench::protocol::message::{Mid, Op};
use crate::bench::protocol::roster::Roster;
use crate::bench::record::observed::{
    BUSY, Death, Deposed, Duplicate, EarlyAnswer, KNOWN_DEAD, MAX_EXAMPLES, MAX_HOPS, Observed,
    Phase, Redirected, SeenReplica, SeenType, TwoLeaders, Unanswered, push,
};
use crate::id::Id;

/// The most types of messages that are counted each on its own; the rest has the name [`OTHER`].
const MAX_TYPES: usize = 50;
/// The longest name of a type, in bytes; what is longer counts as [`OTHER`].
const MAX_TYPE_BYTES: usize = 160;
/// What is counted under this name beyond those limits.
const OTHER: &str = "(other)";
/// How long after something was done to the cluster it may be the reason for a change of the leader.
const SETTLING: Duration = Duration::from_secs(2);
/// Two leaders are worth a word if they speak up in turns within so short a time.
const IN_TURNS: Duration = Duration::from_secs(1);
/// The most seconds of a run that are told apart.
const MAX_SECONDS: usize = 10_000;

/// Gathers what is seen of a run.
#[derive(Debug)]
pub struct Observer {
    roster: Roster,
    seen: Observed,
    /// What was asked and may still be answered, or answered a second time.
    asked: FxHashMap<Mid, Asked>,
    /// How often each request was redirected, and how the last times.
    redirected: Vec<Redirected>,
    /// How many messages were passed on to each replica.
    heard: Vec<u64>,
    /// When each replica last sent anything to another one, and when it last said that it leads.
    spoke: Vec<Duration>,
    led: Vec<Option<Duration>>,
    /// Who said last that it leads.
    leads: Option<usize>,
    /// When something was last done to the cluster.
    disturbed: Duration,
    /// Who stands still.
    still: Vec<bool>,
    /// When a request was last made or answered.
    busy: Option<Duration>,
}

/// An attempt.
#[derive(Debug)]
struct Asked {
    time: Duration,
    request: u32,
    op: Op,
    to: Option<usize>,
    /// How many messages its receiver had been passed before it.
    heard: u64,
    lost: Option<&'static str>,
    answered: Option<(Duration, Id)>,
}

/// What holds while a message passes.
#[derive(Clone, Copy, Debug)]
pub struct Circumstance {
    /// Whether anything is split or cut.
    pub split: bool,
    /// Whether somebody is believed to lead who lives.
    pub led: bool,
}

impl Observer {
    /// An observer of a run that has not begun.
    pub fn new(roster: Roster) -> Observer {
        let replicas = roster.replicas();
        let ids = (0..replicas).map(|at| roster.replica(at));
        Observer {
            seen: Observed {
                replicas: ids.map(SeenReplica::new).collect(),
                ..Observed::default()
            },
            roster,
            asked: FxHashMap::default(),
            redirected: Vec::new(),
            heard: vec![0; replicas],
            spoke: vec![Duration::ZERO; replicas],
            led: vec![None; replicas],
            leads: None,
            disturbed: Duration::ZERO,
            still: vec![false; replicas],
            busy: None,
        }
    }

    /// Something was done to the cluster.
    pub fn disturb(&mut self, now: Duration) {
        self.disturbed = now;
    }

    /// A replica stands still from now on, or goes on.
    pub fn stands_still(&mut self, replica: usize, still: bool) {
        self.still[replica] = still;
    }

    /// A replica says hello.
    pub fn greet(&mut self, replica: usize, now: Duration) {
        self.seen.replicas[replica].hello.get_or_insert(now);
    }

    /// Somebody speaks to a replica before its hello.
    pub fn too_early(&mut self, replica: usize, by: Id, now: Duration) {
        let first = &mut self.seen.replicas[replica].too_early;
        first.get_or_insert((now, by));
    }

    /// An event kills a replica.
    pub fn killed(&mut self, replica: usize, now: Duration) {
        self.seen.replicas[replica].killed.get_or_insert(now);
    }

    /// A replica that an event killed starts again.
    pub fn started(&mut self, replica: usize) {
        self.seen.replicas[replica].killed = None;
    }

    /// A replica ends by itself, or is closed for what it sent.
    pub fn died(&mut self, replica: usize, how: &str, closed: bool, now: Duration) {
        self.seen.replicas[replica].death.get_or_insert(Death {
            time: now,
            how: how.to_owned(),
            closed,
            last_words: Vec::new(),
        });
    }

    /// What a dead replica had said on stderr in the end.
    pub fn last_words(&mut self, replica: usize, words: &[String]) {
        if let Some(death) = &mut self.seen.replicas[replica].death {
            death.last_words = words.to_vec();
        }
    }

    /// A replica sends so many messages of a type to others.
    pub fn sent(
        &mut self,
        (from, leader): (usize, Id),
        kind: &str,
        count: u64,
        now: Duration,
        circumstance: Circumstance,
    ) {
        let busy = self.busy.is_some_and(|last| now <= last + BUSY);
        let phase = match circumstance {
            Circumstance { split: true, .. } => Phase::Partition,
            Circumstance { led: false, .. } => Phase::Election,
            _ if busy => Phase::Steady,
            _ => Phase::Idle,
        };
        let seen = self.type_of(kind);
        seen.phases[phase as usize] += count;
        seen.senders[from] += count;
        let second = (now.as_secs() as usize).min(MAX_SECONDS);
        if self.seen.per_second.len() <= second {
            self.seen.per_second.resize(second + 1, 0);
        }
        self.seen.per_second[second] += count;
        self.note_leader(from, leader, now, circumstance.split);
        self.spoke[from] = now;
    }

    fn type_of(&mut self, kind: &str) -> &mut SeenType {
        let types = &mut self.seen.types;
        let place = |types: &[SeenType], kind: &str| types.iter().position(|it| it.kind == kind);
        let known = place(types, kind);
        let kind = match known {
            None if types.len() >= MAX_TYPES || kind.len() > MAX_TYPE_BYTES => OTHER,
            _ => kind,
        };
        let at = known.or_else(|| place(types, kind)).unwrap_or(types.len());
        if at == types.len() {
            types.push(SeenType {
                kind: kind.to_owned(),
                senders: vec![0; self.heard.len()],
                ..SeenType::default()
            });
        }
        &mut types[at]
    }

    /// Whether a replica's message says that it leads itself, and who did before.
    fn note_leader(&mut self, from: usize, leader: Id, now: Duration, split: bool) {
        let own = self.roster.replica(from);
        if leader != own {
            return;
        }
        let settled = !split && now >= self.disturbed + SETTLING;
        if let Some(before) = self.leads.filter(|&before| before != from)
            && settled
        {
            let id = self.roster.replica(before);
            let alive = &self.seen.replicas[before];
            let alive = alive.death.is_none() && alive.killed.is_none() && !self.still[before];
            let silence = now.saturating_sub(self.spoke[before]);
            // It spoke up for itself not long ago, and so did the other one in between.
            let recent = |time: Option<Duration>| time.is_some_and(|at| now < at + IN_TURNS);
            if alive && recent(self.led[from]) && recent(self.led[before]) {
                self.seen.two_leaders.add(TwoLeaders {
                    time: now,
                    one: own,
                    other: id,
                });
            } else if alive {
                self.seen.deposed.add(Deposed {
                    time: now,
                    from: id,
                    to: own,
                    silence,
                });
            }
        }
        self.leads = Some(from);
        self.led[from] = Some(now);
    }

    /// A message is passed on to a replica.
    pub fn passed_on(&mut self, to: usize) {
        self.heard[to] += 1;
    }

    /// A client asks; `lost` says why its attempt does not get to anybody, if it does not.
    pub fn asks(
        &mut self,
        (mid, request, op): (Mid, u32, Op),
        to: Option<usize>,
        lost: Option<&'static str>,
        now: Duration,
    ) {
        self.busy = Some(now);
        if let Some(to) = to.filter(|_| lost.is_none()) {
            self.seen.replicas[to].requests += 1;
        }
        let asked = Asked {
            time: now,
            request,
            op,
            to,
            heard: to.map_or(0, |to| self.heard[to]),
            lost,
            answered: None,
        };
        self.asked.insert(mid, asked);
    }

    /// A replica answers with `ok`.
    pub fn completes(&mut self, by: usize, mid: &str, now: Duration) {
        self.answers(by, now);
        let id = self.roster.replica(by);
        let Some(asked) = Mid::read(mid).and_then(|mid| self.asked.get_mut(&mid)) else {
            return;
        };
        asked.answered = Some((now, id));
        if asked.op != Op::Put {
            return;
        }
        self.seen.last_put = Some(now);
        // Nobody has told it anything since it got the put: so nobody can have told it that a second
        // replica has it.
        if asked.to == Some(by) && asked.heard == self.heard[by] {
            self.seen.early.add(EarlyAnswer {
                time: now,
                handed: asked.time,
                by: id,
                request: asked.request,
            });
        }
    }

    /// A replica answers what had been answered before.
    pub fn duplicates(&mut self, by: usize, mid: &str, now: Duration) {
        self.answers(by, now);
        let known = Mid::read(mid).and_then(|mid| Some((mid, self.asked.get(&mid)?)));
        if let Some((mid, asked)) = known
            && let Some(first) = asked.answered
        {
            let duplicate = Duplicate {
                time: now,
                by: self.roster.replica(by),
                first,
                request: asked.request,
                mid,
                op: asked.op,
            };
            push(&mut self.seen.duplicates, duplicate);
        }
    }

    /// A replica redirects an attempt, or lets it fail: `to` is whom it names, if it redirects.
    pub fn sends_away(&mut self, by: usize, mid: &str, to: Option<Id>, now: Duration) {
        self.answers(by, now);
        let asked = Mid::read(mid).and_then(|mid| self.asked.remove(&mid));
        let (Some(asked), Some(to)) = (asked, to) else {
            return;
        };
        let by = self.roster.replica(by);
        let target = self.roster.replica_index(to);
        // Whatever else it names, it is no replica.
        let to = target.map_or(Id::UNKNOWN, |at| self.roster.replica(at));
        let dead = target.and_then(|at| {
            let seen = &self.seen.replicas[at];
            seen.killed.or(seen.death.as_ref().map(|death| death.time))
        });
        let redirects = self.seen.redirects.entry((by, to)).or_default();
        redirects.count += 1;
        if dead.is_some_and(|since| now >= since + KNOWN_DEAD) {
            redirects.to_the_dead += 1;
            redirects
                .first_to_the_dead
                .get_or_insert((now, asked.request));
        }
        let place = asked.request as usize;
        if self.redirected.len() <= place {
            self.redirected.resize_with(place + 1, Redirected::default);
        }
        let all = &mut self.redirected[place];
        if all.times == 0 {
            (all.request, all.first) = (asked.request, now);
        }
        all.times += 1;
        all.last = now;
        if all.hops.len() == MAX_HOPS {
            all.hops.remove(0);
        }
        all.hops.push((by, to));
    }

    fn answers(&mut self, by: usize, now: Duration) {
        self.busy = Some(now);
        self.seen.replicas[by].answers += 1;
    }

    /// All that was seen; `unended` are the kills after which no put was acknowledged any more.
    pub fn into_observed(mut self, unended: Vec<(Duration, Id)>) -> Observed {
        let open = self.asked.iter().filter(|(_, it)| it.answered.is_none());
        let mut open: Vec<Unanswered> = open
            .map(|(mid, asked)| Unanswered {
                time: asked.time,
                request: asked.request,
                mid: *mid,
                op: asked.op,
                to: asked.to.map(|to| self.roster.replica(to)),
                lost: asked.lost,
            })
            .collect();
        open.sort_unstable_by_key(|it| (it.time, it.request));
        open.truncate(MAX_EXAMPLES);
        self.seen.unanswered = open;
        self.seen.unended_outages = unended;
        let worst = self.redirected.into_iter().max_by_key(|it| it.times);
        self.seen.most_redirected = worst.filter(|it| it.times > 0);
        self.seen
    }
}
