// Everything around the diagram: filters, details, keys. Begins when it is loaded.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const model = L.model(data);
  const { messages, attempts, end } = model;
  const { el } = L;
  const config = data.start.config ?? {};
  const live = el("p", { class: "sr", "aria-live": "polite", id: "live" });
  const say = (text) => { live.textContent = text; };
  const state = { selected: null, lane: null, followed: null };

  const canvas = el("canvas", {
    id: "diagram", tabindex: "0", role: "application", "aria-describedby": "keys",
    "aria-label": `Space-time diagram with ${model.lanes} lanes and ${model.count} messages`,
  });
  const overviewCanvas = el("canvas", { id: "overview", role: "img",
    "aria-label": "Who led, faults and waiting requests over the whole run; the tables below have the numbers" });
  const latencyCanvas = el("canvas", { id: "latency", role: "img", "aria-label": "Latency of every answer over time" });
  const rateCanvas = el("canvas", { id: "rate", role: "img", "aria-label": "Messages a second by type" });
  const panel = el("aside", { id: "panel", "aria-label": "details", tabindex: "-1" });
  const tip = el("div", { id: "tip", role: "tooltip", hidden: true });
  const where = el("span", { id: "where", class: "soft" });
  const shownCount = el("span", { id: "shown", class: "soft" });

  const goTo = (event) => {
    diagram.fit(event.from, event.to);
    diagram.mark(event.time);
    say(`${event.text} at ${L.seconds(event.time)}`);
    if (event.kind === "election") showLane(event.replica, event.time);
    else if (event.fault?.replica) showLane(model.number.get(event.fault.replica), event.time, true);
    else showOverview(event);
  };
  const diagram = L.diagram(model, canvas, {
    moved: () => {
      const { from, to } = diagram.view;
      where.textContent = `${L.seconds(from, to - from)} – ${L.seconds(to, to - from)} (${L.duration(to - from)})`;
      plots?.redraw();
    },
    painted: (shown) => { shownCount.textContent = `${shown} of ${model.total} messages in view`; },
    hovered: (n, event, time, lane) => hover(n, event, time, lane),
    messageClicked: (n) => showMessage(n),
    laneClicked: (replica, time) => showLane(replica, time),
    bandClicked: (band) => showBand(band),
  });
  const plots = L.plots(model, {
    view: () => diagram.view,
    setView: (from, to) => diagram.setView(from, to),
    follow: (attempt) => followAttempts(model.requests.get(attempts.request[attempt]).attempts, true),
  });

  const words = L.causes(model, {
    goToTime: (time, replica) => {
      if (time < diagram.view.from || time > diagram.view.to || diagram.view.to - diagram.view.from > 2e9) diagram.fit(time - 5e7, time + 5e7);
      if (replica >= 0) showLane(replica, time);
      else diagram.mark(time);
    },
    followRequest: (id) => followAttempts(model.requests.get(id).attempts),
    messageLink: (n, text) => messageLink(n, text),
  });
  const { story, verdict, metrics, whoLed } = L.story(model, plots, words, { goTo, followAttempts });

  // Details.
  const fill = (title, ...content) => {
    panel.replaceChildren(el("h2", {}, title), ...content.flat(Infinity).filter((part) => part));
    panel.scrollTop = 0;
  };
  const rows = (pairs) => el("table", { class: "facts" }, el("tbody", {}, pairs.filter(Boolean).map(([key, ...value]) => el(
    "tr", {}, el("th", { scope: "row" }, key), el("td", {}, value)))));
  const json = (value) => el("pre", { class: "json" }, typeof value === "string" ? value : L.pretty(value));
  const entryText = ([term, kind, who, mid]) => `t${term} ${kind}${who === "FFFF" ? "" : ` ${who}`}${mid ? ` ${mid}` : ""}`;
  const changeText = (replica, index) => {
    const change = model.states.change[index];
    const before = model.stateAt(replica, model.states.time[index], true);
    const items = Object.entries(change).map(([key, value]) => {
      if (key === "log") {
        const cut = before.log.length - value.from + 1;
        return `log: ${cut > 0 ? `${cut} entries from ${value.from} on go; ` : ""}${value.entries.length
          ? value.entries.map((entry, offset) => `[${value.from + offset}] ${entryText(entry)}`).join(", ") : "none come"}`;
      }
      if (key === "lease_until_ns") {
        return value ? `lease until ${L.seconds(value, 1)}` : "no lease";
      }
      return `${key}: ${before[key]} → ${value}`;
    });
    return el("ul", { class: "changes" }, items.map((text) => el("li", {}, text)));
  };
  const messageLink = (n, text) => el("button", { class: "link", onclick: () => showMessage(n, true) }, text);
  const requestOf = (attempt) => model.requests.get(attempts.request[attempt]);
  const summary = (n) => `${data.kinds[messages.kind[n]]} ${model.name(messages.from[n])} → ${model.name(messages.to[n])}`;

  function showMessage(n, bring = false) {
    state.selected = n;
    state.lane = null;
    diagram.select(n);
    diagram.mark(null);
    if (bring) bringIntoView(n);
    const effects = model.effectsOf(n);
    const attempt = messages.attempt[n];
    const related = attempt >= 0 ? [attempt] : messages.related[n] ?? [];
    const copy = messages.copies[n];
    const sentThen = [];
    if (messages.fate[n] === 0 && model.isReplica(messages.to[n])) {
      const [first, last] = model.visible(messages.end[n], messages.end[n]);
      for (let place = first; place < last; place += 1) {
        const other = model.order[place];
        if (messages.from[other] === messages.to[n] && messages.sent[other] === messages.end[n]) sentThen.push(other);
      }
    }
    const took = messages.fate[n] === 0 ? L.duration(messages.end[n] - messages.sent[n]) : null;
    fill(summary(n),
      rows([
        ["sent", L.seconds(messages.sent[n], 1)],
        ["fate", messages.fate[n] === 0 ? `arrived ${L.seconds(messages.end[n], 1)}, after ${took}` : FATE_TEXTS[messages.fate[n]]],
        messages.effect[n] >= 0 && ["client", EFFECTS[messages.effect[n]]],
        copy !== undefined && ["copy of", copy < model.count ? messageLink(copy, `message ${copy}`) : `message ${copy}`],
        ["number", String(model.numberOf(n))],
      ]),
      related.length ? el("p", {}, related.slice(0, 8).flatMap((a) => [el("button", {
        onclick: () => followAttempts(requestOf(a).attempts),
      }, `Follow #${attempts.request[a]}`), " "]), related.length > 8 ? `and ${related.length - 8} more` : null) : null,
      model.isReplica(messages.to[n]) && messages.fate[n] === 0 ? [
        el("h3", {}, `What it changed at ${model.name(messages.to[n])}`),
        effects.states.length ? [
          effects.known ? null : el("p", { class: "soft" }, "Probably: the replica's next change after it."),
          ...effects.states.map((index) => changeText(messages.to[n], index)),
        ] : el("p", { class: "soft" }, effects.known ? "Nothing that can be seen from outside."
          : "Not known: this replica does not tell of its state, or nothing changed."),
        sentThen.length ? el("p", {}, "It then sent: ", sentThen.slice(0, 12).flatMap((other) => [messageLink(other, summary(other)), "; "])) : null,
      ] : null,
      el("h3", {}, "Datagram"), json(messages.data[n]));
    say(`Message ${n}: ${summary(n)}, ${FATE_TEXTS[messages.fate[n]]}`);
  }
  function showBand(band) {
    diagram.select(null);
    fill(words.bandTitle(band), rows(words.bandFacts(band)));
    say(words.bandTitle(band));
  }
  const bringIntoView = (n) => {
    const { from, to } = diagram.view;
    const [a, b] = [messages.sent[n], model.finish[n]];
    const span = Math.min(to - from, Math.max((b - a) * 200, 2e6));
    if (a < from || b > to || to - from > span * 4) diagram.setView((a + b - span) / 2, (a + b + span) / 2);
  };

  function showLane(replica, at, before = false) {
    // Before the run there was nothing, and after it nothing more is known.
    const time = Math.min(Math.max(at, 0), end);
    state.lane = { replica, time };
    state.selected = null;
    diagram.select(null);
    diagram.mark(time);
    const told = model.stateAt(replica, time, before);
    const life = model.lives[replica];
    const paused = life.pauses.some(([from, to]) => from <= time && time < to);
    const isDown = life.downs.some(([from, to]) => from < time && time < to);
    const alive = isDown || time > life.dead || (time === life.dead && !before) ? "dead" : paused ? "paused" : "alive";
    const id = model.name(replica);
    if (!told) {
      fill(`${id} at ${L.seconds(time, 1)}`, rows([["state", alive]]),
        el("p", { class: "soft" }, "This replica does not tell of its state; only what the simulator sees is known."),
        words.printedAt(replica, time));
      say(`${id} is ${alive}`);
      return;
    }
    const tail = told.log.slice(-12);
    const lease = told.lease_until_ns > time ? `${L.duration(told.lease_until_ns - time)} left` : "none";
    const uncommitted = Math.max(told.log.length - told.commit, 0);
    fill(`${id} ${before ? "just before" : "at"} ${L.seconds(time, 1)}`,
      rows([
        ["state", alive], ["role", told.role], ["term", String(told.term)],
        ["vote", told.vote === "FFFF" ? "none" : told.vote],
        ["leader", told.leader === "FFFF" ? "unknown" : told.leader],
        ["log", `${told.log.length} entries, ${uncommitted} not known as committed`],
        ["commit", String(told.commit)], ["lease", lease],
        ["queue", `${told.waiting} requests wait, ${told.owed} puts in the log to be answered`],
      ]),
      el("h3", {}, "Log tail"),
      el("table", { class: "logs" }, el("tbody", {}, tail.map((entry, offset) => {
        const index = told.log.length - tail.length + offset + 1;
        const attempt = model.byMid.get(entry[3]);
        const text = entryText(entry);
        return el("tr", {}, el("th", { scope: "row" }, String(index)),
          el("td", { class: index <= told.commit ? "committed" : "" },
            attempt === undefined ? text : el("button", { class: "link", onclick: () => followAttempts(requestOf(attempt).attempts) }, text),
            index <= told.commit ? " ✓" : ""));
      }))),
      el("p", {}, el("button", { onclick: () => step(replica, time, -1) }, "◂ change before"), " ",
        el("button", { onclick: () => step(replica, time, 1) }, "change after ▸")),
      words.printedAt(replica, time));
    say(`${id}: ${alive}, ${told.role}, term ${told.term}, commit ${told.commit}`);
  }
  const step = (replica, time, by) => {
    const list = model.times[replica];
    const place = by > 0 ? model.firstAtLeast(list, time + 1) : model.firstAtLeast(list, time) - 1;
    if (list[place] !== undefined) {
      showLane(replica, list[place]);
      const { from, to } = diagram.view;
      if (list[place] < from || list[place] > to) diagram.setView(list[place] - (to - from) / 2, list[place] + (to - from) / 2);
    }
  };

  function followAttempts(list, bring = true) {
    const { steps, messages: set } = model.follow(list);
    state.followed = { attempts: list, steps };
    diagram.follow(set);
    diagram.select(null);
    diagram.mark(null);
    if (!steps.length) return;
    const times = steps.flatMap((s) => [s.time, s.message === undefined ? s.time : model.finish[s.message]]);
    // To the answer: that others learn of the commit with the next append may come much later.
    const dones = list.map((a) => requestOf(a).done);
    const last = dones.every((done) => done !== null) ? Math.max(...dones) : Math.max(...times);
    const begin = Math.min(...times);
    if (bring) diagram.fit(begin, Math.min(Math.max(last, begin + 1e4), begin + 10e9));
    const ids = [...new Set(list.map((a) => attempts.request[a]))];
    const first = list[0];
    const title = ids.length === 1 ? `Request #${ids[0]}` : `${ids.length} requests`;
    const request = requestOf(first);
    const MOST = 400;
    let before = steps[0].time;
    fill(title,
      rows([
        ["client", model.name(attempts.client[first])],
        ["operation", attempts.put[first] ? "put" : "get"],
        ["key", attempts.key[first]],
        attempts.put[first] && ["value", attempts.value[first]],
        ["attempts", `${list.length}: `, list.slice(0, 6).map((a) => `${attempts.mid[a]} `), list.length > 6 ? "…" : null],
        ids.length === 1 && ["took", request.done === null ? "not completed" : L.duration(request.done - request.made)],
      ]),
      el("p", {}, el("button", { id: "unfollow", onclick: unfollow }, "Stop following")),
      el("ol", { class: "steps" }, steps.slice(0, MOST).map((s) => {
        const delta = s.time - before;
        before = s.time;
        return el("li", { class: s.kind }, el("span", { class: "delta" }, `+${L.duration(delta)}`),
          el("button", { class: "link", onclick: () => (s.message === undefined ? showStep(s) : showMessage(s.message)) }, s.text));
      })),
      steps.length > MOST ? el("p", {}, `and ${steps.length - MOST} more steps`) : null);
    say(`${title}: ${steps.length} steps`);
  }
  const showStep = (s) => showLane(s.replica, s.time);
  function unfollow() {
    state.followed = null;
    diagram.follow(null);
    search.value = "";
    showOverview();
  }

  function showOverview(event) {
    state.selected = null;
    diagram.select(null);
    fill(event ? event.text : "Details",
      event ? rows([["at", L.seconds(event.time, 1)], ["shown", `${L.seconds(event.from, 1)} – ${L.seconds(event.to, 1)}`]]) : null,
      el("p", { class: "soft" }, "Choose a message or a place on a lane in the diagram, or follow a request."),
      el("h3", {}, "Signs"),
      el("ul", { class: "signs" },
        ...[["thick band", "leads a term; thin: follows; hatched: stands for election"],
          ["striped line above", "the leader's lease"], ["ticks below", "entries become known as committed"],
          ["hatched lane", "cut off from the majority"], ["red cross", "a message that never arrived, or a kill"],
        ].map(([sign, meaning]) => el("li", {}, el("b", {}, sign), ` ${meaning}`))),
      el("h3", {}, "The run"),
      rows([
        ["config", config.name ?? ""], config.purpose && ["purpose", config.purpose],
        ["replicas", data.start.options?.program ?? ""],
        ["requests", String(model.requests.size)], ["messages", String(model.total)],
        ["again", el("code", {}, data.start.command)],
      ]));
  }

  function hover(n, event, time, lane) {
    tip.hidden = n === null || !event;
    if (n !== null && event) {
      const text = typeof messages.data[n] === "string" ? messages.data[n] : L.asText(messages.data[n]);
      const changed = model.effectsOf(n).states.flatMap((index) => Object.keys(model.states.change[index]));
      const took = messages.fate[n] === 0 ? L.duration(messages.end[n] - messages.sent[n]) : FATE_TEXTS[messages.fate[n]];
      tip.replaceChildren(el("b", {}, summary(n)), ` · ${L.seconds(messages.sent[n], 1)} · ${took}`,
        changed.length ? ` · changes ${[...new Set(changed)].map((key) => key.replace("_until_ns", "")).join(", ")} of ${model.name(messages.to[n])}` : "",
        el("br"), el("code", {}, text.length > 420 ? `${text.slice(0, 420)}…` : text));
      const box = canvas.getBoundingClientRect();
      const room = box.width - 440;
      tip.style.left = `${Math.max(Math.min(event.offsetX + 16, room), 4)}px`;
      tip.style.top = `${event.offsetY + 18}px`;
    }
    if (event && lane !== undefined) canvas.title = "";
  }

  // Filters; their swatches are the legend.
  const swatch = (kind, shape) => {
    const image = el("canvas", { width: 34, height: 14, "aria-hidden": "true", class: "swatch" });
    const paint = () => {
      const context = L.sharp(image, 34, 14);
      const style = L.theme.style(kind);
      context.strokeStyle = style.colour;
      context.fillStyle = style.shape === "ring" ? L.theme.chrome().back : style.colour;
      context.lineWidth = 1.8;
      context.setLineDash(style.dash);
      context.beginPath();
      context.moveTo(0, 7);
      context.lineTo(24, 7);
      context.stroke();
      context.setLineDash([]);
      context.beginPath();
      L.shape(context, shape ?? style.shape, 28, 7, 3.5);
      if (!shape) context.fill();
      if (shape || style.shape === "ring") context.stroke();
    };
    L.theme.onChange(paint);
    paint();
    return image;
  };
  const counts = data.kinds.map(() => 0);
  messages.kind.forEach((kind) => { counts[kind] += 1; });
  model.bands.forEach((band) => { counts[band.kind] += band.count - 2; });
  const kindFilter = data.kinds.map((kind, index) => {
    const box = el("input", { type: "checkbox", checked: true, onchange: () => {
      if (box.checked) diagram.filter.kinds.delete(index);
      else diagram.filter.kinds.add(index);
      diagram.refilter();
    } });
    box.dataset.kind = kind;
    return el("label", { class: "chip" }, box, swatch(kind), `${kind} `, el("small", {}, String(counts[index])));
  });
  const replicaFilter = Array.from({ length: model.replicas }, (_, replica) => {
    const box = el("input", { type: "checkbox", onchange: () => {
      if (box.checked) diagram.filter.replicas.add(replica);
      else diagram.filter.replicas.delete(replica);
      diagram.refilter();
    } });
    box.dataset.replica = model.name(replica);
    return el("label", { class: "chip" }, box, model.name(replica));
  });
  const clientFilter = el("select", { id: "client", onchange: () => {
    diagram.filter.client = Number(clientFilter.value);
    diagram.refilter();
  } }, el("option", { value: "-1" }, "all clients"),
  data.parties.slice(model.replicas).map((id, index) => el("option", { value: String(model.replicas + index) }, id)));
  const search = el("input", { id: "search", type: "search", placeholder: "MID, key, #request or output", size: "18", autocomplete: "off" });
  const found = el("span", { class: "soft", id: "found", role: "status" });
  const wanted = () => {
    const list = model.find(search.value);
    const lines = list.length ? [] : model.linesWith(search.value);
    found.textContent = search.value.trim() === "" ? "" : list.length ? `${list.length} attempts`
      : lines.length ? `${lines.length} ${lines.length === 1 ? "line" : "lines"} of output` : "nothing of that name";
    if (lines.length) fill(`“${search.value.trim()}” in what replicas printed`, words.lineList(lines));
    return list;
  };
  const followForm = el("form", { class: "follow", onsubmit: (event) => {
    event.preventDefault();
    const list = wanted();
    if (list.length) followAttempts(list);
  } }, el("label", { for: "search" }, "Request "), search, " ",
  el("button", { type: "submit", id: "follow" }, "Follow"), " ",
  el("button", { type: "button", id: "only", onclick: () => {
    const list = wanted();
    diagram.filter.attempts = search.value.trim() === "" ? null : new Set(list);
    diagram.refilter();
  } }, "Show only"), " ", found);
  const reset = el("button", { id: "reset", onclick: () => {
    document.querySelectorAll(".filters input[type=checkbox]").forEach((box) => { box.checked = box.dataset.kind !== undefined; });
    clientFilter.value = "-1";
    search.value = "";
    found.textContent = "";
    Object.assign(diagram.filter, { kinds: new Set(), replicas: new Set(), client: -1, attempts: null });
    if (state.followed) unfollow();
    diagram.refilter();
  } }, "Reset");

  const eventButton = (event) => {
    const mark = { fault: "⚡", election: "♛", violation: "✗" }[event.kind];
    return el("button", { class: `event ${event.kind}`, title: `${event.text} (${L.seconds(event.time, 1)})`, onclick: () => goTo(event) },
      el("span", { "aria-hidden": "true" }, `${mark} `), el("small", {}, L.seconds(event.time, 3e10)), ` ${event.text}`);
  };

  // Numbers behind the plots.
  const numbers = (head, body) => el("details", {}, el("summary", {}, "Numbers"), el("div", { class: "scroll" },
    el("table", { class: "numbers" }, el("thead", {}, el("tr", {}, head.map((text) => el("th", { scope: "col" }, text)))),
      el("tbody", {}, body.map((row) => el("tr", {}, row.map((cell) => el("td", {}, cell))))))));
  const latencyTable = () => {
    const by = plots.OUTCOMES.map(([kind]) => {
      const values = plots.points.filter((point) => point.kind === kind).map((point) => point.latency).sort((a, b) => a - b);
      const at = (share) => (values.length ? L.duration(values[Math.max(Math.ceil(share * values.length) - 1, 0)]) : "–");
      return [kind, String(values.length), at(0.5), at(0.99), at(1)];
    });
    return numbers(["answer", "count", "p50", "p99", "max"], [...by, ["none", String(plots.unanswered.length), "", "", ""]]);
  };
  const rateTable = () => numbers(["from", ...plots.stacked.map((kind) => data.kinds[kind])],
    Array.from({ length: plots.bins }, (_, bin) => [L.seconds(bin * plots.step, plots.step * 10),
      ...plots.stacked.map((kind) => String(Math.round(plots.rates[kind][bin])))]));
  const legend = (items) => el("p", { class: "legend soft" }, items.flatMap(([kind, shape]) => [
    el("span", { class: "key" }, swatch(kind, shape), ` ${kind}`), " "]));
  const outagePlot = () => {
    const most = Math.max(...plots.outages.map((outage) => outage.lasted), 1);
    return el("table", { class: "outages" }, el("thead", {}, el("tr", {}, ["leader", "killed", "outage", ""].map((text) => el("th", { scope: "col" }, text)))),
      el("tbody", {}, plots.outages.map(({ kill, lasted, open }) => {
        const bar = el("span", { class: "outage" });
        bar.style.width = `${Math.max((lasted / most) * 100, 1)}%`;
        const event = model.events.find((e) => e.fault === kill);
        return el("tr", {}, el("th", { scope: "row" }, kill.replica),
          el("td", {}, el("button", { class: "link", onclick: () => goTo(event) }, L.seconds(kill.time_ns, 3e10))),
          el("td", {}, `${L.duration(lasted)}${open ? ", to the end" : ""}`), el("td", { class: "bars" }, bar));
      })));
  };

  const [tone, word] = verdict();
  const violations = L.violations(model, {
    goTo, followAttempts,
    followRequest: (id) => { if (model.requests.has(id)) followAttempts(model.requests.get(id).attempts); },
  });
  const violationEvents = model.events.filter((event) => event.kind === "violation");
  // Replicas that contradict each other "take turns" with every answer.
  const MOST_EVENTS = 200;
  const others = model.events.filter((event) => event.kind !== "violation");
  const zoomButtons = [["−", "Zoom out", () => diagram.zoom(2)], ["+", "Zoom in", () => diagram.zoom(0.5)],
    ["All", "Show the whole run", () => diagram.setView(0, end)]].map(([text, label, act]) => el(
    "button", { "aria-label": label, title: label, onclick: act }, text));
  document.body.append(
    el("header", {},
      el("span", { id: "verdict", class: `badge ${tone}` }, word),
      el("h1", {}, config.name ?? "run"),
      el("span", { class: "soft" }, `seed ${data.start.seed} · ${data.start.options?.virtual ? "virtual time" : "real processes"} · `
        + `${model.replicas} replicas · ${model.requests.size} requests · ${model.total} messages · ${L.seconds(end, 3e10)}`),
      el("button", { id: "theme", "aria-label": "Light or dark", onclick: () => L.theme.toggle() }, "Light / dark")),
    el("main", {},
      el("section", { class: "summary", "aria-label": "verdict" },
        el("dl", { class: "metrics" }, metrics()),
        el("div", {}, el("ul", { id: "story" }, story()), el("p", { class: "soft" }, whoLed()), words.costs())),
      ...(violationEvents.length ? [violations(violationEvents[0])] : []),
      el("section", { "aria-label": "overview" }, overviewCanvas),
      el("nav", { class: "events", "aria-label": "faults, elections and violations" }, [...violationEvents.slice(0, MOST_EVENTS), ...others.slice(0, MOST_EVENTS)].map(eventButton),
        others.length > MOST_EVENTS ? el("span", { class: "soft" }, `and ${others.length - MOST_EVENTS} more`) : null),
      el("section", { class: "main" },
        el("div", { class: "stage" },
          el("div", { class: "row tools" }, zoomButtons, where, el("span", { class: "spring" }), followForm),
          el("div", { class: "canvas" }, canvas, tip),
          el("div", { class: "filters", role: "group", "aria-label": "filters" },
            el("div", { class: "row kinds", role: "group", "aria-label": "types of messages" }, kindFilter),
            el("div", { class: "row" }, el("span", { class: "group", role: "group", "aria-label": "replicas" }, replicaFilter),
              clientFilter, reset, el("span", { class: "spring" }), shownCount)),
          el("p", { id: "keys", class: "soft keys" }, "Wheel or + − zoom, drag or ← → pan, Home shows all, N P messages, F follow its request, L replicas’ states, Esc lets go.")),
        panel),
      ...violationEvents.slice(1).map(violations),
      el("section", { class: "plots", "aria-label": "plots" },
        el("figure", {}, el("figcaption", {}, "Latency of each answer, by when it was asked for; ▲ never answered"),
          latencyCanvas, legend([["ok"], ["redirect", "diamond"], ["fail", "cross"]]), latencyTable()),
        el("figure", {}, el("figcaption", {}, "Messages between replicas a second, by type"), rateCanvas,
          legend(plots.stacked.map((kind) => [data.kinds[kind]])), rateTable()),
        plots.outages.length ? el("figure", {}, el("figcaption", {}, "Outages: from the kill of a leader to the next acknowledged put"), outagePlot()) : null),
      live));
  plots.overview(overviewCanvas);
  plots.latency(latencyCanvas);
  plots.rate(rateCanvas);
  showOverview();

  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const keys = {
      "+": () => diagram.zoom(0.5), "=": () => diagram.zoom(0.5), "-": () => diagram.zoom(2),
      ArrowLeft: () => diagram.pan(-0.15), ArrowRight: () => diagram.pan(0.15),
      ArrowUp: () => diagram.zoom(0.7), ArrowDown: () => diagram.zoom(1.4),
      Home: () => diagram.setView(0, end), End: () => diagram.setView(0, end),
      n: () => next(1), p: () => next(-1), N: () => next(1), P: () => next(-1),
      l: () => nextLane(1), L: () => nextLane(-1), f: followSelected, F: followSelected,
      Escape: () => (state.followed ? unfollow() : showOverview()),
    };
    if (keys[event.key]) {
      event.preventDefault();
      keys[event.key]();
    }
  });
  // What a click on a lane does, one replica after the other, in the middle of the view.
  const nextLane = (by) => {
    const { from, to } = diagram.view;
    const { replica, time } = state.lane ?? { replica: by > 0 ? -1 : model.replicas };
    const seen = time !== undefined && time >= from && time <= to;
    showLane((replica + by + model.replicas) % model.replicas, seen ? time : (from + to) / 2);
  };
  const followSelected = () => {
    if (state.selected === null) return;
    const own = messages.attempt[state.selected];
    const related = own >= 0 ? [own] : messages.related[state.selected] ?? [];
    if (related.length) followAttempts(requestOf(related[0]).attempts);
  };
  const next = (by) => {
    const n = diagram.neighbour(by);
    if (n !== null) showMessage(n, true);
  };

  if (violationEvents.length) {
    const first = violationEvents[0];
    diagram.fit(first.from, first.to);
    diagram.mark(first.time);
    if (first.mids.length) followAttempts(first.mids.flatMap((mid) => requestOf(model.byMid.get(mid)).attempts), false);
  } else {
    diagram.setView(0, end);
  }
  // For tests, and for the curious.
  window.leasekv = { data, model, diagram, plots, state, showMessage, showBand, showLane, followAttempts, goTo, unfollow, style: L.theme.style };
})();
