"""A page in the browser to explore the generator of a finished run by hand.

    python -m experiments.explore --run runs/dcgan_faces
    python -m experiments.explore --run runs/dcgan_faces --directions directions.npz
    python -m experiments.explore --run runs/infogan_mnist --port 8000

Serves http://127.0.0.1:7860 until Ctrl-C: new faces, sliders along the directions that
the first layer stretches most and along those that other experiments have found, walks
between faces, and the training images nearest to what is shown. Most of the time that
it takes to start goes to these; --images 0 leaves them out. Needs `pip install -e
".[explore]"`. The page needs no internet and sends nothing anywhere. The run is only
read; pictures that are saved on the page go to --workdir.
"""

import base64
import dataclasses
import html
import importlib.util
import io
import json
import os
import pathlib
import socket
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from experiments.explore import explorer as explorer_
from experiments.explore.explorer import Choice, Explorer
from jaxgan import report
from jaxgan.lab import data
from jaxgan.lab import figures as lab_figures
from jaxgan.lab import trained as lab_trained

SIDE = 400  # pixels of the large picture on the page, about
WALK = "0, 1, 2, 3"  # seeds of the first walk
FRAMES = 16  # from one seed of a walk to the next


@dataclasses.dataclass(frozen=True)
class Config:
    """Which run to show, and where."""

    run: pathlib.Path
    """Directory of the run of a generator."""
    workdir: pathlib.Path = pathlib.Path("runs/explore")
    """Where pictures go that are saved on the page."""
    directions: pathlib.Path | None = None
    """An .npz with an array [Z] a direction, such as experiments.latent_arithmetic
    writes; directions.npz of --workdir, if that is there, where left out."""
    strongest: int = 6
    """Sliders along what the first layer stretches most; 0 leaves them out."""
    images: int = 2048
    """Most training images to find the nearest among; 0 leaves them out."""
    host: str = "127.0.0.1"
    """Address to serve at; that of this machine alone, if left out."""
    port: int = 7860
    """Port to serve at."""
    ema: bool = True
    """Use the moving average of the weights, not the weights themselves."""
    best: bool = False
    """Use the state that scored best, not the latest."""

    def __post_init__(self):
        lab_figures.at_least(self, strongest=0, images=0, port=1)
        if self.port > 65535:
            raise ValueError(f"--port is {self.port}; it must be at most 65535")


def main(config: Config) -> None:
    """Opens the run and serves the page until it is stopped."""
    check_gradio()
    check_port(config.host, config.port)
    trained = lab_trained.open_run(config.run, ema=config.ema, best=config.best)
    path = config.directions
    usual = config.workdir / "directions.npz"
    if path is None and usual.is_file():
        path = usual
    found = explorer_.read_directions(path) if path else {}
    data.say(f"{config.run}: {trained.name} of step {trained.step:,}; getting ready")
    explorer = explorer_.explorer(
        trained, strongest=config.strongest, found=found, images=config.images
    )
    serve(explorer, config)


# --- before anything is loaded ------------------------------------------------------


def check_gradio() -> None:
    """Sees that what makes the page is installed.

    Raises:
        ValueError: it is not.
    """
    if importlib.util.find_spec("gradio") is None:
        raise ValueError(
            "the page is made with gradio, which is not installed; use `pip install -e"
            ' ".[explore]"`'
        )


def check_port(host: str, port: int) -> None:
    """Sees that a port is free.

    Raises:
        ValueError: it is not, or there is no such address here.
    """
    try:
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((host, port))
    except OSError as error:
        raise ValueError(
            f"cannot serve at {host}:{port} ({error.strerror}); give another --port or"
            " --host"
        ) from None


# --- parts of the page, as HTML -----------------------------------------------------


