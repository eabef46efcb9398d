// What is plotted over the whole run: who led, latencies, messages a second, outages.
L.plots = (model, hooks) => {
  const { data, end, messages } = model;
  const LEFT = 74;
  const RIGHT = 14;
  const scale = (width) => (time) => LEFT + (time / end) * (width - LEFT - RIGHT);
  const registered = [];
  // What does not move with the diagram's view is painted once and kept.
  const plot = (canvas, height, framed, paint) => {
    canvas.style.height = `${height}px`;
    let wanted = false;
    let kept = null;
    const draw = () => {
      if (wanted) return;
      wanted = true;
      requestAnimationFrame(() => {
        wanted = false;
        const width = canvas.clientWidth;
        if (width < 10) return;
        const [chrome, x] = [L.theme.chrome(), scale(width)];
        if (!kept || kept.made !== width) {
          kept = document.createElement("canvas");
          kept.made = width;
          paint(L.sharp(kept, width, height), width, chrome, x);
        }
        const context = L.sharp(canvas, width, height);
        context.drawImage(kept, 0, 0, width, height);
        drawWindow(context, chrome, width, x, framed);
      });
    };
    const anew = () => {
      kept = null;
      draw();
    };
    new ResizeObserver(draw).observe(canvas);
    L.theme.onChange(anew);
    registered.push(draw);
    draw();
  };
  const shadeFaults = (context, chrome, x, top, height) => {
    for (const { from, to } of [...model.splits, ...model.cuts]) {
      context.fillStyle = chrome.shade;
      context.fillRect(x(from), top, Math.max(x(to) - x(from), 1), height);
      L.hatch(context, x(from), top, x(to) - x(from), height, chrome.hatch, 16);
    }
    model.lives.forEach(({ pauses }) => pauses.forEach(([from, to]) => {
      L.hatch(context, x(from), top, Math.max(x(to) - x(from), 2), height, chrome.soft, 6, true);
    }));
    context.strokeStyle = chrome.bad;
    context.lineWidth = 1.5;
    context.setLineDash([4, 3]);
    context.beginPath();
    for (const fault of data.faults) {
      if (fault.kind !== "kill" && fault.kind !== "died") continue;
      context.moveTo(x(fault.time_ns), top);
      context.lineTo(x(fault.time_ns), top + height);
    }
    context.stroke();
    context.setLineDash([]);
  };
  const drawTimes = (context, chrome, width, x, y) => {
    const step = L.step(end, width - LEFT - RIGHT, 80);
    context.font = "11px system-ui, sans-serif";
    context.fillStyle = chrome.soft;
    context.textAlign = "center";
    context.textBaseline = "alphabetic";
    for (let time = 0; time <= end; time += step) {
      if (x(time) < width - 24) context.fillText(`${+(time / 1e9).toPrecision(6)} s`, x(time), y);
    }
  };
  const drawWindow = (context, chrome, width, x, height) => {
    const { from, to } = hooks.view();
    if (to - from > end * 0.98) return;
    const [a, b] = [Math.max(x(from), LEFT), Math.min(x(to), width - RIGHT)];
    context.strokeStyle = chrome.focus;
    context.lineWidth = 2;
    context.strokeRect(a - 1, 1, Math.max(b - a, 1) + 2, height - 2);
  };

  // Who led, what was done, who waited: at a glance. Dragging in it chooses what the diagram shows.
  const slow = [...model.requests.values()].filter((request) => (request.done ?? end) - request.made >= 50e6);
  const overview = (canvas) => {
    const height = 92;
    plot(canvas, height, 74, (context, width, chrome, x) => {
      const row = (text, y) => {
        context.fillStyle = chrome.soft;
        context.font = "12px system-ui, sans-serif";
        context.textAlign = "right";
        context.textBaseline = "middle";
        context.fillText(text, LEFT - 8, y);
      };
      row("leader", 14);
      row("faults", 37);
      row("waiting", 59);
      context.fillStyle = chrome.lane;
      context.fillRect(LEFT, 5, width - LEFT - RIGHT, 18);
      for (const { from, to, leader, term } of model.reigns) {
        const [a, w] = [x(from), Math.max(x(to) - x(from), 1)];
        context.fillStyle = L.theme.term(term);
        context.globalAlpha = 0.85;
        context.fillRect(a, 5, w - 0.5, 18);
        context.globalAlpha = 1;
        context.font = "600 12px ui-monospace, monospace";
        const fits = (text) => context.measureText(text).width + 8 < w;
        const long = model.toldAnything ? `${model.name(leader)} term ${term}` : model.name(leader);
        const text = [long, model.name(leader)].find(fits);
        if (text) {
          context.fillStyle = L.theme.dark() ? "#10141a" : "#ffffff";
          context.textAlign = "center";
          context.fillText(text, a + w / 2, 14.5);
        }
      }
      shadeFaults(context, chrome, x, 28, 18);
      context.font = "11px system-ui, sans-serif";
      const isDeath = (fault) => fault.kind === "kill" || fault.kind === "died";
      const wide = (text) => context.measureText(text).width;
      const labels = [];
      for (const fault of data.faults) {
        const text = { kill: `kill ${fault.replica}`, died: `${fault.replica} died`, pause: "pause",
          split: "split", cut: "cut" }[fault.kind];
        if (!text) continue;
        const from = x(fault.time_ns) + (isDeath(fault) ? 9 : 3);
        const last = labels.at(-1);
        if (!last || from >= last.from + wide(last.text) + (isDeath(fault) ? 12 : 6)) {
          labels.push({ from, text, kind: fault.kind });
        } else if (isDeath(fault) && last.kind === fault.kind) {
          // Deaths that are too close for a label each share one, behind the last cross.
          last.text = fault.kind === "kill" ? `${last.text}, ${fault.replica}` : `${fault.replica}, ${last.text}`;
          last.from = from;
        } else if (isDeath(fault)) {
          // A death is more than what is not fatal.
          labels.splice(-1, 1, { from, text, kind: fault.kind });
        }
      }
      for (const { from, text } of labels) {
        if (from + wide(text) > width) continue;
        context.fillStyle = chrome.back;
        context.fillRect(from - 1, 30, wide(text) + 2, 14);
        context.fillStyle = chrome.ink;
        context.textAlign = "left";
        context.fillText(text, from, 37.5);
      }
      context.strokeStyle = chrome.bad;
      context.lineWidth = 2.5;
      context.beginPath();
      data.faults.filter(isDeath).forEach((fault) => L.shape(context, "cross", x(fault.time_ns), 37, 5));
      context.stroke();
      const bins = new Array(Math.max(Math.floor((width - LEFT - RIGHT) / 3), 1)).fill(0);
      const bin = (time) => Math.min(Math.floor((time / end) * bins.length), bins.length - 1);
      for (const request of slow) {
        for (let at = bin(request.made); at <= bin(request.done ?? end); at += 1) bins[at] += 1;
      }
      const most = Math.max(...bins, 4);
      context.fillStyle = chrome.lane;
      context.fillRect(LEFT, 70, width - LEFT - RIGHT, 1);
      context.fillStyle = chrome.bad;
      bins.forEach((value, at) => {
        const h = (value / most) * 20;
        if (value) context.fillRect(LEFT + at * 3, 70 - h, 2.2, h);
      });
      for (const violation of data.violations) {
        context.strokeStyle = chrome.bad;
        context.lineWidth = 2;
        context.beginPath();
        context.moveTo(x(violation.time_ns), 0);
        context.lineTo(x(violation.time_ns), 72);
        context.stroke();
      }
      drawTimes(context, chrome, width, x, 86);
    });
    let start = null;
    const timeAt = (event) => Math.min(Math.max((event.offsetX - LEFT) / (canvas.clientWidth - LEFT - RIGHT), 0), 1) * end;
    canvas.addEventListener("pointerdown", (event) => {
      start = timeAt(event);
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointerup", (event) => {
      if (start === null) return;
      const stop = timeAt(event);
      const { from, to } = hooks.view();
      if (Math.abs(stop - start) > end / 200) hooks.setView(Math.min(start, stop), Math.max(start, stop));
      else hooks.setView(stop - (to - from) / 2, stop + (to - from) / 2);
      start = null;
    });
  };

  // Every answered attempt.
  const points = [];
  model.answers.forEach((list, attempt) => {
    const made = messages.sent[model.attempts.message[attempt]];
    for (const n of list) {
      if (messages.effect[n] > 1 || messages.fate[n] !== 0) continue;
      points.push({ time: made, latency: Math.max(messages.end[n] - made, 1e3),
        kind: data.kinds[messages.kind[n]], attempt });
    }
  });
  const unanswered = [];
  model.attempts.mid.forEach((_, attempt) => {
    const done = (model.answers.get(attempt) ?? []).some((n) => messages.fate[n] === 0);
    if (!done) unanswered.push({ time: messages.sent[model.attempts.message[attempt]], attempt });
  });
  const OUTCOMES = [["ok", "dot"], ["redirect", "diamond"], ["fail", "cross"]];
  const latency = (canvas) => {
    const [top, height] = [12, 210];
    const bottom = height - 22;
    const least = 10 ** Math.floor(Math.log10(points.reduce((min, p) => Math.min(min, p.latency), 1e6)));
    const most = 10 ** Math.ceil(Math.log10(points.reduce((max, p) => Math.max(max, p.latency), least * 10)));
    const y = (value) => bottom - (Math.log10(value / least) / Math.log10(most / least)) * (bottom - top - 10);
    plot(canvas, height, bottom + 2, (context, width, chrome, x) => {
      shadeFaults(context, chrome, x, top, bottom - top);
      context.font = "11px system-ui, sans-serif";
      for (let value = least; value <= most * 1.01; value *= 10) {
        context.strokeStyle = chrome.line;
        context.lineWidth = 1;
        context.beginPath();
        context.moveTo(LEFT, y(value));
        context.lineTo(width - RIGHT, y(value));
        context.stroke();
        context.fillStyle = chrome.soft;
        context.textAlign = "right";
        context.textBaseline = "middle";
        context.fillText(value >= 1e9 ? `${value / 1e9} s` : value >= 1e6 ? `${value / 1e6} ms` : `${value / 1e3} µs`,
          LEFT - 8, y(value));
      }
      const size = points.length > 3000 ? 1.6 : 2.8;
      for (const [kind, shape] of OUTCOMES) {
        const { colour } = L.theme.style(kind);
        context.beginPath();
        for (const point of points) {
          if (point.kind === kind) L.shape(context, shape, x(point.time), y(point.latency), size);
        }
        context.fillStyle = colour;
        context.strokeStyle = colour;
        context.lineWidth = 1.6;
        if (kind === "ok") context.fill();
        else context.stroke();
      }
      context.fillStyle = chrome.bad;
      context.beginPath();
      for (const point of unanswered) L.shape(context, "triangle", x(point.time), top + 4, 4);
      context.fill();
      drawTimes(context, chrome, width, x, height - 6);
    });
    canvas.addEventListener("click", (event) => {
      const x = scale(canvas.clientWidth);
      let [best, nearest] = [null, 10];
      for (const point of [...points, ...unanswered]) {
        const py = point.latency ? y(point.latency) : top + 4;
        const distance = Math.hypot(x(point.time) - event.offsetX, py - event.offsetY);
        if (distance < nearest) [best, nearest] = [point, distance];
      }
      if (best) hooks.follow(best.attempt);
    });
  };

  // Messages between replicas by type, in bins of a round length.
  const step = L.step(end, 75, 1);
  const bins = Math.ceil(end / step);
  const peerKinds = data.kinds.map((_, kind) => kind);
  const rates = peerKinds.map(() => new Float64Array(bins));
  const totals = peerKinds.map(() => 0);
  for (let n = 0; n < model.count; n += 1) {
    if (!model.isReplica(messages.from[n]) || !model.isReplica(messages.to[n])) continue;
    rates[messages.kind[n]][Math.min(Math.floor(messages.sent[n] / step), bins - 1)] += 1e9 / step;
    totals[messages.kind[n]] += 1;
  }
  // What is in bands only, spread evenly over them.
  for (const band of model.bands) {
    if (!model.isReplica(band.from) || !model.isReplica(band.to)) continue;
    const last = messages.sent[band.last];
    const [a, b] = [band.begin, last].map((time) => Math.min(Math.floor(time / step), bins - 1));
    for (let bin = a; bin <= b; bin += 1) rates[band.kind][bin] += ((band.count - 2) / (b - a + 1)) * (1e9 / step);
    totals[band.kind] += band.count - 2;
  }
  const stacked = peerKinds.filter((kind) => totals[kind] > 0).sort((a, b) => totals[b] - totals[a]);
  const rate = (canvas) => {
    const [top, height] = [12, 180];
    const bottom = height - 22;
    let most = 1;
    for (let bin = 0; bin < bins; bin += 1) {
      most = Math.max(most, stacked.reduce((sum, kind) => sum + rates[kind][bin], 0));
    }
    plot(canvas, height, bottom + 2, (context, width, chrome, x) => {
      shadeFaults(context, chrome, x, top, bottom - top);
      const unit = (bottom - top) / most;
      const mark = L.step(most, bottom - top, 34);
      context.font = "11px system-ui, sans-serif";
      for (let value = 0; value <= most; value += mark) {
        const y = bottom - value * unit;
        context.strokeStyle = chrome.line;
        context.lineWidth = 1;
        context.beginPath();
        context.moveTo(LEFT, y);
        context.lineTo(width - RIGHT, y);
        context.stroke();
        context.fillStyle = chrome.soft;
        context.textAlign = "right";
        context.textBaseline = "middle";
        context.fillText(`${+value.toPrecision(6)}/s`, LEFT - 8, y);
      }
      for (let bin = 0; bin < bins; bin += 1) {
        const a = x(bin * step);
        const w = Math.max(x(Math.min((bin + 1) * step, end)) - a - 1, 1);
        let base = bottom;
        stacked.forEach((kind, index) => {
          const h = rates[kind][bin] * unit;
          if (h < 0.2) return;
          const { colour } = L.theme.style(data.kinds[kind]);
          context.fillStyle = colour;
          context.fillRect(a, base - h, w, h);
          // Every second one is hatched, and in turn to either side.
          if (index % 2) L.hatch(context, a, base - h, w, h, chrome.back, 5, index % 4 === 3);
          base -= h;
        });
      }
      drawTimes(context, chrome, width, x, height - 6);
    });
  };

  // How long after each kill of a leader no put was acknowledged by another.
  const outageList = () => {
    const kills = data.faults.filter((fault) => fault.kind === "kill" && fault.leader);
    const lasted = [];
    for (const kill of kills) {
      const gone = model.number.get(kill.replica);
      let until = end;
      model.answers.forEach((list, attempt) => list.forEach((n) => {
        const good = messages.effect[n] === 0 && model.attempts.put[attempt] === 1 && messages.from[n] !== gone;
        if (good && messages.end[n] > kill.time_ns) until = Math.min(until, messages.end[n]);
      }));
      lasted.push({ kill, lasted: until - kill.time_ns, open: until === end });
    }
    return lasted;
  };
  return {
    overview, latency, rate, outages: outageList(), points, unanswered, slow, stacked, totals, rates, step,
    bins, OUTCOMES, redraw: () => registered.forEach((draw) => draw()),
  };
};
