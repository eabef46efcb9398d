// What stands for very much on the diagram: a band for messages that are alike, a tick for a line that a
// replica printed. `frame` says where on the canvas which time and which lane is.
L.bands = (model, frame) => {
  const { LEFT, RIGHT, view, x, laneY, laneHeight } = frame;
  const { data, bands, printed } = model;

  // From the way of the first message to that of the last.
  const corners = (band) => {
    const { messages, finish } = model;
    const [y0, to] = [laneY(model.lane(band.from)), laneY(model.lane(band.to))];
    const y1 = band.to < 0 ? y0 + laneHeight * 0.4 : to;
    return [[x(band.begin), y0], [x(messages.sent[band.last]), y0], [x(band.stop), y1], [x(finish[band.first]), y1]];
  };
  const seen = (band, passes) => passes[band.first] && band.stop >= view.from && band.begin <= view.to;

  // Returns how many messages the bands in view stand for.
  const drawBands = (context, chrome, passes) => {
    const width = frame.width();
    let count = 0;
    const labels = [];
    context.save();
    context.beginPath();
    context.rect(LEFT - 4, 0, width - LEFT - RIGHT + 8, 1e5);
    context.clip();
    for (const band of bands) {
      if (!seen(band, passes)) continue;
      count += band.count - 2;
      const [first, ...others] = corners(band);
      context.fillStyle = L.theme.style(data.kinds[band.kind]).colour;
      context.globalAlpha = 0.16;
      context.beginPath();
      context.moveTo(...first);
      others.forEach((corner) => context.lineTo(...corner));
      context.closePath();
      context.fill();
      if (others[0][0] - first[0] > 46) labels.push([`×${band.count}`, (first[0] + others[1][0]) / 2, (first[1] + others[1][1]) / 2]);
    }
    context.globalAlpha = 1;
    context.font = "11px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    // Where many would stand on top of each other, none can be read.
    const taken = [];
    for (const [text, px, py] of labels.slice(0, 2000)) {
      if (taken.length > 200 || taken.some(([a, b]) => Math.abs(a - px) < 44 && Math.abs(b - py) < 12)) continue;
      taken.push([px, py]);
      const w = context.measureText(text).width + 6;
      context.fillStyle = chrome.back;
      context.globalAlpha = 0.85;
      context.fillRect(px - w / 2, py - 7, w, 14);
      context.globalAlpha = 1;
      context.fillStyle = chrome.ink;
      context.fillText(text, px, py);
    }
    context.restore();
    return count;
  };
  // The band at a point, the one that stands for most if there are several.
  const bandAt = (px, py, passes) => {
    let best = null;
    for (const band of bands) {
      if (!seen(band, passes)) continue;
      const [a, b, c, d] = corners(band);
      const share = (py - a[1]) / (c[1] - a[1] || 1);
      if (share < 0 || share > 1) continue;
      const [left, right] = [a[0] + (d[0] - a[0]) * share, b[0] + (c[0] - b[0]) * share];
      if (px >= left && px <= right && (!best || band.count > best.count)) best = band;
    }
    return best;
  };

  // A tick below the lane for each line; what went to stderr is red.
  const drawPrinted = (context, chrome) => {
    const width = frame.width();
    printed.forEach((lines, replica) => {
      const y = laneY(replica + 1) + laneHeight * 0.4;
      let [before, bad] = [-1, false];
      for (const { time, error } of lines) {
        if (time < view.from || time > view.to) continue;
        const px = Math.round(x(time));
        if (px > width - RIGHT || (px === before && (bad || !error))) continue;
        [before, bad] = [px, error];
        context.fillStyle = error ? chrome.bad : chrome.soft;
        context.fillRect(px, y - 2, 2, 5);
      }
    });
  };

  return { drawBands, bandAt, drawPrinted };
};
