// The run as the page knows it: what stood where when, and what belongs together. Draws nothing.
const FATES = ["delivered", "lost", "cut", "dead", "not ready", "overflow", "under way"];
const FATE_TEXTS = [
  "arrived", "lost by the network", "cut by a partition", "its receiver was dead",
  "its receiver was not there yet", "too many waited for its receiver", "still under way at the end",
];
const EFFECTS = ["completed", "retry", "duplicate", "wrong", "unexpected"];

L.model = (data) => {
  const { messages, attempts, states } = data;
  const replicas = data.start.replicas.length;
  const end = Math.max(data.end.time_ns, 1);
  const count = messages.sent.length;
  const number = new Map(data.parties.map((id, index) => [id, index]));
  const isReplica = (party) => party >= 0 && party < replicas;
  const name = (party) => (party < 0 ? "nobody" : data.parties[party]);
  // The lane of a party: the clients share the first.
  const lane = (party) => (isReplica(party) ? party + 1 : 0);

  // Where lines end: what never arrived ends a moment after the simulator dealt with it.
  const finish = new Float64Array(count);
  const lasts = [];
  for (let n = 0; n < count; n += 1) {
    if (messages.end[n] >= 0 && messages.fate[n] === 0) lasts.push(messages.end[n] - messages.sent[n]);
  }
  lasts.sort((a, b) => a - b);
  const usual = Math.max(lasts[lasts.length >> 1] || 0, 40e3);
  for (let n = 0; n < count; n += 1) {
    const at = messages.end[n];
    finish[n] = at >= 0 ? at : Math.max(-at, messages.sent[n]) + usual / 2;
  }
  // By the time of sending; `until` is the latest end so far, so that both ends of what is visible
  // can be found by halving.
  const order = Array.from({ length: count }, (_, n) => n);
  order.sort((a, b) => messages.sent[a] - messages.sent[b] || a - b);
  const sent = Float64Array.from(order, (n) => messages.sent[n]);
  const until = new Float64Array(count);
  order.forEach((n, place) => {
    until[place] = Math.max(place ? until[place - 1] : 0, finish[n]);
  });
  const firstAtLeast = (list, value) => {
    let [low, high] = [0, list.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (list[middle] < value) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const visible = (from, to) => [firstAtLeast(until, from), firstAtLeast(sent, to + 1)];

  // What each replica told of itself, in order.
  const byReplica = Array.from({ length: replicas }, () => []);
  states.time.forEach((time, index) => {
    if (isReplica(states.replica[index])) byReplica[states.replica[index]].push(index);
  });
  const toldAnything = states.time.length > 0;
  const nothing = () => ({
    role: "follower", term: 0, vote: "FFFF", leader: "FFFF", commit: 0, lease_until_ns: 0,
    waiting: 0, owed: 0, log: [],
  });
  const applyChange = (state, change) => {
    for (const [key, value] of Object.entries(change)) {
      if (key === "log") {
        state.log.length = Math.min(state.log.length, value.from - 1);
        for (const entry of value.entries) state.log.push(entry);
      } else {
        state[key] = value;
      }
    }
  };
  // Every so many changes the whole state is kept, so that any moment is a few changes away.
  const STRIDE = 256;
  const kept = byReplica.map((list) => {
    const state = nothing();
    const copies = [];
    list.forEach((index, place) => {
      if (place % STRIDE === 0) copies.push({ ...state, log: state.log.slice() });
      applyChange(state, states.change[index]);
    });
    return copies;
  });
  const times = byReplica.map((list) => Float64Array.from(list, (index) => states.time[index]));
  // The state after everything that happened until then; with `before`, without what happened then.
  const stateAt = (replica, time, before = false) => {
    const list = byReplica[replica];
    if (!list || !toldAnything) return null;
    const upTo = firstAtLeast(times[replica], before ? time : time + 1);
    const base = Math.min(Math.floor(upTo / STRIDE), kept[replica].length - 1);
    const copy = base >= 0 ? kept[replica][base] : nothing();
    const state = { ...copy, log: copy.log.slice() };
    for (let place = Math.max(base, 0) * STRIDE; place < upTo; place += 1) {
      applyChange(state, states.change[list[place]]);
    }
    return state;
  };

  // Roles, leases, commits and lives as stretches for the lanes.
  const lives = Array.from({ length: replicas }, () => ({ dead: Infinity, downs: [], pauses: [] }));
  const splits = [];
  const cuts = [];
  let split = null;
  for (const fault of data.faults) {
    const replica = number.get(fault.replica);
    const open = replica === undefined ? null : lives[replica].pauses.at(-1);
    switch (fault.kind) {
      case "kill": case "died":
        lives[replica].dead = Math.min(lives[replica].dead, fault.time_ns);
        if (open && open[1] === end) open[1] = fault.time_ns;
        break;
      case "start":
        if (lives[replica].dead < Infinity) lives[replica].downs.push([lives[replica].dead, fault.time_ns]);
        lives[replica].dead = Infinity;
        break;
      case "pause":
        lives[replica].pauses.push([fault.time_ns, end]);
        break;
      case "resume":
        if (open) open[1] = fault.time_ns;
        break;
      case "split":
        if (split) split.to = fault.time_ns;
        split = { from: fault.time_ns, to: end, fault };
        splits.push(split);
        break;
      case "cut":
        cuts.push({ from: fault.time_ns, to: end, ends: fault.cut.map((id) => number.get(id)), fault });
        break;
      case "heal":
        if (split) split.to = fault.time_ns;
        split = null;
        cuts.forEach((cut) => { if (cut.to === end) cut.to = fault.time_ns; });
        break;
      default:
    }
  }
  const roles = [];
  const leases = [];
  const commits = [];
  byReplica.forEach((list, replica) => {
    const dead = Math.min(lives[replica].dead, end);
    let now = { from: 0, role: "follower", term: 0 };
    const own = [];
    const stripes = [];
    const ticks = [];
    for (const index of list) {
      const [time, change] = [states.time[index], states.change[index]];
      if (change.role !== undefined || change.term !== undefined) {
        if (time > now.from) own.push({ ...now, to: time });
        now = { from: time, role: change.role ?? now.role, term: change.term ?? now.term };
      }
      if (change.lease_until_ns !== undefined) {
        const last = stripes.at(-1);
        if (last && last[1] > time) last[1] = time;
        if (change.lease_until_ns > time) {
          const stop = Math.min(change.lease_until_ns, dead);
          if (last && last[1] === time) last[1] = stop;
          else stripes.push([time, stop]);
        }
      }
      if (change.commit) ticks.push(time);
    }
    own.push({ ...now, to: dead });
    roles.push(own.filter((stretch) => stretch.from < dead));
    leases.push(stripes);
    commits.push(ticks);
  });

  // The terms that messages of each replica bear, if they bear any, and the first that one bore in a stretch.
  const termsOf = Array.from({ length: replicas }, () => []);
  (messages.term ?? []).forEach((term, n) => {
    if (term >= 0 && isReplica(messages.from[n])) termsOf[messages.from[n]].push([messages.sent[n], term]);
  });
  const termAt = (replica, from, to) => termsOf[replica].find(([time]) => time >= from && time <= to)?.[1] ?? null;

  // Whom the simulator believed to lead.
  const reigns = [];
  data.leaders.forEach((change, index) => {
    const leader = number.get(change.leader);
    // Whoever is dead does not lead, whatever the others still say.
    const stop = lives[leader]?.downs.find(([from]) => from >= change.time_ns)?.[0] ?? lives[leader]?.dead ?? end;
    const to = Math.min(data.leaders[index + 1]?.time_ns ?? end, stop);
    if (leader === undefined || to <= change.time_ns) return;
    // The colour says the term, as on the lanes.
    const stretch = toldAnything && roles[leader]?.findLast((it) => it.role === "leader" && it.from < to);
    // Of replicas that tell nothing, the term that the leader's messages bear.
    const told = termAt(leader, change.time_ns, to);
    const [term, last] = [stretch ? stretch.term : told ?? leader, reigns.at(-1)];
    // A word that was not believed for a moment is no change.
    if (last && last.leader === leader && last.term === term && change.time_ns - last.to < end / 400) last.to = to;
    else reigns.push({ from: change.time_ns, to, leader, term, told });
  });

  // What users asked for, with all attempts.
  const requests = new Map();
  attempts.mid.forEach((_, attempt) => {
    const id = attempts.request[attempt];
    if (!requests.has(id)) requests.set(id, { id, attempts: [], made: Infinity, done: null });
    const request = requests.get(id);
    request.attempts.push(attempt);
    request.made = Math.min(request.made, messages.sent[attempts.message[attempt]]);
  });
  const answers = new Map();
  for (let n = 0; n < count; n += 1) {
    const attempt = messages.attempt[n];
    if (attempt < 0 || n === attempts.message[attempt]) continue;
    if (!answers.has(attempt)) answers.set(attempt, []);
    answers.get(attempt).push(n);
    const request = requests.get(attempts.request[attempt]);
    if (messages.effect[n] === 0 || messages.effect[n] === 3) request.done = messages.end[n];
  }
  const relatedOf = new Map();
  for (const [n, list] of Object.entries(messages.related)) {
    for (const attempt of list) {
      if (!relatedOf.has(attempt)) relatedOf.set(attempt, []);
      relatedOf.get(attempt).push(Number(n));
    }
  }
  // Where in which log each put stood.
  const stored = new Map();
  const byMid = new Map(attempts.mid.map((mid, attempt) => [mid, attempt]));
  states.change.forEach((change, index) => {
    change.log?.entries.forEach(([, , , mid], offset) => {
      const attempt = mid ? byMid.get(mid) : undefined;
      if (attempt === undefined) return;
      if (!stored.has(attempt)) stored.set(attempt, []);
      stored.get(attempt).push({
        time: states.time[index], replica: states.replica[index], index: change.log.from + offset,
      });
    });
  });

  // Acknowledgements name an index, not a MID: `matched` the sender's own, or `receipts` those of all
  // on a route, `[[replica, ..., {"matched": index}], ...]`. What carries entries as well is still under way.
  const acknowledged = (n) => {
    const { matched, receipts, entries } = messages.data[n] ?? {};
    if (typeof matched === "number") return [[messages.from[n], matched]];
    if (!Array.isArray(receipts) || entries !== undefined) return [];
    return receipts.flatMap((receipt) => {
      const [id, ...rest] = Array.isArray(receipt) ? receipt : [];
      const [party, said] = [number.get(id), rest.at(-1)];
      return isReplica(party ?? -1) && typeof said?.matched === "number" ? [[party, said.matched]] : [];
    });
  };
  const acksOf = Array.from({ length: replicas }, () => []);
  for (let n = 0; n < count; n += 1) {
    if (!isReplica(messages.from[n]) || !isReplica(messages.to[n])) continue;
    acknowledged(n).forEach(([party, index]) => acksOf[party].push([n, index]));
  }

  // Everything that belongs to one attempt, in the order of time.
  const stepsOfAttempt = (attempt) => {
    const steps = [];
    const request = attempts.message[attempt];
    const put = attempts.put[attempt] === 1;
    const step = (time, text, more = {}) => steps.push({ time, text, ...more });
    // Of real processes it is not known when they sent and took something, only when it was passed on.
    const arrived = (n) => {
      if (messages.fate[n] !== 0) return `: ${FATE_TEXTS[messages.fate[n]]}`;
      return data.start.options?.virtual ? `, arrives after ${L.duration(messages.end[n] - messages.sent[n])}` : "";
    };
    step(messages.sent[request],
      `${name(messages.from[request])} asks ${name(messages.to[request])}: ${put ? "put" : "get"}${arrived(request)}`,
      { kind: "request", message: request });
    for (const n of relatedOf.get(attempt) ?? []) {
      const copy = messages.copies[n] === undefined ? "" : ", a copy made by the network";
      step(messages.sent[n],
        `${data.kinds[messages.kind[n]]} from ${name(messages.from[n])} to ${name(messages.to[n])}${arrived(n)}${copy}`,
        { kind: "append", message: n });
    }
    for (const place of stored.get(attempt) ?? []) {
      step(place.time, `${name(place.replica)} has it in its log, index ${place.index}`,
        { kind: "stored", replica: place.replica });
      const acked = new Set();
      for (const [n, index] of acksOf[place.replica]) {
        const to = messages.to[n];
        if (acked.has(to) || messages.sent[n] < place.time - 1e3) continue;
        if (index >= place.index) {
          acked.add(to);
          // What comes much later acknowledges other things.
          if (messages.sent[n] > place.time + 3e9) continue;
          const all = acknowledged(n).map(([party]) => name(party));
          const on = all.length > 1 ? ` for ${all.join(" and ")}` : "";
          step(messages.sent[n], `${name(messages.from[n])} acknowledges to ${name(to)}${on}${arrived(n)}`,
            { kind: "ack", message: n });
        }
      }
      const list = byReplica[place.replica];
      const from = firstAtLeast(times[place.replica], place.time);
      for (let at = from; at < list.length; at += 1) {
        const change = states.change[list[at]];
        const gone = change.log && change.log.from <= place.index && states.time[list[at]] > place.time;
        if (gone) {
          step(states.time[list[at]], `${name(place.replica)} takes it out of its log again`,
            { kind: "removed", replica: place.replica });
          break;
        }
        if (change.commit !== undefined && change.commit >= place.index) {
          step(states.time[list[at]], `${name(place.replica)} knows it committed`,
            { kind: "commit", replica: place.replica });
          break;
        }
      }
    }
    for (const n of answers.get(attempt) ?? []) {
      const effect = messages.effect[n] > 0 && messages.effect[n] !== 1
        ? ` (${EFFECTS[messages.effect[n]]})` : "";
      step(messages.sent[n],
        `${name(messages.from[n])} answers ${name(messages.to[n])}: ${data.kinds[messages.kind[n]]}${effect}${arrived(n)}`,
        { kind: "answer", message: n });
    }
    return steps;
  };
  const follow = (list) => {
    const steps = list.flatMap(stepsOfAttempt);
    steps.sort((a, b) => a.time - b.time);
    const seen = new Set();
    const unique = steps.filter((step) => {
      const key = step.message === undefined ? `${step.time} ${step.text}` : `m${step.message}`;
      return !seen.has(key) && seen.add(key);
    });
    return { steps: unique, messages: new Set(unique.flatMap((step) => step.message ?? [])) };
  };
  // Attempts that a text means: a MID, a key (or the beginning of either), or the number of a request.
  const find = (text) => {
    const wanted = text.trim();
    if (!wanted) return [];
    const numbered = /^#?(\d{1,9})$/.exec(wanted);
    if (numbered && requests.has(Number(numbered[1]))) return requests.get(Number(numbered[1])).attempts;
    const matching = (test) => {
      const hits = new Set();
      attempts.mid.forEach((mid, attempt) => {
        if (test(mid)) requests.get(attempts.request[attempt]).attempts.forEach((a) => hits.add(a));
        if (test(attempts.key[attempt])) hits.add(attempt);
      });
      return [...hits];
    };
    const exact = matching((value) => value === wanted);
    return exact.length || wanted.length < 3 ? exact : matching((value) => value.startsWith(wanted));
  };

  // What a message changed: the changes of state in the very step that took it in. Where replicas do
  // not tell what brought a change about, the next change at the receiver, if it comes soon.
  const causedBy = new Map();
  states.causes.forEach((causes, index) => {
    causes?.forEach((n) => {
      if (!causedBy.has(n)) causedBy.set(n, []);
      causedBy.get(n).push(index);
    });
  });
  const effectsOf = (n) => {
    const replica = messages.to[n];
    if (messages.fate[n] !== 0 || !isReplica(replica)) return { known: true, states: [] };
    if (causedBy.has(n)) return { known: true, states: causedBy.get(n) };
    const list = byReplica[replica];
    const place = firstAtLeast(times[replica], messages.end[n] - 20e3);
    const next = list[place];
    const sure = states.causes.some((causes) => causes);
    if (sure || next === undefined || states.time[next] > messages.end[n] + 2e6) {
      return { known: sure, states: [] };
    }
    return { known: false, states: [next] };
  };

  // What stands for messages that are in the trace only. All that is in a band looks alike.
  const bands = (data.bands ?? []).map((band) => ({
    ...band, from: messages.from[band.first], to: messages.to[band.first], kind: messages.kind[band.first],
    fate: messages.fate[band.first], begin: messages.sent[band.first], stop: finish[band.last],
  }));

  // What replicas printed, by replica.
  const output = data.output ?? { time: [], replica: [], stderr: [], text: [], left_out: [] };
  const printed = Array.from({ length: replicas }, () => []);
  output.time.forEach((time, line) => printed[output.replica[line]]?.push({ time, line, error: output.stderr[line] === 1, text: output.text[line] }));
  const linesWith = (text) => {
    const wanted = text.trim().toLowerCase();
    if (wanted.length < 2) return [];
    return output.text.flatMap((said, line) => (said.toLowerCase().includes(wanted) ? [line] : []));
  };

  // What is worth going to.
  const events = [];
  for (const fault of data.faults) {
    const after = [...requests.values()].filter((r) => r.made < fault.time_ns + 2e8
      && (r.done ?? end) > fault.time_ns);
    const latest = after.reduce((most, r) => Math.max(most, r.done ?? 0), fault.time_ns + 2e7);
    const settled = Math.min(latest, fault.time_ns + 2e9);
    const text = fault.text.charAt(0).toUpperCase() + fault.text.slice(1);
    events.push({ kind: "fault", time: fault.time_ns, from: fault.time_ns, to: settled, text, fault });
  }
  const took = [];
  if (toldAnything) {
    roles.forEach((stretches, replica) => stretches.forEach((stretch) => {
      if (stretch.role === "leader") took.push({ time: stretch.from, replica, term: stretch.term });
    }));
  } else {
    let last = -1;
    for (const reign of reigns) {
      if (reign.leader !== last) took.push({ time: reign.from, replica: reign.leader, term: reign.told });
      last = reign.leader;
    }
  }
  for (const { time, replica, term } of took) {
    let from = time - 1e7;
    roles.forEach((stretches) => stretches.forEach((stretch) => {
      const campaign = stretch.role === "candidate" || stretch.role === "pre-candidate";
      if (campaign && stretch.from < time && stretch.from > time - 1.5e9) from = Math.min(from, stretch.from);
    }));
    const text = term === null ? `${name(replica)} is believed to lead` : `${name(replica)} leads term ${term}`;
    events.push({ kind: "election", time, from, to: time + (time - from) * 0.3, text, replica, term });
  }
  const wrongs = order.filter((n) => messages.effect[n] === 3 && messages.attempt[n] >= 0);
  data.violations.forEach((violation, index) => {
    const operations = violation.operations ?? [];
    const mids = [...new Set(violation.text.match(/[0-9A-Za-z]+/g) ?? [])].filter((mid) => byMid.has(mid));
    // A wrong answer is told by its key: then it is the answer that came wrong just then.
    if (violation.kind === "incorrect" && !mids.length) {
      const wrong = wrongs.find((n) => Math.abs(messages.end[n] - violation.time_ns) < 1e6
        && violation.text.includes(attempts.key[messages.attempt[n]]));
      if (wrong !== undefined) mids.push(attempts.mid[messages.attempt[wrong]]);
    }
    let [from, to] = [violation.time_ns - 3e6, violation.time_ns + 1e6];
    for (const operation of operations) {
      from = Math.min(from, operation.invoked_ns);
      to = Math.max(to, operation.returned_ns ?? violation.time_ns);
    }
    for (const mid of mids) from = Math.min(from, messages.sent[attempts.message[byMid.get(mid)]]);
    events.push({
      kind: "violation", time: violation.time_ns, from, to, text: violation.name, violation, index, mids,
    });
  });
  events.sort((a, b) => a.time - b.time);

  return {
    data, messages, attempts, states, replicas, end, count, number, isReplica, name, lane, finish, usual,
    order, visible, stateAt, toldAnything, lives, splits, cuts, roles, leases, commits, reigns,
    bands, output, printed, linesWith, total: data.total ?? count, numberOf: (n) => messages.number?.[n] ?? n,
    requests, answers, follow, find, effectsOf, events, byMid, firstAtLeast, times, byReplica,
    lanes: replicas + 1,
    laneName: (index) => (index === 0 ? "clients" : data.parties[index - 1]),
  };
};
