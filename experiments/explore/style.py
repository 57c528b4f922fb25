"""The page's style sheet, and the script that plays a walk."""

STYLE = """
.gradio-container { max-width: 1200px !important; margin: 0 auto !important }
.gradio-container .main { gap: 10px } .gradio-container .column { gap: 10px }
.html-container { padding: 0 !important }
.heading h1 { font-size: 1.6rem; font-weight: 650; margin: 0 0 .3rem }
h2 { font-size: 1.05rem !important; font-weight: 650; margin: .4rem 0 0 !important }
.facts { display: flex; flex-wrap: wrap; gap: .2rem 1.3rem; font-size: .9rem }
.facts b { color: var(--body-text-color-subdued); font-weight: 500; margin-right: .3em }
.about { color: var(--body-text-color-subdued); font-size: .85rem; line-height: 1.4;
  margin: .1rem 0 }
img, .screen { image-rendering: pixelated }
.face { margin: 0 } .face img { border-radius: 6px; display: block; max-width: 100% }
.faces { display: grid; gap: 10px;
  grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)) }
.faces img { width: 100% }
.faces figcaption { font-size: .85rem; margin-top: 3px; overflow-wrap: anywhere }
.buttons { align-items: end; gap: 8px !important; max-width: 400px }
.buttons button { padding: 0 8px; font-size: .95rem; white-space: nowrap;
  height: 42px }
.nearest { display: flex; gap: 8px; margin-top: .3rem; max-width: 400px }
.nearest figure { margin: 0; flex: 1 1 0; max-width: 96px }
.nearest img { width: 100%; border-radius: 4px; display: block }
.nearest figcaption { text-align: center; font-size: .85rem; padding-top: 2px }
.sliders .form { display: grid !important;
  grid-template-columns: repeat(auto-fill, minmax(240px, 1fr)) }
.walk { align-items: end } .walk button { height: 42px }
.player { display: flex; gap: 16px; align-items: flex-start; flex-wrap: wrap }
.player .screen { flex: none; border-radius: 6px }
.player .side { flex: 1; min-width: min(240px, 100%) }
.player .bar { display: flex; gap: 10px }
.player .place { flex: 1; min-width: 0 }
.player .play { border: 1px solid var(--border-color-primary); border-radius: 6px;
  width: 5rem; padding: 4px 0; background: var(--button-secondary-background-fill) }
.player .where { margin: .5rem 0; font-size: .9rem }
.player .stops { display: flex; flex-wrap: wrap; gap: 8px; align-items: start }
.player .stop { padding: 0; border: 0; background: none; cursor: pointer }
.player .stop img { width: 64px; border-radius: 4px; display: block }
.player .stop span { font-size: .85rem }
"""
# Shows one part of the picture of all frames, and another 12 times a second.
PLAYER = """
let frame = 0, playing = true;
const player = () => element.querySelector('.player');
const show = () => {
  const {count, columns, rows, seeds} = player().dataset, names = seeds.split(' ');
  frame = frame % count;
  const x = frame % columns, y = Math.floor(frame / columns);
  const part = (i, n) => n > 1 ? 100 * i / (n - 1) + '%' : '0%';
  const screen = player().querySelector('.screen');
  screen.style.backgroundPosition = part(x, columns) + ' ' + part(y, rows);
  player().querySelector('.place').value = frame;
  player().querySelector('.play').textContent = playing ? 'Pause' : 'Play';
  const each = count / names.length, leg = Math.floor(frame / each);
  const share = Math.round(100 * (frame % each) / each);
  player().querySelector('.where').textContent = 'seed ' + names[leg] +
    (share ? ' to seed ' + names[(leg + 1) % names.length] + ', ' + share + ' %' : '');
};
element.addEventListener('click', event => {
  const stop = event.target.closest('.stop');
  if (stop) { frame = Number(stop.dataset.frame); playing = false; show() }
  if (event.target.closest('.play')) { playing = !playing; show() }
});
element.addEventListener('input', event => {
  if (event.target.matches('.place')) {
    frame = Number(event.target.value); playing = false; show();
  }
});
watch('value', () => { frame = 0; show() });
setInterval(() => { if (playing && player()) { frame++; show() } }, 83);
show();
"""
