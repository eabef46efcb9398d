//! Decides whether the operations on one key are linearizable.
//!
//! It goes through invocations and returns in the order of time and keeps, for all ways in which
//! the operations so far can have been ordered, the *states* they lead to: the current value, the
//! gets under way that are already placed, and the puts under way that are still *open*, which may
//! yet be placed where somebody reads their value. A state splits where there is a choice, and a
//! state that cannot go on is dropped; when none is left, the history is not linearizable.
//!
//! That is Wing & Gong's search with Lowe's just-in-time placing: an operation is placed when one
//! returns that needs it, not earlier. What keeps the states few is that a put which nobody reads
//! leaves no trace when it is placed immediately before another put:
//!
//! - Whenever a put is placed, all puts under way become *settled*: they may count as placed
//!   immediately before it. A settled put that returns need not be placed any more; one that is
//!   not must be. A put that never returns is settled from the start, and is forgotten when the
//!   last get of its value has returned.
//! - A get under way is placed as soon as its value is current: that changes nothing for others.
//! - Of several open puts of the same value, the one that returns first is taken: after that all
//!   are settled, and the others can be used for longer.
//! - When a value is going to be replaced, values in between that gets under way wait for may be
//!   written and read. If no later get returns such a value, doing it at once only helps: whatever
//!   order places that put and those gets later remains one if they move here. If a later get
//!   does, both ways are tried.
//! - A settled put whose value no get needs is left where it is. If the current value is needed by
//!   no later get, a returning put that somebody may read is placed: nobody sees the difference.
//! - A value that later gets need and that neither is current nor can be written again makes a
//!   state hopeless.
//!
//! If the values of all puts differ, no state ever splits, so the work is little. In general the
//! problem is NP-complete (Gibbons & Korach). Hence the limit, and a first attempt that follows only
//! the best states: if one of them reaches the end, that is enough.
//!
//! It must never say that a history is (or is not) linearizable without having shown it.

/// The number of the value that a key has at first.
pub(super) const INITIAL: u32 = 0;

/// How many states are followed at first. Enough for most histories that are linearizable; in tests
/// so few that small histories need more.
const NARROW: usize = if cfg!(test) { 2 } else { 256 };
/// How many words the states may take at a time: 128 MiB. Beyond that the search gives up.
const MAX_WORDS: usize = 1 << 24;
/// With how many better states one is compared at most, to find out whether it is superfluous. One
/// that is kept needlessly costs only time.
const MAX_COMPARED: usize = 256;

/// A put or a get of one key that took effect or may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RegisterOperation {
    /// A put; else a get, which must have returned.
    pub(super) is_put: bool,
    /// The number of the value. Numbers must be small, as there is memory for each up to the largest.
    pub(super) value: u32,
    /// When it was invoked.
    pub(super) invoked_ns: u64,
    /// When it returned, not before it was invoked.
    pub(super) returned_ns: Option<u64>,
}

/// What a search found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// There is an order.
    Linearizable,
    /// There is none.
    NotLinearizable,
    /// Unknown: that many states were seen, which is beyond the limit.
    GaveUp { states: u64 },
}

/// What happens at an instant, in the order in which it is looked at: operations that touch are
/// concurrent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum EventKind {
    Invoke,
    Return,
    /// The last get that may need a put which never returned is over.
    Forget,
}

/// What is known of a value, the same for all states.
#[derive(Default)]
struct Value {
    /// The puts under way, the one that ends first in front: `(index of its last event, slot)`.
    puts: Vec<(usize, usize)>,
    /// The slots of the gets under way.
    gets: Vec<usize>,
    puts_to_come: usize,
    gets_to_come: usize,
    /// When the last get that returns this value is over.
    last_get_ns: Option<u64>,
}

/// The search; it keeps its memory from one key to the next.
///
/// Operations under way have *slots*. A state is a few words: the current value; a bit for each
/// slot, set if the put in it is open or the get in it is placed; and another bit for each slot,
/// set if the put in it is settled or not open. Of two states with the same value, the one that has
/// all the bits of the other is as good or better.
#[derive(Default)]
pub(super) struct Search {
    events: Vec<(u64, EventKind, usize)>,
    /// For each operation, its slot.
    slots: Vec<usize>,
    /// For each operation, the index of its last event.
    ends: Vec<usize>,
    values: Vec<Value>,
    /// The values that gets under way return.
    awaited: Vec<usize>,
    /// Which slots have puts in them.
    puts_under_way: Vec<u64>,
    /// How many words a bit for each slot takes.
    words: usize,
    states: Vec<u64>,
    next: Vec<u64>,
    seen: u64,
    max_seen: u64,
    /// How many states are followed at a time.
    max_width: usize,
    /// Whether there ever were more.
    is_narrowed: bool,
}

