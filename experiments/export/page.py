"""One HTML page that draws in the browser: ONNX, its runtime and sliders."""

import base64
import gzip
import html
import json
import pathlib
import tarfile
import tempfile
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import report
from jaxgan.analysis import latent as latents
from jaxgan.lab import exported, inference
from jaxgan.lab.first_layer import first_layer
from jaxgan.lab.inference import Trained

PAGE = "page.html"
PACKAGE = "onnxruntime-web"
PARTS = (
    "package/dist/ort.wasm.bundle.min.mjs",
    "package/dist/ort-wasm-simd-threaded.wasm",
)
SLIDERS = 6
REACH = 5.0  # how far a slider goes, in standard deviations of a latent number


class Runtime(NamedTuple):
    """The script and the WebAssembly that run ONNX in a browser."""

    script: bytes
    wasm: bytes


def runtime(path: pathlib.Path) -> Runtime:
    """Reads onnxruntime-web from the package of npm; nothing is fetched.

    Args:
        path: the `.tgz`, or a folder that it lies in.

    Raises:
        ValueError: it is not there, or is another file.
    """
    found = sorted(path.glob(f"{PACKAGE}-*.tgz")) if path.is_dir() else [path]
    if not found or not found[-1].is_file():
        raise ValueError(
            f"{path} has no {PACKAGE}-*.tgz, the runtime that the page carries; fetch"
            f" it with `npm pack {PACKAGE}`, or say where it is with --runtime"
        )
    try:
        with tarfile.open(found[-1]) as archive:
            files = [archive.extractfile(part) for part in PARTS]
            return Runtime(*(file.read() for file in files if file is not None))
    except (tarfile.TarError, KeyError, TypeError, EOFError, OSError):
        raise ValueError(
            f"{found[-1]} is not the package of {PACKAGE}; fetch it with `npm pack"
            f" {PACKAGE}`"
        ) from None


def save(trained: Trained, folder: pathlib.Path, runtime: Runtime) -> pathlib.Path:
    """Writes the page.

    Raises:
        ValueError: the latents are not one vector of numbers, or the images are neither
            grey nor in colour, or the model cannot be had as ONNX.
    """
    facts = exported.facts(trained)["export"]
    (latent, *more), shape = facts["latent"].values(), facts["image"]
    single = not more and len(latent["shape"]) == 1 and latent["dtype"] == "float32"
    if not single or len(shape) != 3 or shape[-1] not in (1, 3):
        raise ValueError(
            f"the page shows images that one vector of numbers gives; {trained.name}"
            f" has latents {facts['latent']} and images {shape}: use --formats onnx"
        )
    with tempfile.TemporaryDirectory() as temporary:
        model = exported.save_onnx(trained, pathlib.Path(temporary)).read_bytes()
    known = {
        "size": latent["shape"][0],
        "gaussian": facts["gaussian"],
        "range": facts["range"],
        "image": shape,
        "classes": inference.class_names(trained),
        "sliders": directions(trained, latent["shape"][0]),
    }
    title = f"{trained.name}, step {trained.step:,}"
    report.write(folder / PAGE, _html(title, known, model, runtime))
    return folder / PAGE


def directions(trained: Trained, size: int) -> list[dict[str, Any]]:
    """Sliders: numbers of a short latent, or what the first layer stretches most."""
    some = np.asarray(inference.latents(trained, jax.random.key(0), 512))
    weight = None if size <= SLIDERS else first_layer(trained)
    if weight is None:
        found = np.eye(size)[:SLIDERS]
        names = [f"number {i + 1}" for i in range(len(found))]
    else:
        found = np.asarray(latents.sefa(jnp.asarray(weight), SLIDERS).direction)
        names = [f"direction {i + 1}" for i in range(len(found))]
    steps = np.round(found * some.std(), 6).tolist()
    return [
        {"name": name, "step": step, "limit": REACH}
        for name, step in zip(names, steps, strict=True)
    ]


