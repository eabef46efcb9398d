// Colours, dashes and shapes. Nothing is told by colour alone: types differ in dash and in the shape
// at their end, roles in the band's height, what failed by a cross. The colours are Okabe and Ito's,
// darker where they would be pale on white.
const L = {};

L.theme = (() => {
  // Per type: colour on white, colour on black, dash, shape of the marker at the receiver.
  const KINDS = {
    append: ["#0072b2", "#56b4e9", [], "triangle"],
    append_response: ["#2a8fbd", "#9ad4f5", [6, 3], "dot"],
    snapshot: ["#5b3f9e", "#b49cf0", [], "square"],
    snapshot_response: ["#5b3f9e", "#b49cf0", [6, 3], "ring"],
    pre_vote: ["#a04f7c", "#cc79a7", [2, 3], "square"],
    pre_vote_response: ["#a04f7c", "#e3a9c9", [2, 5], "ring"],
    vote: ["#b84a00", "#f0833a", [8, 3], "square"],
    vote_response: ["#b84a00", "#f7b083", [8, 3, 2, 3], "ring"],
    get: ["#00805b", "#28c79a", [4, 2], "triangle"],
    put: ["#5b6b00", "#e0d54a", [], "triangle"],
    ok: ["#00805b", "#28c79a", [], "dot"],
    redirect: ["#b07800", "#f0b429", [5, 3, 1, 3], "diamond"],
    fail: ["#b84a00", "#f0833a", [3, 3], "square"],
  };
  const OTHER_COLOURS = [
    ["#0072b2", "#56b4e9"], ["#b84a00", "#f0833a"], ["#a04f7c", "#cc79a7"],
    ["#555555", "#bbbbbb"], ["#2f4b9c", "#93a8ff"], ["#7a4a1e", "#d3a67a"],
  ];
  const OTHER_DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3], [1, 4]];
  const OTHER_SHAPES = ["triangle", "dot", "square", "ring", "diamond"];
  const TERMS = [
    ["#3d6ca3", "#6d9fdb"], ["#c2505f", "#f08a97"], ["#227a34", "#5cbf70"],
    ["#8a7a10", "#d9c84f"], ["#23809b", "#6fd0ea"], ["#8d2d6b", "#d277b4"],
  ];
  const CHROME = {
    light: {
      back: "#ffffff", ink: "#1b1f24", soft: "#596069", line: "#d5d9de", lane: "#e6e9ed",
      shade: "rgba(190,110,0,0.13)", hatch: "rgba(150,85,0,0.45)", bad: "#b3261e", good: "#0b6b43",
      lease: "#b07800", focus: "#0b57d0", dead: "#9aa1a9",
    },
    dark: {
      back: "#14171b", ink: "#e8eaed", soft: "#a3abb5", line: "#373d45", lane: "#262b31",
      shade: "rgba(255,176,60,0.13)", hatch: "rgba(255,190,90,0.42)", bad: "#ff8a80", good: "#5fd19b",
      lease: "#f0b429", focus: "#8ab4f8", dead: "#6b737d",
    },
  };
  const KEY = "leasekv-theme";
  let chosen = null;
  try { chosen = localStorage.getItem(KEY); } catch { /* a page from disk may not be allowed to */ }
  const system = matchMedia("(prefers-color-scheme: dark)");
  const listeners = [];
  const dark = () => (chosen ? chosen === "dark" : system.matches);
  const apply = () => {
    document.documentElement.dataset.theme = dark() ? "dark" : "light";
    listeners.forEach((listener) => listener());
  };
  system.addEventListener("change", apply);
  apply();
  const known = new Map();
  // Types that are not ours each get the next look that nobody has, in the order in which they are met, so
  // that no two look alike before all looks are used up.
  let met = 0;
  const next = () => {
    const at = met;
    met += 1;
    const colours = OTHER_COLOURS[at % OTHER_COLOURS.length];
    const turn = Math.floor(at / OTHER_COLOURS.length);
    return [...colours, OTHER_DASHES[(at + turn) % OTHER_DASHES.length], OTHER_SHAPES[(at + 2 * turn) % OTHER_SHAPES.length]];
  };
  const style = (name) => {
    // Any text may be a type, that of a built-in property, too.
    if (!known.has(name)) known.set(name, Object.hasOwn(KINDS, name) ? KINDS[name] : next());
    const [light, black, dash, shape] = known.get(name);
    return { colour: dark() ? black : light, dash, shape };
  };
  return {
    dark, style,
    chrome: () => CHROME[dark() ? "dark" : "light"],
    term: (term) => TERMS[((term % 6) + 6) % 6][dark() ? 1 : 0],
    toggle: () => {
      chosen = dark() ? "light" : "dark";
      try { localStorage.setItem(KEY, chosen); } catch { /* it lasts as long as the page */ }
      apply();
    },
    onChange: (listener) => listeners.push(listener),
  };
})();

