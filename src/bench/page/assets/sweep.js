// A sweep: how each metric is spread over the seeds, the tiers' thresholds, the worst seeds and what
// failed, each with the command that shows it again.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { el } = L;
  const SVG = "http://www.w3.org/2000/svg";
  const svg = (name, attributes, ...children) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children.flat().filter((child) => child !== null));
    return element;
  };
  const number = (value, unit) => {
    if (value === null || value === undefined) return "–";
    const text = Number.isInteger(value) ? String(value) : value.toPrecision(Math.abs(value) >= 100 ? 5 : 4).replace(/\.?0+$/, "");
    return unit ? `${text} ${unit}` : text;
  };
  const plural = (count, thing) => `${count} ${thing}${count === 1 ? "" : "s"}`;
  const total = data.sweeps.reduce((sum, sweep) => sum + sweep.seeds, 0);
  const passed = data.sweeps.reduce((sum, sweep) => sum + sweep.passed, 0);
  const violations = data.sweeps.reduce((sum, sweep) => sum + sweep.violations, 0);

  const copy = (command) => {
    const button = el("button", { class: "copy", "aria-label": `Copy ${command}`, onclick: async () => {
      let done = true;
      try {
        await navigator.clipboard.writeText(command);
      } catch {
        // A page from disk may not be allowed to: then it is selected, to be copied by hand.
        getSelection().selectAllChildren(button.previousElementSibling);
        done = document.execCommand("copy");
      }
      button.textContent = done ? "copied" : "selected";
      setTimeout(() => { button.textContent = "copy"; }, 1500);
    } }, "copy");
    return [el("code", {}, command), " ", button];
  };

  // A histogram with the thresholds as lines. Where values are spread over powers of ten, so is the axis.
  const histogram = ({ values: spread, thresholds, unit, name }) => {
    const [width, height, left, right, top] = [560, 162, 14, 14, 42];
    const bottom = height - 22;
    const list = spread.sorted;
    const limits = (thresholds ?? []).map((value, tier) => ({ value, tier }));
    const inside = [...list, ...limits.filter(({ value }) => value < list.at(-1) * 4).map(({ value }) => value)];
    let [least, most] = [Math.min(...inside), Math.max(...inside)];
    const log = least > 0 && most / least > 50;
    const to = log ? Math.log10 : (value) => value;
    const whole = !unit;
    if (!log && least >= 0 && least < most / 2) least = 0;
    if (least === most) [least, most] = [least && least * 0.9, least ? least * 1.1 : 1];
    const x = (value) => left + ((to(value) - to(least)) / (to(most) - to(least))) * (width - left - right);
    const BINS = 48;
    const bins = new Array(BINS).fill(0);
    list.forEach((value) => {
      bins[Math.min(Math.floor(((x(value) - left) / (width - left - right)) * BINS), BINS - 1)] += 1;
    });
    const tallest = Math.max(...bins);
    const step = (width - left - right) / BINS;
    const bars = bins.map((count, index) => (count === 0 ? null : svg("rect", {
      class: "dist", x: left + index * step + 0.5, width: step - 1,
      y: bottom - Math.max((count / tallest) * (bottom - top), 1.5), height: Math.max((count / tallest) * (bottom - top), 1.5),
    })));
    const TIERS = ["bonus", "full", "partial"];
    let free = [0, 0];
    const lines = limits.filter(({ value }) => value >= least && value <= most).map(({ value, tier }) => {
      const text = `${TIERS[tier]} < ${number(value, unit)}`;
      const w = text.length * 6;
      const at = Math.min(Math.max(x(value), left), width - right - w);
      // Labels that would touch go to the second line, or are left to the table.
      const row = at >= free[0] ? 0 : at >= free[1] ? 1 : -1;
      if (row >= 0) free = free.map((end, index) => (index === row ? at + w + 8 : end));
      return [svg("line", { class: "threshold", x1: x(value), x2: x(value), y1: top - 4, y2: bottom,
        "stroke-dasharray": ["", "6 3", "2 3"][tier] }),
      row < 0 ? null : svg("text", { x: at, y: 10 + 12 * row }, text)];
    });
    // Thresholds that lie beyond the values stand where they would be, so that none is missing.
    const beyond = (side, list) => {
      if (!list.length) return null;
      const names = list.map(({ value, tier }) => `${TIERS[tier]} < ${number(value, unit)}`).join(", ");
      const text = side > 0 ? `${names} →` : `← ${names}`;
      const w = text.length * 6;
      const at = side > 0 ? width - right - w : left;
      const row = at >= free[0] ? 0 : 1;
      free = free.map((end, index) => (index === row ? at + w + 8 : end));
      return svg("text", side > 0 ? { x: width - right, y: 10 + 12 * row, "text-anchor": "end" } : { x: left, y: 10 + 12 * row }, text);
    };
    // How high the bars are. Of very many values only some are here.
    const highest = svg("text", { x: width - right, y: top - 8, "text-anchor": "end" }, list.length === spread.count
      ? `highest bar: ${plural(tallest, "value")}` : `highest bar: ${Math.round((tallest / list.length) * 100)} %`);
    const outside = [beyond(-1, limits.filter(({ value }) => value < least)), beyond(1, limits.filter(({ value }) => value > most))];
    // Round values on the axis.
    const values = [];
    if (log) {
      for (let power = 10 ** Math.floor(Math.log10(least)); power <= most; power *= 10) values.push(power, 2 * power, 5 * power);
    } else {
      const gap = Math.max(L.step(most - least, width - left - right, 70), whole ? 1 : 0);
      for (let place = Math.ceil(least / gap - 1e-9); place * gap <= most * (1 + 1e-9); place += 1) values.push(place * gap);
    }
    let taken = -Infinity;
    const marks = values.filter((value) => value >= least && value <= most * (1 + 1e-9)).map((value) => {
      const text = number(+value.toPrecision(6), unit);
      const half = text.length * 3.1;
      const at = Math.min(Math.max(x(value), left + half), width - right - half);
      const tick = svg("line", { x1: x(value), x2: x(value), y1: bottom, y2: bottom + 4, stroke: "currentColor" });
      if (at - half < taken + 8) return tick;
      taken = at + half;
      return [tick, svg("text", { x: at, y: height - 5, "text-anchor": "middle" }, text)];
    });
    return svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img",
      "aria-label": `${name}: from ${number(list[0], unit)} to ${number(list.at(-1), unit)}, median ${number(spread.median, unit)}` },
    bars, svg("line", { x1: left, x2: width - right, y1: bottom, y2: bottom, stroke: "currentColor" }), lines.flat(), outside, highest, marks.flat());
  };

  // Times of runs that shared the machine are marked.
  const most = Math.max(...data.sweeps.map((sweep) => sweep.at_a_time), 1);
  const shared = (unit) => (most > 1 && unit === "ms" ? `, ${most} runs at a time` : "");
  const way = data.sweeps.every((sweep) => sweep.virtual) ? "in virtual time" : `of real processes${most > 1 ? `, ${most} at a time` : ""}`;
  const title = (name) => ({ total_msgs: "total messages", median_latency: "median latency" }[name] ?? name);

  const metric = (one) => {
    const { name, unit, values, worst, thresholds, tiers } = one;
    if (!values.count) return null;
    const facts = [["least", values.sorted[0]], ["median", values.median], ["p99", values.p99], ["greatest", values.sorted.at(-1)]];
    return el("figure", {}, el("figcaption", {}, title(name) + shared(unit)), histogram(one),
      el("p", { class: "soft" }, `${plural(values.count, "value")}: `, facts.map(([key, value]) => `${key} ${number(value, unit)}`).join(" · ")),
      tiers ? el("table", { class: "numbers" }, el("thead", {}, el("tr", {}, ["tier", "below", "runs"].map((text) => el("th", { scope: "col" }, text)))),
        el("tbody", {}, ["bonus", "full credit", "partial credit", "none"].map((text, index) => el("tr", {},
          el("th", { scope: "row" }, text), el("td", {}, index < 3 ? number(thresholds[index], unit) : ""), el("td", {}, String(tiers[index])))))) : null,
      worst.length && worst[0].value > values.sorted[0] ? el("details", {}, el("summary", {}, "Worst seeds"), el("table", { class: "worst" }, el("tbody", {}, worst.map(
        ({ seed, value, command }) => el("tr", {}, el("th", { scope: "row" }, `seed ${seed}`), el("td", {}, number(value, unit)), el("td", {}, copy(command))))))) : null);
  };

  const SHOWN = 3;
  const listed = (list) => el("ul", {}, list.map(({ seed, kind, text, command }) => el("li", {},
    el("b", { class: "bad" }, kind === "violation" ? "✗ violation" : "failed"), ` with seed ${seed}: `,
    el("pre", { class: "json" }, text), el("p", {}, copy(command)))));
  const failures = (sweep) => (sweep.failures.length ? el("div", { class: sweep.violations ? "violation" : "" },
    el("h3", { class: "bad" }, `${plural(sweep.violations, "violation")}, ${plural(sweep.failed - sweep.violations, "other failed run")}`),
    listed(sweep.failures.slice(0, SHOWN)),
    sweep.failures.length > SHOWN ? el("details", {}, el("summary", {}, `${sweep.failures.length - SHOWN} more`),
      listed(sweep.failures.slice(SHOWN))) : null,
    sweep.failed > sweep.failures.length ? el("p", {}, `and ${sweep.failed - sweep.failures.length} more`) : null) : null);

  const tone = violations ? ["bad", `✗ ${violations} VIOLATION${violations === 1 ? "" : "S"}`] : total < data.planned ? ["bad", "‖ INTERRUPTED"] : passed < total ? ["bad", `${total - passed} FAILED`] : ["good", "✓ ALL PASSED"];
  // Where to look first.
  const wrong = () => {
    const list = data.sweeps.filter((sweep) => sweep.failed > 0);
    return list.length ? el("p", { id: "wrong", class: "bad" }, "Look at: ", list.flatMap((sweep) => [
      el("a", { href: `#${sweep.config}` }, `${sweep.config} (${sweep.violations ? `${plural(sweep.violations, "violation")}, ` : ""}${sweep.failed} of ${sweep.seeds} failed)`), " "])) : null;
  };
  document.body.classList.add("sweep");
  document.body.append(
    el("header", {}, el("span", { id: "verdict", class: `badge ${tone[0]}` }, tone[1]),
      el("h1", {}, data.sweeps.length === 1 ? data.sweeps[0].config : `${data.sweeps.length} configs`),
      el("span", { class: "soft" }, `${total < data.planned ? `${total} of ${plural(data.planned, "run")}` : plural(total, "run")} ${way}, ${passed} passed, ${violations} with a violation`),
      el("button", { id: "theme", "aria-label": "Light or dark", onclick: () => L.theme.toggle() }, "Light / dark")),
    el("main", {},
      data.sweeps.length > 1 ? wrong() : null,
      data.sweeps.length > 1 ? el("nav", { class: "scroll", "aria-label": "configs" }, el("table", { class: "numbers" },
        el("thead", {}, el("tr", {}, ["config", "runs", "failed", "violations", "messages (median)", "failures (greatest)", "median latency", "longest request", "longest outage"].map(
          (text) => el("th", { scope: "col" }, text)))),
        el("tbody", {}, data.sweeps.map((sweep) => {
          const [messages, fails, , latency, longest, outage] = sweep.metrics;
          return el("tr", {}, el("th", { scope: "row" }, el("a", { href: `#${sweep.config}` }, sweep.config)), [
            sweep.seeds, sweep.failed, sweep.violations, number(messages.values.median), number(fails.values.sorted.at(-1)),
            number(latency.values.median, "ms"), number(longest.values.sorted.at(-1), "ms"), number(outage.values.sorted.at(-1), "ms"),
          ].map((text) => el("td", {}, String(text))));
        })))) : null,
      data.sweeps.map((sweep) => el("section", { id: sweep.config, "aria-label": sweep.config },
        el("h2", {}, `${sweep.config}: ${sweep.passed} of ${plural(sweep.seeds, "run")} passed ${sweep.seeds === 0 ? "" : `(${sweep.first === sweep.last ? `seed ${sweep.first}` : `seeds ${sweep.first} to ${sweep.last}`})`}`),
        failures(sweep),
        el("div", { class: "plots" }, sweep.metrics.map(metric))))));
  window.leasekv = { data };
})();
