"""The page: its elements, and how it responds."""

import os
import pathlib
from collections.abc import Sequence
from typing import Any

from experiments.explore import generator, several, words
from experiments.explore.generator import Choice
from experiments.explore.pieces import escaped, faces, heading, nearest, player, save
from experiments.explore.style import PLAYER, STYLE
from jaxgan.lab import inference
from jaxgan.train.terminal import say

WALK = "0, 1, 2, 3"  # seeds of the first walk
FEW = 12  # classes that each have a button; more are a list
FRAMES = 16  # frames from one seed of a walk to the next


def serve(
    runs: Sequence[several.Shown],
    run: pathlib.Path,
    folder: pathlib.Path,
    host: str,
    port: int,
) -> None:
    """Serves the page until Ctrl-C.

    Args:
        runs: from `several.beside`.
        run: the directory of the first run.
        folder: the directory for saved pictures.
        host: address to serve at.
        port: port to serve at.
    """
    # Gradio reads both at import. Without them it reports every start to its makers.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_OFFLINE"] = "1"
    # Gradio sends itself a request when it is up, which must not go to a proxy.
    hosts = [os.environ.get("no_proxy", os.environ.get("NO_PROXY")), host]
    os.environ["no_proxy"] = ",".join(filter(None, hosts))
    from gradio.themes import Base

    page = build(runs, run, folder)
    fonts = ["system-ui", "sans-serif"]
    theme = Base(
        primary_hue="blue",
        neutral_hue="slate",
        font=fonts,
        font_mono=["ui-monospace", "monospace"],
    )
    page.launch(
        server_name=host,
        server_port=port,
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
    say(f"open http://{host}:{port} in a browser; Ctrl-C stops")
    page.block_thread()


def build(
    runs: Sequence[several.Shown], run: pathlib.Path, folder: pathlib.Path
) -> Any:
    """Makes the page, without serving it."""
    import gradio as gr

    explorer = runs[0].explorer
    speaks = any(x.explorer.tell for x in runs)
    leader = max(runs, key=lambda x: x.explorer.classes).explorer  # names the classes

    def choice(seed, label, said, *values):
        return Choice(int(seed), int(label or 0), tuple(values), said or "")

    def look(*chosen):
        """Makes the picture of the choice, and the training images nearest to it."""
        if chosen[0] is None:  # the seed is being typed
            return gr.skip(), gr.skip()
        try:
            what = choice(*chosen)
            images = several.pictures(runs, what)
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from None
        about = f"seed {what.seed}" + (f": {what.said}" if what.said else "")
        return faces(images, about), nearest(explorer, images[0][0])

    def new(seed, *others):
        seed = (int(seed or 0) + 1) % generator.SEEDS
        return seed, *look(seed, *others)

    def reset(seed, label, said, *values):
        still = [0.0] * len(values)
        return *look(seed, label, said, *still), *still

    def play(text, seed, *others):
        try:
            seeds = generator.seeds(text)
            what = choice(seed or 0, *others)
            return player(several.walk(runs, seeds, what, FRAMES), seeds)
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from None

    def keep(*chosen):
        try:
            what = several.as_its_own(runs[0], choice(chosen[0] or 0, *chosen[1:]))
            path = save(explorer, what, folder)
        except (ValueError, OSError) as error:
            raise gr.Error(str(error), print_exception=False) from None
        return f'<p class="about">Saved as {escaped(str(path))}</p>'

    said = words.FIRST if speaks else ""
    first = Choice(0, 0, (0.0,) * len(explorer.sliders), said)
    images = several.pictures(runs, first)
    seeds = generator.seeds(WALK)
    walked = player(several.walk(runs, seeds, first, FRAMES), seeds)
    sliders = {}
    known = inference.class_names(leader.trained) or range(leader.classes)
    names = [(str(name), i) for i, name in enumerate(known)]

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
        title=f"{explorer.trained.name}, {run}",
        analytics_enabled=False,
        fill_width=True,
    ) as page:
        others = [(x.name, x.explorer) for x in runs[1:]]
        gr.HTML(heading(explorer, run, others), elem_classes="heading")
        with gr.Row():
            with gr.Column(scale=4, min_width=320):
                shown = gr.HTML(faces(images, "seed 0"))
                with gr.Row(elem_classes="buttons"):
                    seed = gr.Number(
                        0,
                        label="Seed",
                        precision=0,
                        minimum=0,
                        maximum=generator.SEEDS - 1,
                        min_width=100,
                        elem_id="seed",
                    )
                    another = gr.Button(
                        "New image", variant="primary", min_width=105, elem_id="new"
                    )
                    zero = gr.Button("Reset", min_width=65, elem_id="reset")
                    saving = gr.Button("Save", min_width=65, elem_id="save")
                saved = gr.HTML()
                kind = gr.Radio if len(names) <= FEW else gr.Dropdown
                label = kind(
                    choices=names or [("0", 0)],
                    value=0,
                    label="Class",
                    visible=leader.classes > 0,
                    elem_id="label",
                )
                caption = gr.Textbox(
                    said,
                    label="Caption",
                    info="What to draw; Enter draws it.",
                    max_lines=3,
                    visible=speaks,
                    elem_id="caption",
                )
                gr.HTML("<h2>Nearest training images</h2>")
                near = gr.HTML(nearest(explorer, images[0][0]))
            with gr.Column(scale=7, min_width=320):
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
                    "The directions that the first layer stretches most, eigenvectors"
                    " of its AᵀA (SeFa), and how many times as much as a usual"
                    " direction. They have no names; their effect has to be seen."
                    " Numbers are standard deviations.",
                )
                gr.HTML(
                    '<h2>Walk</h2><p class="about">From seed to seed and back'
                    f", {'along great circles' if explorer.spherical else 'straight'},"
                    f" with the {'class and the ' if leader.classes else ''}sliders"
                    " as they are.</p>"
                )
                with gr.Row(elem_classes="walk"):
                    stops = gr.Textbox(
                        WALK, label="Seeds", max_lines=1, scale=3, elem_id="stops"
                    )
                    walk = gr.Button("Walk", elem_id="walk", scale=1)
                screen = gr.HTML(walked, js_on_load=PLAYER, elem_id="player")
        moved = [sliders[id(x)] for x in explorer.sliders]
        chosen = [seed, label, caption, *moved]
        quick: Any = {"show_progress": "hidden", "trigger_mode": "always_last"}
        changes = [x.input for x in (seed, label, *moved)]
        gr.on([*changes, caption.submit], look, chosen, [shown, near], **quick)
        another.click(new, chosen, [seed, shown, near], **quick)
        zero.click(reset, chosen, [shown, near, *moved], **quick)
        saving.click(keep, chosen, saved, show_progress="hidden")
        gr.on([walk.click, stops.submit], play, [stops, *chosen], screen)
    return page
