// The space-time diagram: a lane for each replica and one for the clients, time to the right. Draws
// on a canvas only what can be seen, so that it stays fluid with any number of messages. What is drawn
// on the lanes themselves is in `lanes.js`.
L.diagram = (model, canvas, hooks) => {
  const { messages, data, end } = model;
  const LEFT = 74;
  const RIGHT = 14;
  const AXIS = 46;
  // With more lines than this dashes cannot be told apart any more, and markers cover each other.
  const many = () => Math.min(Math.max(width * 0.6, 300), 1500);
  const LEAST_SPAN = 20e3;
  const view = { from: 0, to: end };
  const filter = { kinds: new Set(), replicas: new Set(), client: -1, attempts: null };
  let followed = null;
  let selected = null;
  let hovered = null;
  let cursor = null;
  let frames = 0;
  let wanted = false;
  let width = 0;
  const laneHeight = Math.max(34, Math.min(62, Math.round(372 / model.lanes)));
  const height = AXIS + model.lanes * laneHeight + 14;
  canvas.style.height = `${height}px`;
  const laneY = (lane) => AXIS + lane * laneHeight + laneHeight / 2;
  const x = (time) => LEFT + ((time - view.from) / (view.to - view.from)) * (width - LEFT - RIGHT);
  const timeAt = (px) => view.from + ((px - LEFT) / (width - LEFT - RIGHT)) * (view.to - view.from);
  const { drawPartitions, drawLanes, drawLabels } = L.lanes(model, {
    LEFT, RIGHT, AXIS, laneHeight, view, x, laneY, width: () => width,
  });

  const { drawBands, bandAt, drawPrinted } = L.bands(model, {
    LEFT, RIGHT, laneHeight, view, x, laneY, width: () => width,
  });

  // What the filters let through.
  let passes = new Uint8Array(model.count);
  const refilter = () => {
    for (let n = 0; n < model.count; n += 1) {
      const [from, to] = [messages.from[n], messages.to[n]];
      let pass = !filter.kinds.has(messages.kind[n]);
      if (pass && filter.replicas.size) pass = filter.replicas.has(from) || filter.replicas.has(to);
      if (pass && filter.client >= 0) {
        pass = from === filter.client || to === filter.client
          || (messages.related[n] ?? []).some((a) => model.attempts.client[a] === filter.client);
      }
      if (pass && filter.attempts) {
        pass = filter.attempts.has(messages.attempt[n])
          || (messages.related[n] ?? []).some((a) => filter.attempts.has(a));
      }
      passes[n] = pass ? 1 : 0;
    }
    hooks.filtered?.();
    draw();
  };

  const clampView = () => {
    const span = Math.min(Math.max(view.to - view.from, LEAST_SPAN), end * 1.02);
    let from = Math.max(view.from, -end * 0.01);
    from = Math.min(from, end * 1.01 - span);
    view.from = from;
    view.to = from + span;
  };
  const setView = (from, to) => {
    view.from = from;
    view.to = Math.max(to, from + LEAST_SPAN);
    clampView();
    hooks.moved?.(view);
    draw();
  };
  const zoom = (factor, at = (view.from + view.to) / 2) => {
    const span = Math.min(Math.max((view.to - view.from) * factor, LEAST_SPAN), end * 1.02);
    const share = (at - view.from) / (view.to - view.from);
    setView(at - share * span, at + (1 - share) * span);
  };
  const pan = (share) => {
    const by = (view.to - view.from) * share;
    setView(view.from + by, view.to + by);
  };
  const fit = (from, to) => {
    const pad = Math.max((to - from) * 0.08, 15e3);
    setView(from - pad, to + pad);
  };

  const line = (context, n) => {
    const [x0, y0] = [x(messages.sent[n]), laneY(model.lane(messages.from[n]))];
    let [x1, y1] = [x(model.finish[n]), laneY(model.lane(messages.to[n]))];
    const broken = messages.fate[n] !== 0;
    if (messages.to[n] < 0) y1 = y0 + laneHeight * 0.4;
    if (broken) {
      // It ends before its receiver.
      const share = 0.72;
      x1 = x0 + (x1 - x0) * share;
      y1 = y0 + (y1 - y0) * share;
    }
    return [x0, y0, x1, y1, broken];
  };

  const drawMessages = (context, chrome) => {
    const [first, last] = model.visible(view.from, view.to);
    const groups = new Map();
    const ends = new Map();
    const crosses = [];
    let shown = 0;
    const seen = new Map();
    for (let place = first; place < last; place += 1) {
      const n = model.order[place];
      if (!passes[n]) continue;
      if (model.finish[n] < view.from) continue;
      shown += 1;
      const bright = !followed || followed.has(n);
      const [x0, y0, x1, y1, broken] = line(context, n);
      // Lines that would cover each other exactly are drawn once.
      if (x1 - x0 < 1.5) {
        const slot = ((messages.from[n] * 97 + messages.to[n]) * 64 + messages.kind[n]) * 4
          + (broken ? 2 : 0) + (bright ? 1 : 0);
        const px = Math.round(x0);
        if (seen.get(slot) === px) continue;
        seen.set(slot, px);
      }
      const key = messages.kind[n] * 2 + (bright ? 1 : 0);
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(x0, y0, x1, y1);
      if (broken) crosses.push(x1, y1, bright ? 1 : 0);
      else {
        if (!ends.has(key)) ends.set(key, []);
        ends.get(key).push(x1, y1, y1 > y0 ? -1 : 1);
      }
    }
    const few = shown <= many();
    const crowded = shown > 4 * width;
    context.save();
    context.beginPath();
    context.rect(LEFT - 4, 0, width - LEFT - RIGHT + 8, height);
    context.clip();
    for (const [key, lines] of [...groups].sort((a, b) => (a[0] & 1) - (b[0] & 1))) {
      const style = L.theme.style(data.kinds[key >> 1]);
      const bright = key & 1;
      context.strokeStyle = style.colour;
      context.globalAlpha = bright ? (followed ? 1 : few ? 0.85 : crowded ? 0.3 : 0.4) : 0.1;
      context.lineWidth = bright && followed ? 2 : 1.1;
      context.setLineDash(few ? style.dash : []);
      context.fillStyle = style.colour;
      context.beginPath();
      for (let at = 0; at < lines.length; at += 4) {
        const [x0, y0, x1, y1] = [lines[at], lines[at + 1], lines[at + 2], lines[at + 3]];
        if (!few && x1 - x0 < 1.5) {
          // Upright: a bar of whole pixels is drawn much faster than a line.
          context.fillRect(Math.round(x0), Math.min(y0, y1), 1, Math.abs(y1 - y0));
          continue;
        }
        context.moveTo(x0, y0);
        context.lineTo(x1, y1);
      }
      context.stroke();
    }
    context.setLineDash([]);
    const size = shown < 150 ? 4 : shown < 500 ? 3 : few ? 2 : 0;
    if (size) {
      for (const [key, points] of ends) {
        const style = L.theme.style(data.kinds[key >> 1]);
        context.globalAlpha = key & 1 ? 1 : 0.12;
        context.fillStyle = style.shape === "ring" ? chrome.back : style.colour;
        context.strokeStyle = style.colour;
        context.lineWidth = 1.3;
        context.beginPath();
        for (let at = 0; at < points.length; at += 3) {
          L.shape(context, style.shape, points[at], points[at + 1] + points[at + 2] * (size + 2), size);
        }
        context.fill();
        if (style.shape === "ring") context.stroke();
      }
    }
    context.strokeStyle = chrome.bad;
    context.lineWidth = few ? 2 : 1.2;
    for (const bright of [0, 1]) {
      context.globalAlpha = bright ? 1 : 0.15;
      context.beginPath();
      for (let at = 0; at < crosses.length; at += 3) {
        if (crosses[at + 2] === bright) L.shape(context, "cross", crosses[at], crosses[at + 1], few ? 4 : 2);
      }
      context.stroke();
    }
    context.globalAlpha = 1;
    for (const [n, colour, thick] of [[hovered, chrome.ink, 2], [selected, chrome.focus, 3.5]]) {
      if (n === null || n === undefined) continue;
      const [x0, y0, x1, y1] = line(context, n);
      context.strokeStyle = colour;
      context.lineWidth = thick;
      context.beginPath();
      context.moveTo(x0, y0);
      context.lineTo(x1, y1);
      context.stroke();
      context.fillStyle = colour;
      context.beginPath();
      L.shape(context, "dot", x0, y0, 4);
      context.fill();
    }
    context.restore();
    return shown;
  };

  const drawAxis = (context, chrome) => {
    const span = view.to - view.from;
    const step = L.step(span, width - LEFT - RIGHT, 105);
    context.font = "11px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "alphabetic";
    context.strokeStyle = chrome.line;
    context.fillStyle = chrome.soft;
    context.lineWidth = 1;
    const digits = Math.max(0, Math.min(9, Math.ceil(-Math.log10(step / 1e9) - 1e-9)));
    for (let time = Math.ceil(view.from / step) * step; time <= view.to; time += step) {
      const px = Math.round(x(time)) + 0.5;
      context.beginPath();
      context.moveTo(px, AXIS - 6);
      context.lineTo(px, height - 12);
      context.globalAlpha = 0.6;
      context.stroke();
      context.globalAlpha = 1;
    }
    // Faults and violations above the axis: in words where there is room, else by their sign alone. What
    // is worse comes first.
    const taken = [];
    const there = model.events.filter((event) => event.kind !== "election" && event.time >= view.from && event.time <= view.to);
    const badness = (event) => (event.kind === "violation" ? 0
      : ["kill", "died"].includes(event.fault.kind) ? 1 : ["heal", "resume", "start"].includes(event.fault.kind) ? 3 : 2);
    for (const event of there.sort((a, b) => badness(a) - badness(b) || a.time - b.time)) {
      const px = x(event.time);
      const bad = badness(event) < 2;
      context.strokeStyle = bad ? chrome.bad : chrome.soft;
      context.setLineDash(event.kind === "violation" ? [] : [4, 3]);
      context.lineWidth = event.kind === "violation" ? 2 : 1;
      context.beginPath();
      context.moveTo(px, 16);
      context.lineTo(px, height - 12);
      context.stroke();
      context.setLineDash([]);
      const text = event.kind === "violation" ? `✗ ${event.text}` : SHORT[event.fault.kind](event.fault);
      const next = there.reduce((least, other) => {
        const at = x(other.time);
        return at > px + 1 && at < least ? at : least;
      }, Infinity);
      // A long text must not take the room of the next one's; its first word is as good.
      const brief = text.split(",")[0];
      for (const words of [text, brief, text.slice(0, 1)]) {
        const w = context.measureText(words).width;
        const from = Math.max(Math.min(px - 4, width - RIGHT - w), LEFT);
        const free = taken.every(([a, b]) => from + w + 8 < a || from > b + 8);
        if (!free || from + w > width || (words !== brief && words.length > 1 && from + w > next - 4)) continue;
        context.fillStyle = bad ? chrome.bad : chrome.ink;
        context.textAlign = "left";
        context.fillText(words, from, 12);
        taken.push([from, from + w]);
        context.textAlign = "center";
        break;
      }
    }
    for (let time = Math.ceil(view.from / step) * step; time <= view.to; time += step) {
      const [px, text] = [x(time), `${(time / 1e9).toFixed(digits)} s`];
      const w = context.measureText(text).width;
      if (px < LEFT + w / 2 || px > width - w / 2 - 4) continue;
      context.fillStyle = chrome.back;
      context.fillRect(px - w / 2 - 3, AXIS - 20, w + 6, 13);
      context.fillStyle = chrome.soft;
      context.fillText(text, px, AXIS - 10);
    }
  };
  const SHORT = {
    kill: (fault) => `✗ kills ${fault.replica}`,
    died: (fault) => `✗ ${fault.replica} died`,
    start: (fault) => `▸ starts ${fault.replica} again`,
    pause: (fault) => `‖ pauses ${fault.replica}`,
    resume: (fault) => `▸ resumes ${fault.replica}`,
    split: (fault) => `⇹ split, majority ${fault.sides[fault.majority]?.join(" ") ?? "none"}`,
    cut: (fault) => `↛ cuts ${fault.cut.join(" to ")}`,
    heal: () => "⇄ heals",
  };

  const drawNames = (context, chrome) => {
    context.clearRect(0, AXIS, LEFT - 6, height);
    context.textBaseline = "middle";
    context.textAlign = "right";
    context.font = "600 13px ui-monospace, monospace";
    for (let lane = 0; lane < model.lanes; lane += 1) {
      const faded = filter.replicas.size && lane > 0 && !filter.replicas.has(lane - 1);
      context.fillStyle = faded ? chrome.dead : chrome.ink;
      if (lane === 0) context.font = "600 12px system-ui, sans-serif";
      else context.font = "600 13px ui-monospace, monospace";
      context.fillText(model.laneName(lane), LEFT - 12, laneY(lane));
    }
  };

  let shown = 0;
  const paint = () => {
    wanted = false;
    frames += 1;
    width = canvas.clientWidth;
    if (width < 10) return;
    const context = L.sharp(canvas, width, height);
    const chrome = L.theme.chrome();
    drawPartitions(context, chrome);
    drawAxis(context, chrome);
    // Among few messages their ends matter, among many the lanes.
    const [first, last] = model.visible(view.from, view.to);
    const crowd = last - first > many();
    const banded = drawBands(context, chrome, passes);
    if (!crowd) drawLanes(context, chrome);
    shown = drawMessages(context, chrome) + banded;
    if (crowd) drawLanes(context, chrome);
    drawPrinted(context, chrome);
    drawLabels(context, chrome);
    drawNames(context, chrome);
    if (cursor !== null) {
      context.strokeStyle = chrome.focus;
      context.lineWidth = 1.5;
      context.setLineDash([1, 2]);
      context.beginPath();
      context.moveTo(x(cursor), AXIS - 4);
      context.lineTo(x(cursor), height - 12);
      context.stroke();
      context.setLineDash([]);
    }
    hooks.painted?.(shown);
  };
  const draw = () => {
    if (wanted) return;
    wanted = true;
    requestAnimationFrame(paint);
  };

  // The message nearest to a point, if one is near.
  const messageAt = (px, py) => {
    const reach = 7;
    const slack = ((view.to - view.from) / Math.max(width - LEFT - RIGHT, 1)) * reach;
    const at = timeAt(px);
    const [first, last] = model.visible(at - slack, at + slack);
    let [best, nearest] = [null, reach];
    for (let place = first; place < last; place += 1) {
      const n = model.order[place];
      if (!passes[n] || model.finish[n] < at - slack) continue;
      if (followed && !followed.has(n)) continue;
      const [x0, y0, x1, y1] = line(null, n);
      const [dx, dy] = [x1 - x0, y1 - y0];
      const size = dx * dx + dy * dy || 1;
      const share = Math.min(Math.max(((px - x0) * dx + (py - y0) * dy) / size, 0), 1);
      const distance = Math.hypot(px - x0 - share * dx, py - y0 - share * dy);
      if (distance < nearest) [best, nearest] = [n, distance];
    }
    return best;
  };
  const laneAt = (py) => {
    const lane = Math.floor((py - AXIS) / laneHeight);
    return lane >= 0 && lane < model.lanes ? lane : null;
  };

  // Wheel and drag.
  let drag = null;
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey;
    if (sideways) pan((event.deltaX || event.deltaY) / 800);
    else zoom(Math.exp(Math.min(Math.max(event.deltaY, -240), 240) / 300), timeAt(event.offsetX));
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    drag = { x: event.offsetX, from: view.from, to: view.to, moved: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (drag) {
      const by = event.offsetX - drag.x;
      if (Math.abs(by) > 3) drag.moved = true;
      if (drag.moved) {
        const shift = (by / (width - LEFT - RIGHT)) * (drag.to - drag.from);
        setView(drag.from - shift, drag.to - shift);
        canvas.classList.add("dragged");
      }
      return;
    }
    const found = messageAt(event.offsetX, event.offsetY);
    if (found !== hovered) {
      hovered = found;
      draw();
    }
    canvas.style.cursor = found !== null || laneAt(event.offsetY) > 0 ? "pointer" : "grab";
    hooks.hovered?.(found, event, timeAt(event.offsetX), laneAt(event.offsetY));
  });
  canvas.addEventListener("pointerleave", () => {
    hovered = null;
    hooks.hovered?.(null);
    draw();
  });
  canvas.addEventListener("pointerup", (event) => {
    const was = drag;
    drag = null;
    canvas.classList.remove("dragged");
    if (!was || was.moved) return;
    const found = messageAt(event.offsetX, event.offsetY);
    const lane = laneAt(event.offsetY);
    const band = found === null ? bandAt(event.offsetX, event.offsetY, passes) : null;
    // On the lane itself the state is meant, unless a message begins just there.
    const onLane = lane > 0 && Math.abs(event.offsetY - laneY(lane)) < 7;
    if (found !== null && !(onLane && Math.abs(x(messages.sent[found]) - event.offsetX) > 6)) {
      hooks.messageClicked?.(found);
    } else if (band && !onLane) {
      hooks.bandClicked?.(band);
    } else if (lane > 0) {
      hooks.laneClicked?.(lane - 1, timeAt(event.offsetX));
    }
  });
  canvas.addEventListener("dblclick", (event) => zoom(0.25, timeAt(event.offsetX)));
  new ResizeObserver(draw).observe(canvas);
  L.theme.onChange(draw);
  passes.fill(1);

  // The next message that is shown after the selected one, or before it.
  const neighbour = (step) => {
    let place = selected === null
      ? model.visible(view.from, view.to)[step > 0 ? 0 : 1] - (step > 0 ? 1 : 0)
      : model.order.indexOf(selected);
    for (place += step; place >= 0 && place < model.count; place += step) {
      const n = model.order[place];
      if (passes[n] && (!followed || followed.has(n))) return n;
    }
    return null;
  };

  return {
    view, filter, refilter, setView, zoom, pan, fit, draw, messageAt, laneY, neighbour, x, timeAt,
    passing: () => passes.reduce((sum, pass) => sum + pass, 0),
    frames: () => frames,
    shown: () => shown,
    select: (n) => { selected = n; draw(); },
    mark: (time) => { cursor = time; draw(); },
    follow: (set) => { followed = set; draw(); },
    lineOf: (n) => line(null, n),
  };
};
