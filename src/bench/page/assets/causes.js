// Why a run went as it did, what replicas printed, and what bands stand for: what is told in words beside
// the diagram. `hooks` lead to it.
L.causes = (model, hooks) => {
  const { data, end } = model;
  const { el } = L;
  const results = data.end.results ?? {};
  const causes = Array.isArray(results.causes) ? results.causes : [];
  const link = (time, text, replica) => el("button", { class: "link", onclick: () => hooks.goToTime(time, replica) }, text);
  const request = (id) => (id !== undefined && model.requests.has(id)
    ? [" ", el("button", { class: "link", onclick: () => hooks.followRequest(id) }, `#${id}`)] : []);

  // A cause with its evidence, as items of a list. What a replica said stands in whole.
  const item = (cause, index) => {
    const evidence = (cause.evidence ?? []).map((it) => el("li", {},
      it.time_ns === undefined ? null : [link(it.time_ns, L.seconds(it.time_ns, 1e9), model.number.get(it.replica)), " "], it.text, request(it.request)));
    if (cause.left_out) evidence.push(el("li", {}, `and ${cause.left_out} more like these`));
    const quote = (cause.quote ?? []).length ? el("pre", { class: "quote" }, cause.quote.join("\n")) : null;
    const more = evidence.length || quote ? el("details", { open: index === 0 && !cause.hint && evidence.length < 6 },
      el("summary", {}, "evidence"), quote, el("ul", {}, evidence)) : null;
    const mark = cause.hint ? (failed ? "✗ probably: " : "Hint: ") : index === 0 ? "✗ " : "✗ and ";
    return el("li", { class: failed ? "bad cause" : "hint" }, `${mark}${cause.text}`, more);
  };
  // Where nothing is sure but that a rule was broken, what is likely comes first.
  const failed = data.end.complete && !data.end.passed && causes.length > 0;
  const leads = failed && causes[0].hint;
  const sure = causes.filter((cause) => leads || !cause.hint);
  const hints = causes.filter((cause) => !leads && cause.hint);

  // What a missed tier was lost to, in full.
  const table = (head, rows) => el("table", { class: "numbers" }, el("thead", {}, el("tr", {}, head.map((text) => el("th", { scope: "col" }, text)))),
    el("tbody", {}, rows.map((row) => el("tr", {}, row.map((cell) => el("td", {}, cell))))));
  const costs = () => {
    const PHASES = ["idle", "steady", "elections", "partitions"];
    const sum = (phases) => PHASES.reduce((all, phase) => all + (phases[phase] ?? 0), 0);
    const types = Object.entries(results.messages_by_phase ?? {}).sort((a, b) => sum(b[1]) - sum(a[1]));
    const parts = [];
    const part = (title, content) => parts.push(el("details", {}, el("summary", {}, title), el("div", { class: "scroll" }, content)));
    if (types.length) {
      part("Messages by type and phase", table(["type", ...PHASES, "all"], types.map(([kind, phases]) => [kind,
        ...PHASES.map((phase) => String(phases[phase] ?? 0)), String(sum(phases))])));
    }
    const answers = results.duplicate_answers ?? [];
    if (answers.length) {
      part(`Answered twice: ${results.metrics?.duplicates ?? answers.length}`, table(["request", "first by", "at", "again by", "at", "MID"],
        answers.map((it) => [request(it.request), it.first_by, L.seconds(it.first_s * 1e9), it.by, link(it.time_s * 1e9, L.seconds(it.time_s * 1e9)), it.MID])));
    }
    const never = results.unanswered_attempts ?? [];
    if (never.length) {
      part(`Never answered: ${results.unanswered ?? never.length}`, table(["request", "", "asked", "last seen", "MID"],
        never.map((it) => [request(it.request), it.op, link(it.time_s * 1e9, L.seconds(it.time_s * 1e9)), it.last_seen, it.MID])));
    }
    return parts;
  };

  // What a replica printed around a moment.
  const AROUND = 12;
  const printedAt = (replica, time) => {
    const lines = model.printed[replica] ?? [];
    const left = model.output.left_out[replica] ?? 0;
    if (!lines.length) return null;
    const next = lines.findIndex((it) => it.time > time);
    const middle = next < 0 ? lines.length : next;
    const some = lines.slice(Math.max(middle - AROUND, 0), middle + AROUND / 2);
    return [el("h3", {}, "What it printed"), left ? el("p", { class: "soft" }, `${left} lines in the middle are in the trace only.`) : null, list(some, false)];
  };
  const list = (lines, named) => el("ol", { class: "printed" }, lines.map((it) => el("li", { class: it.error ? "bad" : null },
    link(it.time, L.seconds(it.time, 1e9), model.output.replica[it.line]),
    named ? ` ${model.name(model.output.replica[it.line])}: ` : " ", el("code", {}, it.text))));
  const lineList = (numbers) => {
    const { output } = model;
    const MOST = 300;
    const lines = numbers.slice(0, MOST).map((line) => ({ line, time: output.time[line], text: output.text[line], error: output.stderr[line] === 1 }));
    return [list(lines, true), numbers.length > MOST ? el("p", {}, `and ${numbers.length - MOST} more`) : null];
  };

  const bandTitle = (band) => `${band.count} × ${data.kinds[band.kind]} ${model.name(band.from)} → ${model.name(band.to)}`;
  const bandFacts = (band) => [
    ["first", hooks.messageLink(band.first, L.seconds(band.begin, 1))],
    ["last", hooks.messageLink(band.last, L.seconds(model.messages.sent[band.last], 1))],
    ["fate", FATE_TEXTS[band.fate]],
    ["the others", "are in the trace only"],
  ];
  const clamp = (time) => Math.min(Math.max(time, 0), end);
  return { sure: sure.map(item), hints: hints.map(item), causes, costs, printedAt, lineList, bandTitle, bandFacts, clamp };
};
