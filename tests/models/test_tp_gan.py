"""TP-GAN: sums, symmetry and sizes in numbers, patches in their places, gradients."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import game
from jaxgan.data.synthetic import landmarks
from jaxgan.data.synthetic.faces import neutral
from jaxgan.models import tp_gan
from jaxgan.models.parts import tp_gan_losses, tp_gan_nets

CONFIG = tp_gan.MODEL.tiny


def images(side, count=2, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (count, side, side, 3))


@pytest.mark.parametrize(("side", "sum_"), [(128, 163.84), (64, 40.96), (32, 10.24)])
def test_a_uniform_error_is_summed_over_rows_and_columns(side, sum_):
    target = jnp.asarray(images(side), jnp.float32)
    loss = tp_gan_losses.pixel_loss(target, target + 0.01)
    np.testing.assert_allclose(loss, sum_, rtol=1e-3)


def test_scales_weigh_errors_of_the_three_sizes():
    truths = [jnp.asarray(images(side), jnp.float32) for side in (32, 64, 128)]
    made = [x + 0.01 for x in truths]
    loss = tp_gan_losses.sized(tp_gan_losses.pixel_loss, truths, made)
    np.testing.assert_allclose(loss, 1.5 * 10.24 + 40.96 + 163.84, rtol=1e-3)


@pytest.mark.parametrize("side", [16, 128])
def test_asymmetry_is_that_of_numpy(side):
    image = images(side, seed=1)
    if side < 128:  # pixels, and eight times each less its neighbours
        wide, edges = np.pad(image, [(0, 0), (1, 1), (1, 1), (0, 0)]), 9 * image
        for row in range(3):
            for column in range(3):
                edges = edges - wide[:, row : row + side, column : column + side]
        seen = np.concatenate([image, edges], -1)
    else:
        seen = image.reshape(2, 64, 2, 64, 2, 3).mean((2, 4))
    half = seen.shape[2] // 2
    apart = np.abs(seen[:, :, :half] - seen[:, :, : half - 1 : -1])
    expected = apart.sum((1, 2)).mean(-1)
    ours = tp_gan_losses.asymmetry(jnp.asarray(image, jnp.float32))
    np.testing.assert_allclose(ours, expected, rtol=1e-4)


def test_asymmetry_moves_the_right_half_alone():
    image = jnp.asarray(images(16, seed=2), jnp.float32)
    gradient = jax.grad(lambda x: tp_gan_losses.asymmetry(x).sum())(image)
    # The column beside the middle is also a neighbour of the right half.
    assert not np.asarray(gradient[:, :, :7]).any()
    assert np.asarray(gradient[:, :, 8:]).all()


def test_total_variation_is_a_sum():
    image = images(8, seed=3)
    expected = sum(np.abs(np.diff(image, axis=axis)).sum((1, 2, 3)) for axis in (1, 2))
    ours = tp_gan_losses.variation(jnp.asarray(image, jnp.float32))
    np.testing.assert_allclose(ours, expected, rtol=1e-4)


def test_identity_sums_over_maps_and_takes_means_of_vectors():
    def embed(x):
        return x, x[:, 0, 0]

    one = jnp.zeros((2, 4, 4, 3))
    found = tp_gan_losses.identity_loss(embed, one, one + 0.2)
    np.testing.assert_allclose(found, 4 * 4 * 3 * 0.1 + 0.1, rtol=1e-5)
    with pytest.raises(ValueError, match="identity is above 0: give `game`"):
        tp_gan_losses.identity_loss(None, one, one)


def test_patches_are_the_paper_s_and_in_proportion_below():
    assert tp_gan_nets.patch_sizes(128, 3) == [(40, 40), (40, 40), (32, 40), (32, 48)]
    assert tp_gan_nets.patch_sizes(64, 2) == [(20, 20), (20, 20), (16, 20), (16, 24)]


def test_patches_that_are_cut_at_their_places_go_back_there():
    rng = np.random.default_rng(4)
    image = rng.uniform(0.1, 1, (2, 64, 64, 3)).astype("float32")
    places = np.broadcast_to(np.asarray(tp_gan_nets.PLACES, np.float32), (2, 4, 2))
    cut = tp_gan_nets.crops(jnp.asarray(image), jnp.asarray(places), [(16, 16)] * 4)
    again = np.asarray(tp_gan_nets.pasted(cut, 64))
    np.testing.assert_array_equal(again, np.where(again > 0, image, 0))
    assert (again > 0).all(-1).sum() > 2 * 3 * 16 * 16  # eyes touch each other at most
    beyond = tp_gan_nets.crops(jnp.asarray(image), jnp.full((2, 4, 2), 1.2), [(8, 8)])
    np.testing.assert_array_equal(beyond[0], image[:, -8:, -8:])


def test_places_are_those_of_a_drawn_face_that_looks_to_the_front():
    points = landmarks.landmarks(neutral(yaw=0.0), aligned=True)
    found = [points[landmarks.POINTS.index(name), :2] for name in tp_gan_nets.PARTS]
    np.testing.assert_allclose(found, tp_gan_nets.PLACES, atol=0.03)


def test_each_player_moves_what_it_owns_and_nothing_else():
    """Gradients by nets, all of them in one program."""
    played = tp_gan.game(CONFIG)
    batch = tp_gan.batch(CONFIG, jax.random.key(1), 2)
    shapes = jax.eval_shape(game.algorithm(played).init, jax.random.key(0), batch)
    rng = np.random.default_rng(5)
    state = jax.tree.map(
        lambda x: rng.normal(0, 0.3, x.shape).astype("float32") ** 2 + 0.1,
        {"params": shapes.params, "stats": shapes.stats},
    )
    turn = game.Turn(jax.random.key(3), jnp.zeros((), int))

    def loss(params, player):
        nets = {n: {"params": p, **state["stats"][n]} for n, p in params.items()}
        return player.loss(nets, batch, turn)[0]

    for name, player in played.players.items():
        program = jax.make_jaxpr(jax.grad(lambda p, player=player: loss(p, player)))
        closed = program(state["params"])
        found = jax.tree.unflatten(
            jax.tree.structure(state["params"]), closed.jaxpr.outvars
        )
        for net, leaves in found.items():
            zero = [_is_zero(closed.jaxpr, x) for x in jax.tree.leaves(leaves)]
            assert all(zero) == (net not in player.owns), (name, net)


def _is_zero(jaxpr, var):
    """Whether an output is made of no input: a broadcast zero."""
    made = {v: e for e in jaxpr.eqns for v in e.outvars}
    if not hasattr(var, "count") and not hasattr(var, "aval"):
        return True
    try:
        equation = made.get(var)
    except TypeError:  # a literal
        return True
    return equation is not None and equation.primitive.name == "broadcast_in_dim"


def test_an_undecided_discriminator_costs_log_two():
    import optax

    found = optax.sigmoid_binary_cross_entropy(jnp.zeros(3), tp_gan.SURE)
    np.testing.assert_allclose(found, np.log(2), rtol=1e-6)


def test_maps_are_those_of_the_paper():
    net = tp_gan_nets.Discriminator()
    image = jnp.zeros((1, 128, 128, 3))
    init = net.init_with_output
    logits, variables = jax.eval_shape(init, jax.random.key(0), image)
    assert logits.shape == (1, 4, 4)
    # 3x3 kernels; the first and the last have biases, the others a norm of two numbers
    convs = [(3, 64), (64, 128), (128, 256), (256, 512), (512, 512)] + [(512, 512)] * 4
    count = sum(9 * a * b + (2 * b if a > 3 else b) for a, b in convs) + 512 + 1
    found = sum(x.size for x in jax.tree.leaves(variables["params"]))
    assert found == count


def test_the_step_size_falls_by_steps_of_the_game():
    """A generator that moves twice a step falls half as fast, move by move."""
    config = dataclasses.replace(tp_gan.MODEL.tiny, moves=2, decay=2)
    for name, player in tp_gan.game(config).players.items():
        params, moved = jnp.zeros(1), []
        state = player.optimizer.init(params)
        for _ in range(5):
            update, state = player.optimizer.update(jnp.ones(1), state, params)
            moved.append(float(-update[0]))
        falls = (
            [1, 0.5, 0, 0, 0] if name == "discriminator" else [1, 0.75, 0.5, 0.25, 0]
        )
        np.testing.assert_allclose(np.array(moved) / moved[0], falls, atol=1e-4)