def _html(title: str, known: dict, model: bytes, runtime: Runtime) -> str:
    packed = {"model": model, "script": runtime.script, "wasm": runtime.wasm}
    data = "\n".join(
        f'<script type="application/octet-stream" id="{name}">'
        f"{base64.b64encode(gzip.compress(content, mtime=0)).decode()}</script>"
        for name, content in packed.items()
    )
    told = json.dumps(known).replace("<", "\\u003c")
    return (
        '<!doctype html>\n<html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style>"
        f'<h1>{html.escape(title)}</h1><main><canvas id="image"></canvas><form>'
        '<p><button type="button" id="another">Another image</button> <button'
        ' type="button" id="reset">Sliders to 0</button></p><div id="controls"></div>'
        '<p id="state">Unpacking</p></form></main>'
        f'<script type="application/json" id="known">{told}</script>\n{data}\n'
        f'<script type="module">{SCRIPT}</script></html>\n'
    )


STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 1rem auto;
  padding: 0 1rem; color: #222; background: #fff }
h1 { font-size: 1.4rem } main { display: flex; flex-wrap: wrap; gap: 1.5rem }
canvas { width: min(100%, 24rem); aspect-ratio: 1; image-rendering: pixelated;
  border-radius: 6px; background: #ddd; object-fit: contain; align-self: start }
form { flex: 1 1 18rem } label { display: flex; gap: .8rem; margin: .3rem 0 }
label span { flex: 0 0 7rem } input, select { flex: 1; min-width: 0 }
button { font: inherit; padding: .3rem .8rem } #state { color: #666 }
"""

SCRIPT = """
const $ = id => document.getElementById(id);
const known = JSON.parse($('known').textContent);
const state = $('state');
async function unpacked(id) {
  const bytes = Uint8Array.from(atob($(id).textContent), c => c.charCodeAt(0));
  $(id).remove();
  const plain = new DecompressionStream('gzip');
  return new Response(new Blob([bytes]).stream().pipeThrough(plain)).arrayBuffer();
}
const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random()))
  * Math.cos(2 * Math.PI * Math.random());
const drawn = () => Float32Array.from({length: known.size},
  () => known.gaussian ? normal() : 2 * Math.random() - 1);
let start = drawn(), busy = false, again = false, session, ort;
const sliders = known.sliders.map(x => control(x.name, Object.assign(
  document.createElement('input'),
  {type: 'range', min: -x.limit, max: x.limit, step: .05, value: 0})));
const choice = known.classes.length ? control('class', Object.assign(
  document.createElement('select'), {})) : null;
if (choice) known.classes.forEach((name, i) => choice.add(new Option(name, i)));
function control(name, input) {
  const label = document.createElement('label'), text = document.createElement('span');
  text.textContent = name;
  label.append(text, input);
  $('controls').append(label);
  input.addEventListener('input', draw);
  return input;
}
async function draw() {
  if (!session || busy) { again = true; return }
  busy = true;
  try {
    const z = start.map((value, i) => value + sliders.reduce(
      (sum, x, j) => sum + x.valueAsNumber * known.sliders[j].step[i], 0));
    const names = session.inputNames;
    const given = {[names[0]]: new ort.Tensor('float32', z, [1, known.size])};
    if (choice) given[names[1]] =
      new ort.Tensor('int32', Int32Array.of(Number(choice.value)), [1]);
    const began = performance.now();
    const image = (await session.run(given))[session.outputNames[0]].data;
    paint(image);
    state.textContent = `drawn here in ${Math.round(performance.now() - began)} ms`;
    state.dataset.mean = image.reduce((a, b) => a + b, 0) / image.length;
    state.dataset.drawn = Number(state.dataset.drawn || 0) + 1;
  } catch (error) { state.textContent = String(error) }
  busy = false;
  if (again) { again = false; draw() }
}
function paint(image) {
  const [height, width, channels] = known.image, [low, high] = known.range;
  const canvas = $('image');
  canvas.width = width; canvas.height = height;
  canvas.style.aspectRatio = width / height;
  const context = canvas.getContext('2d');
  const pixels = context.createImageData(width, height);
  for (let i = 0; i < height * width; i++) {
    for (let c = 0; c < 3; c++) pixels.data[4 * i + c] =
      255 * (image[channels * i + c % channels] - low) / (high - low);
    pixels.data[4 * i + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
}
$('another').addEventListener('click', () => { start = drawn(); draw() });
$('reset').addEventListener('click', () => {
  sliders.forEach(x => x.value = 0);
  draw();
});
try {
  const script = new Blob([await unpacked('script')], {type: 'text/javascript'});
  ort = await import(URL.createObjectURL(script));
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = await unpacked('wasm');
  session = await ort.InferenceSession.create(new Uint8Array(await unpacked('model')));
  draw();
} catch (error) { state.textContent = String(error) }
"""