/// A limit of the search is reached.
struct TooMany;

impl Search {
    /// Decides. Gives up when more than `max_states` states were seen, or when there are so many
    /// at a time that they take more than [`MAX_WORDS`].
    ///
    /// It first follows only the most promising states, as any that reaches the end will do.
    pub(super) fn decide(&mut self, operations: &[RegisterOperation], max_states: u64) -> Decision {
        self.seen = 0;
        self.max_seen = max_states;
        for max_width in [NARROW, usize::MAX] {
            self.max_width = max_width;
            self.is_narrowed = false;
            match self.follow(operations) {
                Err(TooMany) => break,
                Ok(true) => return Decision::Linearizable,
                Ok(false) if !self.is_narrowed => return Decision::NotLinearizable,
                // What was not followed may lead to the end.
                Ok(false) => {}
            }
        }
        Decision::GaveUp { states: self.seen }
    }

    /// Whether a state that was followed reaches the end.
    fn follow(&mut self, operations: &[RegisterOperation]) -> Result<bool, TooMany> {
        self.prepare(operations);
        for position in 0..self.events.len() {
            let (_, kind, index) = self.events[position];
            let operation = &operations[index];
            let (slot, value) = (self.slots[index], operation.value as usize);
            match (kind, operation.is_put) {
                (EventKind::Invoke, true) => {
                    let is_settled = operation.returned_ns.is_none();
                    self.invoke_put(value, slot, self.ends[index], is_settled);
                }
                (EventKind::Invoke, false) => self.invoke_get(value, slot),
                (EventKind::Return | EventKind::Forget, is_put) => {
                    self.end(value, slot, is_put)?;
                    if self.states.is_empty() {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }

    /// How many states the last decision took.
    pub(super) fn states_seen(&self) -> u64 {
        self.seen
    }

    /// Puts the events in order, hands out slots, and makes the first state.
    fn prepare(&mut self, operations: &[RegisterOperation]) {
        self.count_values(operations);
        self.events.clear();
        for (index, operation) in operations.iter().enumerate() {
            let value = &self.values[operation.value as usize];
            let end = match operation.returned_ns {
                Some(returned) => (returned, EventKind::Return, index),
                None => match value.last_get_ns {
                    Some(last) if operation.is_put && last >= operation.invoked_ns => {
                        (last, EventKind::Forget, index)
                    }
                    // Nobody can have read it.
                    _ => continue,
                },
            };
            self.events
                .push((operation.invoked_ns, EventKind::Invoke, index));
            self.events.push(end);
        }
        self.events.sort_unstable();

        self.slots.clear();
        self.slots.resize(operations.len(), 0);
        self.ends.clear();
        self.ends.resize(operations.len(), 0);
        let mut slots = 0;
        let mut free = Vec::new();
        for (position, &(_, kind, index)) in self.events.iter().enumerate() {
            if kind == EventKind::Invoke {
                self.slots[index] = free.pop().unwrap_or_else(|| {
                    slots += 1;
                    slots - 1
                });
            } else {
                self.ends[index] = position;
                free.push(self.slots[index]);
            }
        }
        self.words = slots.div_ceil(64);
        self.awaited.clear();
        self.puts_under_way.clear();
        self.puts_under_way.resize(self.words, 0);
        self.states.clear();
        self.states.resize(1 + 2 * self.words, 0);
        self.states[0] = u64::from(INITIAL);
    }

    /// Sets up what is known of each value at the beginning.
    fn count_values(&mut self, operations: &[RegisterOperation]) {
        let numbers = || operations.iter().map(|o| o.value).chain([INITIAL]);
        let largest = numbers().max().unwrap_or(INITIAL) as usize;
        if self.values.len() <= largest {
            self.values.resize_with(largest + 1, Value::default);
        }
        for number in numbers() {
            let value = &mut self.values[number as usize];
            value.puts.clear();
            value.gets.clear();
            value.puts_to_come = 0;
            value.gets_to_come = 0;
            value.last_get_ns = None;
        }
        for operation in operations {
            let value = &mut self.values[operation.value as usize];
            if operation.is_put {
                value.puts_to_come += 1;
            } else {
                value.gets_to_come += 1;
                value.last_get_ns = value.last_get_ns.max(operation.returned_ns);
            }
        }
    }

    fn invoke_put(&mut self, value: usize, slot: usize, end: usize, is_settled: bool) {
        let words = self.words;
        let value = &mut self.values[value];
        value.puts_to_come -= 1;
        let place = value.puts.partition_point(|&(other, _)| other < end);
        value.puts.insert(place, (end, slot));
        set(&mut self.puts_under_way, slot);
        for state in self.states.chunks_exact_mut(1 + 2 * words) {
            let (_, open, settled) = parts(state, words);
            set(open, slot);
            if is_settled {
                set(settled, slot);
            }
        }
    }

    fn invoke_get(&mut self, value: usize, slot: usize) {
        let words = self.words;
        let known = &mut self.values[value];
        known.gets_to_come -= 1;
        if known.gets.is_empty() {
            self.awaited.push(value);
        }
        known.gets.push(slot);
        for state in self.states.chunks_exact_mut(1 + 2 * words) {
            let (current, placed, _) = parts(state, words);
            if *current == value as u64 {
                set(placed, slot);
            }
        }
    }

    /// An operation returns or is forgotten.
    fn end(&mut self, value: usize, slot: usize, is_put: bool) -> Result<(), TooMany> {
        let states = std::mem::take(&mut self.states);
        self.next.clear();
        for state in states.chunks_exact(1 + 2 * self.words) {
            let first = has(&state[1..], slot);
            let second = has(&state[1 + self.words..], slot);
            match (is_put, first, second) {
                // The get is placed already; the put is no longer open.
                (false, true, _) | (true, false, _) => self.next.extend_from_slice(state),
                // The get must be placed; the put must be placed.
                (false, false, _) | (true, true, false) => self.place(state, value)?,
                (true, true, true) => self.end_settled_put(state, value)?,
            }
        }
        self.states = states;

        let known = &mut self.values[value];
        if is_put {
            known.puts.retain(|&(_, other)| other != slot);
            clear(&mut self.puts_under_way, slot);
        } else {
            known.gets.retain(|&other| other != slot);
            if known.gets.is_empty() {
                self.awaited.retain(|&other| other != value);
            }
        }
        let words = self.words;
        for state in self.next.chunks_exact_mut(1 + 2 * words) {
            let (_, first, second) = parts(state, words);
            clear(first, slot);
            clear(second, slot);
        }
        self.keep_the_best()
    }

    /// A put ends that need not be placed, but now can be for the last time.
    fn end_settled_put(&mut self, state: &[u64], value: usize) -> Result<(), TooMany> {
        let current = state[0] as usize;
        if self.values[value].gets_to_come == 0 && !self.is_awaited(state, value) {
            self.next.extend_from_slice(state);
            return Ok(());
        }
        self.place(state, value)?;
        let can_be_replaced = value == current || self.can_be_written_again(state, value, 1);
        if can_be_replaced && self.values[current].gets_to_come > 0 {
            self.next.extend_from_slice(state);
        }
        Ok(())
    }

    /// Adds the states that follow from writing `value`, by the put of it that ends first, after
    /// perhaps having written and read others.
    fn place(&mut self, state: &[u64], value: usize) -> Result<(), TooMany> {
        let words = self.words;
        let size = 1 + 2 * words;
        let Some(put) = self.open_puts(state, value).next() else {
            return Ok(());
        };
        let current = state[0] as usize;
        if current != value
            && self.values[current].gets_to_come > 0
            && !self.can_be_written_again(state, current, 0)
        {
            return Ok(());
        }
        let mut next = std::mem::take(&mut self.next);
        let first = next.len();
        next.extend_from_slice(state);
        for &other in &self.awaited {
            if other == value || other == current || !self.is_awaited(state, other) {
                continue;
            }
            let Some(put) = self.open_puts(state, other).next() else {
                continue;
            };
            let last = next.len();
            if self.values[other].gets_to_come > 0 {
                if !self.can_be_written_again(state, other, 1) {
                    continue;
                }
                next.extend_from_within(first..);
                if next.len() > MAX_WORDS {
                    self.seen += (next.len() / size) as u64;
                    return Err(TooMany);
                }
            }
            for state in next[first..last].chunks_exact_mut(size) {
                let (_, bits, settled) = parts(state, words);
                clear(bits, put);
                self.values[other]
                    .gets
                    .iter()
                    .for_each(|&get| set(bits, get));
                set(settled, put);
            }
        }
        for state in next[first..].chunks_exact_mut(size) {
            let (current, bits, settled) = parts(state, words);
            *current = value as u64;
            clear(bits, put);
            self.values[value]
                .gets
                .iter()
                .for_each(|&get| set(bits, get));
            for (settled, puts) in settled.iter_mut().zip(&self.puts_under_way) {
                *settled |= puts;
            }
        }
        self.next = next;
        Ok(())
    }

    /// The slots of the puts of a value that are under way and open, the first to end in front.
    fn open_puts(&self, state: &[u64], value: usize) -> impl Iterator<Item = usize> {
        let slots = self.values[value].puts.iter().map(|&(_, slot)| slot);
        slots.filter(|&slot| has(&state[1..], slot))
    }

    /// Whether a get under way waits for the value.
    fn is_awaited(&self, state: &[u64], value: usize) -> bool {
        let gets = &self.values[value].gets;
        gets.iter().any(|&slot| !has(&state[1..], slot))
    }

    /// Whether there is a put of the value, now or later, beside `used` open ones.
    fn can_be_written_again(&self, state: &[u64], value: usize, used: usize) -> bool {
        self.values[value].puts_to_come > 0 || self.open_puts(state, value).nth(used).is_some()
    }

    /// Makes the next states the present ones, without those that another makes superfluous.
    fn keep_the_best(&mut self) -> Result<(), TooMany> {
        let size = 1 + 2 * self.words;
        let count = self.next.len() / size;
        self.seen += count as u64;
        if self.seen > self.max_seen || self.next.len() > MAX_WORDS {
            return Err(TooMany);
        }
        if count <= 1 {
            std::mem::swap(&mut self.states, &mut self.next);
            return Ok(());
        }
        let mut order: Vec<&[u64]> = self.next.chunks_exact(size).collect();
        // What has more bits comes first, within a value.
        let bits = |state: &[u64]| state[1..].iter().map(|word| word.count_ones()).sum::<u32>();
        order.sort_by_cached_key(|state| (state[0], std::cmp::Reverse(bits(state)), *state));
        order.dedup();
        let mut kept: Vec<&[u64]> = Vec::new();
        let mut group = 0;
        for state in order {
            if kept.last().is_some_and(|other| other[0] != state[0]) {
                group = kept.len();
            }
            let is_superfluous = |other: &&[u64]| {
                let pairs = state[1..].iter().zip(&other[1..]);
                pairs.into_iter().all(|(mine, theirs)| mine & !theirs == 0)
            };
            if !kept[group..].iter().take(MAX_COMPARED).any(is_superfluous) {
                kept.push(state);
            }
        }
        if kept.len() > self.max_width {
            self.is_narrowed = true;
            kept.sort_by_cached_key(|state| std::cmp::Reverse(bits(state)));
            kept.truncate(self.max_width);
        }
        self.states.clear();
        kept.iter()
            .for_each(|state| self.states.extend_from_slice(state));
        Ok(())
    }
}

/// A state's current value and its two sets of bits.
fn parts(state: &mut [u64], words: usize) -> (&mut u64, &mut [u64], &mut [u64]) {
    let (current, bits) = state.split_at_mut(1);
    let (first, second) = bits.split_at_mut(words);
    (&mut current[0], first, second)
}

fn has(bits: &[u64], slot: usize) -> bool {
    bits[slot / 64] >> (slot % 64) & 1 == 1
}

fn set(bits: &mut [u64], slot: usize) {
    bits[slot / 64] |= 1 << (slot % 64);
}

fn clear(bits: &mut [u64], slot: usize) {
    bits[slot / 64] &= !(1 << (slot % 64));
}
