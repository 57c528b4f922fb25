// Curves of all seeds over the steps, the chosen one in front.

const round = x => Math.abs(x) >= 100 ? x.toFixed(0) : Math.abs(x) >= 10 ?
  x.toFixed(1) : x.toFixed(2);

// The range that holds nearly all values, so that one peak does not flatten a curve.
function range(rows, which) {
  if (which === 4) return [0, 1];
  if (which === 3) return [0, page.picture.modes];
  const all = rows.flatMap(row => row[which]).filter(x => x !== null)
    .sort((a, b) => a - b);
  if (!all.length) return [0, 1];
  const low = all[Math.floor(.01 * all.length)];
  const high = all[Math.min(all.length - 1, Math.floor(.99 * all.length))];
  const more = Math.max(.05 * (high - low), 1e-3);
  return [low - more, high + more];
}

function drawCurve(canvas, which) {
  const [context, width, height] = sharp(canvas), rows = page.rows;
  const left = 40, below = 15, right = 4, above = 5;
  context.clearRect(0, 0, width, height);
  context.font = '11px system-ui, sans-serif';
  context.strokeStyle = colours.edge;
  context.lineWidth = 1;
  context.strokeRect(left + .5, above + .5, width - left - right - 1,
    height - above - below - 1);
  const [low, high] = range(rows, which), last = rows.length ? rows.at(-1)[0] : 1;
  const first = rows.length ? Math.min(rows[0][0], last - 1) : 0;
  const x = step => left + (step - first) / (last - first || 1) * (width - left - right);
  const y = value => above + (high - value) / (high - low) * (height - above - below);
  const text = value => which === 4 ? Math.round(100 * value) + ' %' :
    which === 3 ? Math.round(value) : round(value);
  context.fillStyle = colours.pale;
  context.textAlign = 'right';
  context.fillText(text(high), left - 4, above + 9);
  context.fillText(text(low), left - 4, height - below);
  context.fillText(last.toLocaleString('en'), width - right, height - 2);
  context.textAlign = 'left';
  context.fillText(first.toLocaleString('en'), left, height - 2);
  context.save();
  context.beginPath();
  context.rect(left, above, width - left - right, height - above - below);
  context.clip();
  context.setLineDash([3, 3]);
  context.strokeStyle = colours.pale;
  for (const [step] of page.marks) {
    context.beginPath();
    context.moveTo(x(step), above);
    context.lineTo(x(step), height);
    context.stroke();
  }
  context.setLineDash([]);
  const count = rows.length ? rows[0][which].length : 0;
  const order = [...Array(count).keys()].filter(i => i !== page.chosen);
  for (const i of [...order, page.chosen]) {
    const front = i === page.chosen;
    context.strokeStyle = front ? colours.main : colours.other;
    context.lineWidth = front ? 1.8 : 1;
    context.beginPath();
    let drawing = false;
    for (const row of rows) {
      const value = row[which][i];
      if (value === null || value === undefined) { drawing = false; continue }
      if (drawing) context.lineTo(x(row[0]), y(value));
      else context.moveTo(x(row[0]), y(value));
      drawing = true;
    }
    context.stroke();
  }
  context.restore();
}

function drawCurves() {
  for (const canvas of document.querySelectorAll('[data-curve]')) {
    drawCurve(canvas, Number(canvas.dataset.curve));
  }
}