def face(image: np.ndarray, caption: str) -> str:
    """The large picture.

    Args:
        image: uint8 `[H, W, C]`.
        caption: what it is.
    """
    side = image.shape[0] * max(1, SIDE // image.shape[0])
    return (
        f'<figure class="face"><img id="face" width="{side}" alt="{_text(caption)}"'
        f' src="{_address(image)}"></figure>'
    )


def nearest(explorer: Explorer, image: np.ndarray) -> str:
    """The training images nearest to a picture, with their distances."""
    if explorer.missing:
        return f'<p class="about">No training images: {_text(explorer.missing)}</p>'
    images, distances = explorer_.neighbours(explorer, image)
    figures = "".join(
        f'<figure><img alt="training image" src="{_address(image)}"><figcaption>'
        f"{distance:.1f}</figcaption></figure>"
        for image, distance in zip(images, distances, strict=True)
    )
    usual = (
        f" Training images have their own nearest at {explorer.usual:.1f}, as a median."
        if np.isfinite(explorer.usual)
        else ""
    )
    return (
        f'<div class="nearest">{figures}</div><p class="about">Of'
        f" {len(explorer.real):,} training images. Distances are root mean square"
        f" differences of pixels, from 0 to 255.{usual}</p>"
    )


def player(frames: np.ndarray, seeds: Sequence[int]) -> str:
    """A walk to be played: all frames in one picture, of which the page shows a part.

    Args:
        frames: uint8 `[S · F, H, W, C]`, a closed walk.
        seeds: S, where it stops.
    """
    count = len(frames)
    columns = int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    _, height, width, channels = frames.shape
    whole = np.zeros((rows * columns, height, width, channels), np.uint8)
    whole[:count] = frames
    sprite = (
        whole.reshape(rows, columns, height, width, channels)
        .swapaxes(1, 2)
        .reshape(rows * height, columns * width, channels)
    )
    each = count // len(seeds)
    stops = "".join(
        f'<button class="stop" data-frame="{i * each}"><img alt="seed {seed}"'
        f' src="{_address(frames[i * each])}"><span>{seed}</span></button>'
        for i, seed in enumerate(seeds)
    )
    side = height * max(1, 256 // height)
    return (
        f'<div class="player" data-count="{count}" data-columns="{columns}"'
        f' data-rows="{rows}" data-seeds="{" ".join(map(str, seeds))}">'
        f'<div class="screen" style="width:{side}px;height:{side * width // height}px;'
        f"background-image:url({_address(sprite)});"
        f'background-size:{columns * 100}% {rows * 100}%"></div>'
        '<div class="side"><div class="bar"><button class="play">Pause</button>'
        f'<input type="range" class="place" min="0" max="{count - 1}" value="0"'
        ' aria-label="place on the walk"></div><p class="where"></p>'
        f'<div class="stops">{stops}</div></div></div>'
    )


def heading(explorer: Explorer, run: pathlib.Path) -> str:
    """What is shown: run, model, step."""
    known = {"run": str(run), **explorer_.facts(explorer)}
    facts = "".join(
        f"<span><b>{_text(name)}</b> {_text(value)}</span>"
        for name, value in known.items()
    )
    return f'<h1>Inside a generator</h1><div class="facts">{facts}</div>'


def save(explorer: Explorer, choice: Choice, folder: pathlib.Path) -> pathlib.Path:
    """Writes the picture of a choice and what was chosen, as NUMBER.png and .json."""
    number = 1
    while (path := folder / f"{number:04d}.png").exists():
        number += 1
    trained = explorer.trained
    values = {
        x.name: v for x, v in zip(explorer.sliders, choice.values, strict=True) if v
    }
    latent = explorer_.vector(explorer_.latent(explorer, choice))
    chosen = {
        "model": trained.name,
        "step": trained.step,
        "seed": choice.seed,
        "label": choice.label if explorer.classes else None,
        "sliders": values,
        "latent": np.asarray(latent)[0].tolist(),
    }
    report.write(path.with_suffix(".json"), json.dumps(chosen, indent=1).encode())
    report.save_png(path, explorer_.picture(explorer, choice))
    return path


def _address(image: np.ndarray) -> str:
    file = io.BytesIO()
    grey = image.shape[-1] == 1
    Image.fromarray(image[..., 0] if grey else image).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _text(value: str) -> str:
    return html.escape(value, quote=True)


# --- the page -----------------------------------------------------------------------


def serve(explorer: Explorer, config: Config) -> None:
    """Serves the page until Ctrl-C."""
    # Both are read at import. Gradio would tell its makers of every start otherwise.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_OFFLINE"] = "1"
    # It asks itself whether it is there, which is nothing to ask a proxy.
    hosts = [os.environ.get("no_proxy", os.environ.get("NO_PROXY")), config.host]
    os.environ["no_proxy"] = ",".join(filter(None, hosts))
    from gradio.themes import Base

    page = build(explorer, config)
    fonts = ["system-ui", "sans-serif"]
    theme = Base(
        primary_hue="blue",
        neutral_hue="slate",
        font=fonts,
        font_mono=["ui-monospace", "monospace"],
    )
    page.launch(
        server_name=config.host,
        server_port=config.port,
        share=False,
        prevent_thread_lock=True,
        quiet=True,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        theme=theme,
        css=STYLE,
    )
    data.say(f"open http://{config.host}:{config.port} in a browser; Ctrl-C stops")
    page.block_thread()


def build(explorer: Explorer, config: Config) -> Any:
    """The page, not yet served."""
    import gradio as gr

    def choice(seed, label, *values):
        return Choice(int(seed), int(label or 0), tuple(values))

    def look(*chosen):
        """The picture of what is chosen, and its nearest."""
        if chosen[0] is None:  # the number is being written
            return gr.skip(), gr.skip()
        try:
            what = choice(*chosen)
            image = explorer_.picture(explorer, what)
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from None
        return face(image, f"seed {what.seed}"), nearest(explorer, image)

    def new(seed, *others):
        seed = (int(seed or 0) + 1) % explorer_.SEEDS
        return seed, *look(seed, *others)

    def reset(seed, label, *values):
        return *look(seed, label, *(0.0 for _ in values)), *(0.0 for _ in values)

    def play(text, seed, label, *values):
        try:
            seeds = explorer_.seeds(text)
            what = choice(seed or 0, label, *values)
            return player(explorer_.walk(explorer, seeds, what, FRAMES), seeds)
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from None

    def keep(*chosen):
        try:
            path = save(explorer, choice(chosen[0] or 0, *chosen[1:]), config.workdir)
        except (ValueError, OSError) as error:
            raise gr.Error(str(error), print_exception=False) from None
        return f'<p class="about">Saved as {_text(str(path))}</p>'

    first = Choice(0, 0, (0.0,) * len(explorer.sliders))
    image = explorer_.picture(explorer, first)
    seeds = explorer_.seeds(WALK)
    walked = player(explorer_.walk(explorer, seeds, first, FRAMES), seeds)
    sliders = {}

    def group(kind, title, about):
        chosen = [x for x in explorer.sliders if x.kind == kind]
        if not chosen:
            return
        gr.HTML(f'<h2>{title}</h2><p class="about">{about}</p>')
        with gr.Group(elem_classes="sliders"):
            for slider in chosen:
                sliders[id(slider)] = gr.Slider(
                    -slider.limit,
                    slider.limit,
                    0,
                    step=0.05,
                    label=slider.name,
                    buttons=[],
                    elem_classes="slider",
                )

    with gr.Blocks(
        title=f"{explorer.trained.name}, {config.run}",
        analytics_enabled=False,
        fill_width=True,
    ) as page:
        gr.HTML(heading(explorer, config.run), elem_classes="heading")
        with gr.Row():
            with gr.Column(scale=4, min_width=400):
                shown = gr.HTML(face(image, "seed 0"))
                with gr.Row(elem_classes="buttons"):
                    seed = gr.Number(
                        0,
                        label="Seed",
                        precision=0,
                        minimum=0,
                        maximum=explorer_.SEEDS - 1,
                        min_width=100,
                        elem_id="seed",
                    )
                    another = gr.Button(
                        "New image", variant="primary", min_width=105, elem_id="new"
                    )
                    zero = gr.Button("Reset", min_width=65, elem_id="reset")
                    saving = gr.Button("Save", min_width=65, elem_id="save")
                saved = gr.HTML()
                label = gr.Radio(
                    list(range(explorer.classes)) or [0],
                    value=0,
                    label="Class",
                    visible=explorer.classes > 0,
                    elem_id="label",
                )
                gr.HTML("<h2>Nearest training images</h2>")
                near = gr.HTML(nearest(explorer, image))
            with gr.Column(scale=7, min_width=460):
                group(
                    "code",
                    "Codes",
                    "Single numbers of the latent.",
                )
                group(
                    "found",
                    "Directions with a meaning",
                    "Found by another experiment. Numbers are standard deviations of a"
                    " latent's numbers.",
                )
                group(
                    "strongest",
                    "Strongest directions",
                    "What the first layer stretches most, the eigenvectors of its"
                    " AᵀA (SeFa), and how many times as much as a usual direction."
                    " Nobody has named them: look. Numbers are standard deviations.",
                )
                gr.HTML(
                    '<h2>Walk</h2><p class="about">From seed to seed and back'
                    f", {'along great circles' if explorer.spherical else 'straight'},"
                    f" with the {'class and the ' if explorer.classes else ''}sliders"
                    " as they are.</p>"
                )
                with gr.Row(elem_classes="walk"):
                    stops = gr.Textbox(
                        WALK, label="Seeds", max_lines=1, scale=3, elem_id="stops"
                    )
                    walk = gr.Button("Walk", elem_id="walk", scale=1)
                screen = gr.HTML(walked, js_on_load=PLAYER, elem_id="player")
        chosen = [seed, label, *(sliders[id(x)] for x in explorer.sliders)]
        quick: Any = {"show_progress": "hidden", "trigger_mode": "always_last"}
        gr.on([x.input for x in chosen], look, chosen, [shown, near], **quick)
        another.click(new, chosen, [seed, shown, near], **quick)
        zero.click(reset, chosen, [shown, near, *chosen[2:]], **quick)
        saving.click(keep, chosen, saved, show_progress="hidden")
        gr.on([walk.click, stops.submit], play, [stops, *chosen], screen)
    return page


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
.player { display: flex; gap: 16px; align-items: flex-start }
.player .screen { flex: none; border-radius: 6px }
.player .side { flex: 1; min-width: 0 } .player .bar { display: flex; gap: 10px }
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
