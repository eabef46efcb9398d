// The replicas' lanes in the space-time diagram: roles, leases, commits, pauses and deaths, and who is cut
// off from whom. `frame` says where on the canvas which time and which lane is.
L.lanes = (model, frame) => {
  const { LEFT, RIGHT, AXIS, laneHeight, view, x, laneY } = frame;

  const band = (context, lane, from, to, paint) => {
    const width = frame.width();
    const [a, b] = [Math.max(x(from), LEFT), Math.min(x(to), width - RIGHT)];
    if (b > a || (b >= LEFT && a <= width - RIGHT)) paint(a, Math.max(b - a, 1), laneY(lane));
  };

  const drawPartitions = (context, chrome) => {
    const width = frame.width();
    for (const { from, to, fault } of model.splits) {
      const [a, b] = [Math.max(x(from), LEFT), Math.min(x(to), width - RIGHT)];
      if (b <= a) continue;
      const majority = fault.majority ?? -1;
      fault.sides.forEach((side, index) => {
        if (index === majority) return;
        for (const id of side) {
          const y = AXIS + model.lane(model.number.get(id)) * laneHeight;
          context.fillStyle = chrome.shade;
          context.fillRect(a, y + 2, b - a, laneHeight - 4);
          L.hatch(context, a, y + 2, b - a, laneHeight - 4, chrome.hatch, index % 2 ? 9 : 14, index % 2 === 1);
        }
      });
    }
    for (const { from, to, ends } of model.cuts) {
      const [a, b] = [Math.max(x(from), LEFT), Math.min(x(to), width - RIGHT)];
      if (b <= a) continue;
      context.save();
      context.strokeStyle = chrome.hatch;
      context.lineWidth = 2;
      context.setLineDash([2, 4]);
      context.beginPath();
      for (const party of ends) {
        const y = laneY(model.lane(party)) + laneHeight * 0.36;
        context.moveTo(a, y);
        context.lineTo(b, y);
      }
      context.stroke();
      context.restore();
    }
  };

  // Texts stand above everything else.
  let labels = [];
  let tags = [];
  const drawLabels = (context, chrome) => {
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    context.textAlign = "left";
    for (const [text, px, y, colour] of labels) {
      context.globalAlpha = colour ? 1 : 0.85;
      context.fillStyle = colour ?? chrome.back;
      context.fillRect(px - 2, y - 7, context.measureText(text).width + 4, 14);
      context.globalAlpha = 1;
      context.fillStyle = !colour ? chrome.soft : L.theme.dark() ? "#10141a" : "#ffffff";
      context.fillText(text, px, y + 0.5);
    }
    tags.forEach(([text, px, y]) => tag(context, chrome, text, px, y));
  };

  const drawLanes = (context, chrome) => {
    const width = frame.width();
    labels = [];
    tags = [];
    const inner = width - LEFT - RIGHT;
    context.fillStyle = chrome.lane;
    context.fillRect(LEFT, laneY(0) - 2, inner, 4);
    model.roles.forEach((stretches, replica) => {
      const lane = replica + 1;
      const y = laneY(lane);
      const dead = model.lives[replica].dead;
      context.fillStyle = chrome.lane;
      context.fillRect(LEFT, y - 2, Math.max(Math.min(x(dead), width - RIGHT) - LEFT, 0), 4);
      let labelled = -Infinity;
      for (const stretch of model.toldAnything ? stretches : []) {
        if (stretch.to < view.from || stretch.from > view.to) continue;
        band(context, lane, stretch.from, stretch.to, (a, w) => {
          const colour = L.theme.term(stretch.term);
          const leads = stretch.role === "leader";
          const half = leads ? 8 : stretch.role === "follower" ? 2 : 5;
          context.globalAlpha = leads ? 0.85 : stretch.role === "follower" ? 0.5 : 0.4;
          context.fillStyle = colour;
          context.fillRect(a, y - half, w, 2 * half);
          context.globalAlpha = 1;
          if (stretch.role.endsWith("candidate")) {
            L.hatch(context, a, y - half, w, 2 * half, colour, stretch.role === "candidate" ? 4 : 7);
          }
          context.font = "11px system-ui, sans-serif";
          const text = leads ? `leads term ${stretch.term}` : `${stretch.role} · term ${stretch.term}`;
          const room = context.measureText(text).width + 12;
          if (w > room && a > labelled) {
            // Below the thin band there are no ticks, and the lease is above.
            labels.push([text, a + 6, leads ? y : y + laneHeight * 0.36, leads ? colour : null]);
            labelled = a + room;
          }
        });
      }
      if (!model.toldAnything) {
        for (const reign of model.reigns) {
          if (reign.leader !== replica || reign.to < view.from || reign.from > view.to) continue;
          band(context, lane, reign.from, reign.to, (a, w) => {
            context.fillStyle = L.theme.term(reign.term);
            context.globalAlpha = 0.7;
            context.fillRect(a, y - 7, w, 14);
            context.globalAlpha = 1;
            const text = `leads term ${reign.told}`;
            if (reign.told !== null && w > context.measureText(text).width + 12) labels.push([text, a + 6, y, L.theme.term(reign.term)]);
          });
        }
      }
      for (const [from, to] of model.leases[replica]) {
        if (to < view.from || from > view.to) continue;
        band(context, lane, from, to, (a, w) => {
          context.fillStyle = chrome.lease;
          context.fillRect(a, y - 15, w, 3);
          L.hatch(context, a, y - 15, w, 3, chrome.back, 5);
        });
      }
      const ticks = model.commits[replica];
      context.beginPath();
      let drawn = -1;
      for (let at = lower(ticks, view.from); at < ticks.length && ticks[at] <= view.to; at += 1) {
        const px = Math.round(x(ticks[at])) + 0.5;
        if (px === drawn) continue;
        drawn = px;
        context.moveTo(px, y + 9);
        context.lineTo(px, y + 14);
      }
      context.strokeStyle = chrome.good;
      context.lineWidth = 1;
      context.stroke();
      for (const [from, to] of model.lives[replica].pauses) {
        if (to < view.from || from > view.to) continue;
        band(context, lane, from, to, (a, w) => {
          context.fillStyle = chrome.back;
          context.globalAlpha = 0.75;
          context.fillRect(a, y - 9, w, 18);
          context.globalAlpha = 1;
          L.hatch(context, a, y - 9, w, 18, chrome.soft, 4);
          if (w > 60) tags.push(["paused", a + w / 2, y]);
        });
      }
      // While it was down nothing is left of what it was, and its lane is as that of the dead.
      for (const [from, to] of model.lives[replica].downs) {
        if (to < view.from || from > view.to) continue;
        band(context, lane, from, to, (a, w) => {
          context.fillStyle = chrome.back;
          context.fillRect(a, y - 11, w, 22);
          context.save();
          context.setLineDash([2, 5]);
          context.strokeStyle = chrome.dead;
          context.beginPath();
          context.moveTo(a, y);
          context.lineTo(a + w, y);
          context.stroke();
          context.restore();
          if (from < view.from) return;
          context.strokeStyle = chrome.bad;
          context.lineWidth = 3;
          context.beginPath();
          L.shape(context, "cross", a, y, 8);
          context.stroke();
          if (w > 60) tags.push(["down", a + w / 2, y]);
        });
      }
      if (dead < view.to) {
        const a = Math.max(x(dead), LEFT);
        context.save();
        context.setLineDash([2, 5]);
        context.strokeStyle = chrome.dead;
        context.beginPath();
        context.moveTo(a, y);
        context.lineTo(width - RIGHT, y);
        context.stroke();
        context.restore();
        if (x(dead) >= LEFT - 6) {
          context.strokeStyle = chrome.bad;
          context.lineWidth = 3;
          context.beginPath();
          L.shape(context, "cross", x(dead), y, 8);
          context.stroke();
        }
        if (width - RIGHT - a > 90) tags.push(["dead", a + 40, y]);
      }
    });
  };

  const tag = (context, chrome, text, px, y) => {
    context.font = "11px system-ui, sans-serif";
    const w = context.measureText(text).width + 8;
    context.fillStyle = chrome.back;
    context.fillRect(px - w / 2, y - 8, w, 16);
    context.fillStyle = chrome.soft;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(text, px, y);
  };

  const lower = (list, value) => model.firstAtLeast(list, value);

  return { drawPartitions, drawLanes, drawLabels };
};
