// The page: asks for pictures, shows them, and sends what is pressed.

const page = {picture: null, rows: [], marks: [], number: -1, edition: -1, chosen: 0,
  playing: false, setting: '', said: 'Getting ready', busy: true, since: Date.now(),
  error: '', errorUntil: 0, gone: false, pointer: null};

function show() {
  const {picture} = page;
  if (!picture) return;
  page.chosen = Math.min(page.chosen, picture.seeds.length - 1);
  const seed = picture.seeds[page.chosen];
  drawPlane(find('plane'), picture, seed, true);
  showSmall();
  drawCurves();
  find('low').textContent = round(seed.low);
  find('high').textContent = round(seed.high);
  find('whose').textContent = `seed ${page.chosen} in front of the others`;
  find('there').textContent = `of ${picture.modes}`;
  showPointed();
}

function showSmall() {
  const {seeds, modes} = page.picture, small = find('small');
  while (small.children.length > seeds.length) small.lastChild.remove();
  while (small.children.length < seeds.length) {
    const i = small.children.length;
    const button = element('button', {}, element('canvas'), element('span'));
    button.onclick = () => { page.chosen = i; show() };
    small.append(button);
  }
  seeds.forEach((seed, i) => {
    const button = small.children[i];
    drawPlane(button.firstChild, page.picture, seed, false);
    button.setAttribute('aria-pressed', i === page.chosen);
    button.lastChild.textContent = seed.lost ? `${i}: NaN` : `${i}: ${seed.modes}/${modes}`;
    button.title = `seed ${i}: ${seed.modes} of ${modes} modes found`;
  });
}

// Tells D where the pointer is, from the place of the lattice that is nearest.
function showPointed() {
  const at = page.pointer, {picture} = page;
  if (!at || !picture) { find('pointed').textContent = ''; return }
  const seed = picture.seeds[page.chosen], last = picture.side - 1;
  const [x, y] = at.map(v => Math.min(last, Math.max(0, Math.round(v * last))));
  const steps = seed.land[y * picture.side + x] - 128;
  const edge = steps >= 127 ? ' or more' : steps <= -127 ? ' or less' : '';
  const end = steps < 0 ? seed.middle - seed.low : seed.high - seed.middle;
  find('pointed').textContent = `D = ${round(seed.middle + steps / 127 * end)}${edge}`;
}

function showSaid() {
  const wrong = page.gone || (page.error && Date.now() < page.errorUntil);
  const waited = Math.round((Date.now() - page.since) / 1000);
  const idle = page.playing ? 'Training' : page.count ? 'Paused' : 'Press Play';
  find('said').textContent = page.gone ? 'The laboratory has been stopped: start the' +
    ' command again.' : wrong ? page.error : page.said ?
    page.said + (page.busy ? ` … ${waited} s` : '') : idle;
  find('said').className = wrong || /NaN|failed/.test(page.said) ? 'bad' : '';
}

function take(frame) {
  if (frame.edition !== page.edition) page.rows = [];
  page.edition = frame.edition;
  page.rows = page.rows.slice(0, frame.first).concat(frame.rows);
  page.marks = frame.marks;
  if (frame.busy && !page.busy) page.since = Date.now();
  Object.assign(page, {playing: frame.playing, said: frame.said, busy: frame.busy,
    count: frame.step});
  find('play').textContent = frame.playing ? '❚❚ Pause' : '▶ Play';
  find('count').textContent = frame.step.toLocaleString('en');
  find('speed').textContent = frame.speed && frame.playing ?
    `· ${Math.round(frame.speed).toLocaleString('en')} a second` : '';
  const setting = JSON.stringify(frame.setting);
  if (setting !== page.setting) setControls(frame.setting);
  page.setting = setting;
  if (frame.picture) {
    const {picture} = frame;
    picture.real = decoded(picture.real, picture.half);
    for (const seed of picture.seeds) {
      seed.fake = decoded(seed.fake, picture.half);
      seed.land = bytes(seed.land);
      seed.slope = new Float32Array(bytes(seed.slope).buffer);
    }
    page.picture = picture;
    page.number = frame.number;
    show();
  }
  showSaid();
}

async function ask() {
  for (;;) {
    try {
      const answer = await fetch(`/frame?have=${page.number}&edition=${page.edition}` +
        `&rows=${page.rows.length}`);
      const frame = await answer.json();
      page.gone = false;
      const began = performance.now();
      take(frame);
      await new Promise(requestAnimationFrame);
      // At least half of the time is left for what the user does.
      const took = Math.max(20, performance.now() - began);
      await new Promise(done => setTimeout(done, took));
    } catch (error) {
      page.gone = true;
      page.number = page.edition = -1;
      showSaid();
      await new Promise(done => setTimeout(done, 2000));
    }
  }
}

const act = what => send('/act', {what});
const buttons = {
  play: () => act(page.playing ? 'pause' : 'play'),
  step: () => act('step'), restart: () => act('restart'), reseed: () => act('reseed'),
};
for (const [id, press] of Object.entries(buttons)) find(id).onclick = press;
document.addEventListener('keydown', event => {
  if (event.target.closest('select, input, button') || event.ctrlKey || event.metaKey) return;
  const id = {' ': 'play', s: 'step', r: 'restart', n: 'reseed'}[event.key];
  if (id) { event.preventDefault(); buttons[id]() }
});

// Drawing the data, and asking D about a place.
let stroke = null;
function where(event) {
  const box = find('plane').getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, 1 - (event.clientY - box.top) / box.height];
}
function draw(event) {
  const {half} = page.picture, most = choices.fields.drawn.most;
  const place = where(event).map(v => Math.round((2 * v - 1) * half * 1000) / 1000);
  if (place.some(v => Math.abs(v) > 2) || stroke.length >= most) return;
  if (stroke.some(p => Math.hypot(p[0] - place[0], p[1] - place[1]) < .12)) return;
  stroke.push(place);
  const [context, size] = sharp(find('plane'));
  dots(context, size, half, place, 5, colours.real, 1);
}
let cleared = false;
find('clear').onclick = () => { cleared = true;
  page.error = 'Cleared: drag across the plane to draw other data.';
  page.errorUntil = Date.now() + 4000; showSaid() };
find('plane').addEventListener('pointerdown', event => {
  const setting = JSON.parse(page.setting || '{}');
  if (setting.data !== 'drawn' || !page.picture) return;
  find('plane').setPointerCapture(event.pointerId);
  stroke = cleared ? [] : setting.drawn.map(p => [...p]);
  cleared = false;
  draw(event);
});
find('plane').addEventListener('pointermove', event => {
  page.pointer = where(event);
  if (stroke) draw(event);
  else showPointed();
});
find('plane').addEventListener('pointerup', () => {
  if (stroke && stroke.length) send('/change', {drawn: stroke});
  stroke = null;
});
find('plane').addEventListener('pointerleave', () => { page.pointer = null; showPointed() });

const dark = window.matchMedia('(prefers-color-scheme: dark)');
dark.addEventListener('change', () => { readColours(); show() });
window.addEventListener('resize', show);
setInterval(showSaid, 1000);
readColours();
makeControls();
ask();
