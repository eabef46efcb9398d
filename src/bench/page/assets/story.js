// The verdict in words, and what to look at first. `told` are the causes, `hooks` lead to it.
L.story = (model, plots, told, hooks) => {
  const { data, end } = model;
  const { el } = L;
  const results = data.end.results ?? {};

  const plural = (count, thing) => `${count} ${thing}${count === 1 ? "" : "s"}`;
  const requestCount = (requests) => `${plural(requests.length, "request")} ${requests.length === 1 ? "was" : "were"}`;
  const list = (items) => (items.length > 1 ? `${items.slice(0, -1).join(", ")} and ${items.at(-1)}` : items[0] ?? "");
  const story = () => {
    // First why it failed.
    const lines = [...told.sure];
    const go = (event) => el("button", { class: "link", onclick: () => hooks.goTo(event) }, L.seconds(event.time, 3e10));
    // The first stands in full just below.
    data.violations.slice(0, 4).forEach((violation, index) => {
      if (index === 0) return;
      const event = model.events.find((e) => e.kind === "violation" && e.index === index);
      lines.push(el("li", { class: "bad" }, `✗ ${violation.name} at `, go(event), `: ${violation.text}`));
    });
    if (data.violations.length > 4) lines.push(el("li", { class: "bad" }, `✗ and ${data.violations.length - 4} more violations`));
    if (!data.end.complete && !data.violations.length) {
      // What it lacks of a whole run is no fault.
      lines.push(el("li", { class: "bad" }, `‖ The run was interrupted at ${L.seconds(end, 3e10)} and is not judged.`));
    } else if (!data.violations.length) {
      const texts = told.causes.flatMap((cause) => [cause.text, ...(cause.evidence ?? []).map((it) => it.text)]);
      const known = (error) => texts.includes(error.trim()) || /^replica \w+ (died|counts as died|is closed)|incorrect messages or values:$/.test(error);
      (results.errors ?? []).filter((error) => !known(error)).forEach((error) => lines.push(el("li", { class: "bad" }, `✗ ${error}`)));
    }
    (results.warnings ?? []).forEach((warning) => lines.push(el("li", { class: "bad" }, `! ${warning}`)));
    if (results.jobs > 1) lines.push(el("li", {}, `${results.jobs} runs were made at a time: these times are those of a machine that they share.`));
    plots.outages.forEach(({ kill, lasted, open }) => {
      const event = model.events.find((e) => e.fault === kill);
      lines.push(el("li", {}, `Leader ${kill.replica} killed at `, go(event), open
        ? ": no put was acknowledged any more" : `: the next put was acknowledged ${L.duration(lasted)} later`));
    });
    const longest = [...plots.slow].sort((a, b) => (b.done ?? Infinity) - b.made - ((a.done ?? Infinity) - a.made));
    const never = longest.filter((request) => request.done === null);
    const late = longest.filter((request) => request.done !== null);
    const link = (request) => el("button", { class: "link", onclick: () => hooks.followAttempts(request.attempts, true) }, `#${request.id}`);
    const links = (requests) => requests.slice(0, 5).flatMap((request) => [link(request), " "]);
    if (never.length) lines.push(el("li", { class: "bad" }, data.end.complete ? `${requestCount(never)} never completed: `
      : `${requestCount(never)} open when the run was ended here: `, links(never)));
    if (results.doomed) {
      lines.push(el("li", {}, `Doomed: ${plural(results.doomed, "attempt")}, sent to a replica in the turn of its kill; nobody could have answered.`));
    }
    if (late.length) {
      lines.push(el("li", {}, `${plural(late.length, "request")} took 50 ms or longer, the longest `,
        `${L.duration(late[0].done - late[0].made)}: `, links(late)));
    }
    lines.push(...told.hints);
    if (data.end.output_left_out) lines.push(el("li", {}, `Beyond the trace's limit: ${plural(data.end.output_left_out, "line")} of output`));
    if (data.end.left_out) lines.push(el("li", { class: "bad" }, `Beyond the trace's limit: ${plural(data.end.left_out, "message")}`));
    if (!lines.length) lines.push(el("li", { class: "good" }, "Nothing went wrong: every request was completed within 50 ms."));
    return lines;
  };
  const verdict = () => {
    if (data.violations.length) return ["bad", "✗ VIOLATION"];
    if (!data.end.complete) return ["bad", "‖ INTERRUPTED"];
    return data.end.passed ? ["good", "✓ PASSED"] : ["bad", "✗ FAILED"];
  };
  const TIERS = ["Bonus!", "Full credit", "Partial credit", "No credit"];
  const NAMES = { total_msgs: "messages", failures: "failures", duplicates: "duplicates", median_latency: "median latency" };
  const metrics = () => Object.entries(NAMES).map(([key, text]) => {
    const value = results.metrics?.[key];
    const tier = results.tiers?.[key];
    const shown = value === null || value === undefined ? "–"
      : key === "median_latency" ? L.duration(value * 1e9) : String(value);
    return el("div", { class: "metric" }, el("dt", {}, text), el("dd", {}, shown),
      el("dd", { class: data.end.passed ? `tier tier-${tier}` : "tier" }, data.end.passed ? TIERS[tier] ?? "" : "not judged"));
  });
  const whoLed = () => {
    const led = new Map();
    model.reigns.forEach(({ from, to, leader }) => led.set(leader, (led.get(leader) ?? 0) + to - from));
    const parts = [...led].filter(([, time]) => time >= 5e7).map(([leader, time]) => `${model.name(leader)} ${L.seconds(time, 3e10)}`);
    const turns = model.events.filter((event) => event.kind === "election").length;
    if (!parts.length) return "Nobody led.";
    // Of replicas that tell nothing of themselves, only what their answers said is known.
    return model.toldAnything ? `Led: ${list(parts)}; ${plural(turns, "election")}.`
      : `Believed to lead, by the answers: ${list(parts)}; ${plural(turns, "turn")}.`;
  };

  return { story, verdict, metrics, whoLed };
};
