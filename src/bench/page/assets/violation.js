// What went wrong, side by side: the operations that no order explains, or the replicas' logs.
L.violations = (model, hooks) => {
  const { data } = model;
  // How many entries are shown around each place that matters, before and behind it.
  const BEFORE = 1;
  const BEHIND = 1;
  const short = (text, length = 12) => (text.length > length ? `${text.slice(0, length)}…` : text);

  // Operations as bars on a common axis, and as a table.
  const operations = (violation) => {
    const list = violation.operations;
    const [from, to] = [
      Math.min(...list.map((o) => o.invoked_ns)),
      Math.max(...list.map((o) => o.returned_ns ?? violation.time_ns), violation.time_ns),
    ];
    const span = Math.max(to - from, 1);
    const percent = (time) => `${(((time - from) / span) * 100).toFixed(3)}%`;
    const rows = list.map((operation) => {
      const until = operation.returned_ns ?? to;
      const width = `${Math.max(((until - operation.invoked_ns) / span) * 100, 0.4).toFixed(3)}%`;
      const what = `${operation.op} ${operation.op === "put" ? "" : "→ "}“${operation.value}”`;
      const bar = L.el("span", {
        class: `bar ${operation.op}${operation.returned_ns === null ? " open" : ""}`,
      });
      bar.style.left = percent(operation.invoked_ns);
      bar.style.width = width;
      return L.el("tr", {},
        L.el("th", { scope: "row" }, operation.client),
        L.el("td", { class: "value" }, L.el("button", {
          class: "link", title: "Follow this request",
          onclick: () => hooks.followRequest(operation.request),
        }, what)),
        L.el("td", {}, L.duration(operation.invoked_ns - from)),
        L.el("td", {}, operation.returned_ns === null ? "never" : L.duration(operation.returned_ns - from)),
        L.el("td", { class: "bars", "aria-hidden": "true" }, bar));
    });
    return L.el("div", { class: "scroll" },
      L.el("p", { class: "soft" }, `Key ${short(list[0]?.key ?? "", 40)}. Times count from ${L.seconds(from, 1)}. `
        + "Each operation takes effect at one moment within its bar; no choice of moments explains these."),
      L.el("table", { class: "operations" },
        L.el("thead", {}, L.el("tr", {}, ...["client", "operation", "begins", "returns", ""].map(
          (text) => L.el("th", { scope: "col" }, text)))),
        L.el("tbody", {}, rows)));
  };

  // The logs of all replicas, around where they differ or what the sentence names.
  const logs = (violation, mids) => {
    if (!model.toldAnything) return null;
    const states = Array.from({ length: model.replicas }, (_, replica) => model.stateAt(replica, violation.time_ns));
    const longest = Math.max(...states.map((state) => state.log.length));
    const at = (state, index) => state.log[index - 1];
    const same = (index) => {
      const entries = states.map((state) => at(state, index)).filter(Boolean);
      return entries.every((entry) => JSON.stringify(entry) === JSON.stringify(entries[0]));
    };
    // Of many replicas those that the sentence names come first, for the others are out of sight.
    const columns = states.map((_, replica) => replica);
    const isNamed = (replica) => new RegExp(`\\b${model.name(replica)}\\b`).test(violation.text);
    if (columns.length > 7) columns.sort((a, b) => isNamed(b) - isNamed(a) || a - b);
    // Where the logs part, and what the sentence names: an index, or the last attempt among its MIDs.
    const places = new Set();
    for (let index = 1; index <= longest && !places.size; index += 1) {
      if (!same(index)) places.add(index);
    }
    const named = /(?:index|at|through|entry) (\d+)/.exec(violation.text);
    if (named && Number(named[1]) <= longest) places.add(Number(named[1]));
    else {
      const holding = states.map((state) => state.log.findLastIndex((entry) => mids.includes(entry[3])) + 1);
      if (Math.max(...holding) > 0) places.add(Math.max(...holding));
    }
    if (!places.size) places.add(Math.max(longest - BEHIND, 1));
    const shown = new Set();
    for (const place of places) {
      const begin = Math.min(place - BEFORE, longest - BEFORE - BEHIND);
      for (let index = Math.max(begin, 1); index <= Math.min(Math.max(begin, 1) + BEFORE + BEHIND, longest); index += 1) shown.add(index);
    }
    const rows = [];
    let before = 0;
    for (const index of [...shown].sort((a, b) => a - b)) {
      const differs = !same(index);
      if (before && index > before + 1) rows.push(L.el("tr", {}, L.el("th", { scope: "row" }, "⋮")));
      before = index;
      rows.push(L.el("tr", { class: differs ? "differs" : "" },
        L.el("th", { scope: "row" }, `${index}${differs ? " ≠" : ""}`),
        columns.map((replica) => {
          const state = states[replica];
          const entry = at(state, index);
          if (!entry) return L.el("td", { class: "none" }, "–");
          const [term, kind, who, mid] = entry;
          const attempt = model.byMid.get(mid);
          const committed = index <= state.commit;
          const text = kind === "put" ? `${who} ${short(mid, 5)}` : kind === "noop" ? "no-op" : `taken over by ${who}`;
          const inside = attempt === undefined ? text : L.el("button", {
            class: "link", title: `${mid}: follow this request`, onclick: () => hooks.followAttempts([attempt]),
          }, text);
          return L.el("td", { class: `${committed ? "committed" : ""}${mids.includes(mid) ? " named" : ""}` },
            L.el("b", {}, `t${term} `), inside, committed ? " ✓" : "");
        })));
    }
    return L.el("div", { class: "scroll" },
      L.el("p", { class: "soft" }, "The logs at that moment: t term, ✓ known as committed, ≠ entries differ"),
      L.el("table", { class: "logs" },
        L.el("thead", {}, L.el("tr", {}, L.el("th", { scope: "col" }, "index"),
          columns.map((replica) => L.el("th", { scope: "col" }, `${model.name(replica)} `,
            L.el("small", {}, model.lives[replica].dead <= violation.time_ns || model.lives[replica].downs.some(([from, to]) => from <= violation.time_ns && violation.time_ns < to) ? "dead" : `${states[replica].role} t${states[replica].term}`))))),
        L.el("tbody", {}, rows)));
  };

  return (event) => {
    const { violation, mids } = event;
    const kind = { invariant: "A promise of the protocol was broken", history: "What clients saw cannot be explained",
      incorrect: "A wrong answer or message" }[violation.kind] ?? "A violation";
    const replay = data.start.command;
    return L.el("section", { class: "violation", "aria-label": "violation" },
      L.el("div", {}, L.el("h2", {}, `✗ ${kind}${violation.kind === "incorrect" ? "" : `: ${violation.name}`}`),
      L.el("p", { class: "sentence" }, `${L.seconds(violation.time_ns, 1)}: ${violation.text}`),
      L.el("p", {},
        L.el("button", { onclick: () => hooks.goTo(event) }, "Show the moment"), " ",
        mids.length ? L.el("button", {
          onclick: () => hooks.followAttempts(mids.map((mid) => model.byMid.get(mid))),
        }, "Follow the request") : null, " ",
        L.el("code", { class: "soft" }, replay))),
      violation.operations?.length ? operations(violation) : null,
      violation.kind === "incorrect" ? null : logs(violation, mids));
  };
};