// A small element: L.el("button", { class: "x", onclick: f }, "text", other)
L.el = (name, attributes = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
};

// Times are in nanoseconds.
L.seconds = (time, span = 1e9) => {
  const digits = span >= 2e10 ? 1 : span >= 2e8 ? 3 : span >= 2e6 ? 5 : 6;
  return `${(time / 1e9).toFixed(digits)} s`;
};
L.duration = (time) => {
  const size = Math.abs(time);
  if (size >= 1e9) return `${(time / 1e9).toFixed(3)} s`;
  if (size >= 1e6) return `${(time / 1e6).toFixed(size >= 1e8 ? 0 : size >= 1e7 ? 1 : 2)} ms`;
  return `${(time / 1e3).toFixed(size >= 1e5 ? 0 : 1)} µs`;
};

// A canvas as sharp as the screen; returns its context in CSS pixels.
L.sharp = (canvas, width, height) => {
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
};

// Hatching, for what must be told apart without colour.
L.hatch = (context, x, y, width, height, colour, gap = 7, falling = false) => {
  if (width <= 0) return;
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.beginPath();
  const start = Math.floor((x - height) / gap) * gap;
  for (let at = start; at < x + width + height; at += gap) {
    context.moveTo(at, falling ? y : y + height);
    context.lineTo(at + height, falling ? y + height : y);
  }
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.setLineDash([]);
  context.stroke();
  context.restore();
};

// A shape around a point.
L.shape = (context, shape, x, y, size) => {
  switch (shape) {
    case "dot": case "ring":
      context.moveTo(x + size, y);
      context.arc(x, y, size, 0, 7);
      break;
    case "square":
      context.rect(x - size, y - size, 2 * size, 2 * size);
      break;
    case "diamond":
      context.moveTo(x, y - size - 1);
      context.lineTo(x + size + 1, y);
      context.lineTo(x, y + size + 1);
      context.lineTo(x - size - 1, y);
      context.closePath();
      break;
    case "cross":
      context.moveTo(x - size, y - size);
      context.lineTo(x + size, y + size);
      context.moveTo(x + size, y - size);
      context.lineTo(x - size, y + size);
      break;
    default:
      context.moveTo(x, y - size);
      context.lineTo(x + size, y + size);
      context.lineTo(x - size, y + size);
      context.closePath();
  }
};

// A round step of an axis, so that so many pixels lie between two marks.
L.step = (span, width, apart) => {
  const least = (span * apart) / Math.max(width, 1);
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least);
};

// A foreign replica may nest so deeply that no browser writes it.
L.asText = (value, indent) => {
  try {
    return JSON.stringify(value, null, indent);
  } catch {
    return "… (nested too deeply to be shown; it is in the trace)";
  }
};
L.pretty = (value) => {
  const text = L.asText(value, 1);
  // Short lists on one line.
  return text.replace(/\[\s*([^[\]{}]{0,60}?)\s*\]/g, (_, inside) => `[${inside.replace(/\s*\n\s*/g, " ")}]`);
};
