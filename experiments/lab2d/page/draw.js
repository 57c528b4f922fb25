'use strict';
// The plane: a landscape, its middle contour, points and arrows.

const bytes = text => Uint8Array.from(atob(text), x => x.charCodeAt(0));
const decoded = (text, half) => Array.from(new Uint16Array(bytes(text).buffer),
  x => (x / 65535 * 2 - 1) * 2 * half);
const colour = name => getComputedStyle(document.documentElement)
  .getPropertyValue('--' + name).trim();
const rgb = text => [1, 3, 5].map(i => parseInt(text.slice(i, i + 2), 16));
const NAMES = ['low', 'middle', 'high', 'real', 'fake', 'line', 'main', 'other',
  'pale', 'edge', 'ink', 'card'];
let colours = {}, ramp = [];

// Reads the colours of the page, which are others at night.
function readColours() {
  for (const name of NAMES) colours[name] = colour(name);
  const ends = ['low', 'middle', 'high'].map(x => rgb(colours[x]));
  ramp = Array.from({length: 256}, (_, i) => {
    const t = Math.min(1, Math.max(-1, (i - 128) / 127));
    const other = ends[t < 0 ? 0 : 2], share = Math.abs(t);
    return ends[1].map((x, k) => Math.round(x + (other[k] - x) * share));
  });
}

// Makes a canvas as sharp as the screen; its context draws in CSS pixels.
function sharp(canvas) {
  const box = canvas.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
  const width = Math.round(box.width * ratio), height = Math.round(box.height * ratio);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width; canvas.height = height;
  }
  const context = canvas.getContext('2d');
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return [context, box.width, box.height];
}

function landscape(context, size, land, side) {
  const small = document.createElement('canvas');
  small.width = small.height = side;
  const pixels = new ImageData(side, side);
  for (let y = 0; y < side; y++) for (let x = 0; x < side; x++) {
    const from = ramp[land[(side - 1 - y) * side + x]], to = 4 * (y * side + x);
    pixels.data.set([...from, 255], to);
  }
  small.getContext('2d').putImageData(pixels, 0, 0);
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = 'high';
  const each = size / (side - 1); // the outer places lie on the edges
  context.drawImage(small, -each / 2, -each / 2, side * each, side * each);
}

// Draws where the landscape is `level`, cell by cell.
function contour(context, size, land, side, level) {
  const each = size / (side - 1), at = (x, y) => land[y * side + x] - level;
  context.beginPath();
  for (let y = 0; y + 1 < side; y++) for (let x = 0; x + 1 < side; x++) {
    const corners = [[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1]], cut = [];
    for (let i = 0; i < 4; i++) {
      const [a, b] = [corners[i], corners[(i + 1) % 4]];
      const [p, q] = [at(...a), at(...b)];
      if (p < 0 !== q < 0) {
        const t = p / (p - q);
        cut.push([a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t]);
      }
    }
    for (let i = 0; i + 1 < cut.length; i += 2) {
      context.moveTo(cut[i][0] * each, size - cut[i][1] * each);
      context.lineTo(cut[i + 1][0] * each, size - cut[i + 1][1] * each);
    }
  }
  context.stroke();
}

// Draws all points as one shape; small ones as squares, which is far quicker.
function dots(context, size, half, places, radius, fill, alpha) {
  context.fillStyle = fill;
  context.globalAlpha = alpha;
  context.beginPath();
  for (let i = 0; i < places.length; i += 2) {
    const x = (places[i] + half) / (2 * half) * size;
    const y = size - (places[i + 1] + half) / (2 * half) * size;
    if (x < 0 || y < 0 || x > size || y > size) continue;
    if (radius < 1.3) {
      context.rect(x - radius, y - radius, 2 * radius, 2 * radius);
    } else {
      context.moveTo(x + radius, y);
      context.arc(x, y, radius, 0, 2 * Math.PI);
    }
  }
  context.fill();
  context.globalAlpha = 1;
}

function arrows(context, size, half, places, slope) {
  const lengths = [];
  for (let i = 0; i < slope.length; i += 2) lengths.push(Math.hypot(slope[i], slope[i + 1]));
  const usual = [...lengths].sort((a, b) => a - b)[Math.floor(.9 * lengths.length)];
  if (!(usual > 0)) return;
  context.strokeStyle = colours.fake;
  context.lineWidth = 1.2;
  context.globalAlpha = .75;
  context.beginPath();
  for (let i = 0; i < lengths.length; i++) {
    const x = (places[2 * i] + half) / (2 * half) * size;
    const y = size - (places[2 * i + 1] + half) / (2 * half) * size;
    const far = size * .07 * Math.min(1.3, lengths[i] / usual);
    if (far < 2) continue;
    const angle = Math.atan2(-slope[2 * i + 1], slope[2 * i]);
    const [u, v] = [x + far * Math.cos(angle), y + far * Math.sin(angle)];
    context.moveTo(x, y);
    context.lineTo(u, v);
    for (const turn of [2.6, -2.6]) {
      context.moveTo(u, v);
      context.lineTo(u + 5 * Math.cos(angle + turn), v + 5 * Math.sin(angle + turn));
    }
  }
  context.stroke();
  context.globalAlpha = 1;
}

// Draws one seed of a picture, with arrows if it is the large one.
function drawPlane(canvas, picture, seed, large) {
  const [context, size] = sharp(canvas);
  const {half, side} = picture;
  landscape(context, size, seed.land, side);
  context.strokeStyle = colours.line;
  context.lineWidth = large ? 1.6 : 1;
  contour(context, size, seed.land, side, 128);
  const grain = large ? Math.max(1.4, size / 300) : .8;
  const some = large ? 1024 : 400; // numbers, two for each point
  dots(context, size, half, picture.real.slice(0, some), grain * (large ? 1.7 : 1.5),
    colours.real, .55);
  if (large) arrows(context, size, half, seed.fake, seed.slope);
  dots(context, size, half, seed.fake.slice(0, some), grain, colours.fake, .8);
}
