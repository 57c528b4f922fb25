import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from jaxgan import losses

KEY = jax.random.key(3)
quick = settings(max_examples=8, deadline=None, database=None)
shapes = st.sampled_from([(3,), (2, 2, 1)])


def linear(w):
    """A critic with the slope w everywhere."""

    def critic(x):
        axes = tuple(range(1, x.ndim))
        return (x * w[None]).sum(axis=axes)

    return critic


def quadratic(x):
    """A critic whose slope at x is x."""
    return 0.5 * jnp.square(x).sum(axis=tuple(range(1, x.ndim)))


@st.composite
def slopes(draw):
    shape = draw(shapes)
    values = st.floats(-3, 3, width=32).filter(lambda v: v == 0 or abs(v) > 1e-3)
    return draw(hnp.arrays(np.float32, shape, elements=values))


@jax.jit
def all_penalties(w, real, fake, target):
    critic = linear(w)
    return (
        losses.gradient_penalty(critic, real, fake, KEY, target=target),
        losses.gradient_penalty(critic, real, fake, KEY, target=target, one_sided=True),
        losses.dragan_penalty(critic, real, KEY, target=target),
        losses.r1_penalty(critic, real),
        losses.r2_penalty(critic, fake),
    )


@quick
@given(slopes(), st.sampled_from([0.0, 1.0, 2.5]))
def test_closed_forms_for_a_linear_critic(w, target):
    norm = np.sqrt((w.astype(np.float64) ** 2).sum())
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(2, 4, *w.shape)).astype(np.float32)

    result = all_penalties(w, real, fake, target)
    wanted = [
        (norm - target) ** 2,
        max(0.0, norm - target) ** 2,
        (norm - target) ** 2,
        norm**2,
        norm**2,
    ]
    for penalty, value in zip(result, wanted, strict=True):
        np.testing.assert_allclose(penalty, np.full(4, value), rtol=1e-4, atol=1e-5)


def test_mixing_is_drawn_for_each_example_between_real_and_fake():
    @jax.jit
    def penalty(key):
        zeros, ones = jnp.zeros((64, 4)), jnp.ones((64, 4))
        return losses.gradient_penalty(quadratic, zeros, ones, key, target=0.0)

    u = np.sqrt(penalty(KEY)) / 2  # the slope is the point itself, of norm 2(1 - u)
    assert ((u >= 0) & (u <= 1)).all()
    assert len(np.unique(u)) == 64
    assert u.min() < 0.1
    assert u.max() > 0.9
    assert not np.allclose(penalty(KEY), penalty(jax.random.key(4)))


def test_dragan_points_lie_close_to_the_reals():
    @jax.jit
    def penalties(real):
        return [
            losses.dragan_penalty(quadratic, real, KEY, std=std, target=0.0)
            for std in (0.2, None)
        ]

    given, default = penalties(np.ones((64, 4), np.float32))
    slope = np.sqrt(given)
    # each coordinate is 1 + alpha * 0.5 * 0.2 * U(0, 1)
    assert slope.min() >= 2.0
    assert slope.max() <= 2.2
    assert len(np.unique(slope)) == 64
    np.testing.assert_allclose(default, np.full(64, 4.0))  # the batch has no spread


def test_dragan_takes_the_deviation_of_the_batch():
    real = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    default, given = jax.jit(
        lambda x, std: (
            losses.dragan_penalty(quadratic, x, KEY),
            losses.dragan_penalty(quadratic, x, KEY, std=std),
        )
    )(real, real.std())
    np.testing.assert_allclose(default, given, rtol=1e-6)


def test_a_flat_critic_has_a_finite_gradient():
    x = jnp.ones((2, 3))

    def total(w):
        critic = linear(w)
        return (
            losses.gradient_penalty(critic, x, x, KEY)
            + losses.dragan_penalty(critic, x, KEY)
            + losses.r1_penalty(critic, x)
        ).sum()

    value, gradient = jax.jit(jax.value_and_grad(total))(np.zeros(3, np.float32))
    assert value == 4.0
    np.testing.assert_array_equal(gradient, np.zeros(3))


def test_twins_in_torch():
    torch = pytest.importorskip("torch")  # 2.13.0
    rng = np.random.default_rng(1)
    points = rng.normal(size=(4, 2, 3))
    w1, w2 = rng.normal(size=(6, 5)), rng.normal(size=(5,))

    x = torch.tensor(points, requires_grad=True)
    weights = torch.tensor(w1, requires_grad=True)
    scores = torch.tanh(x.reshape(4, 6) @ weights) @ torch.tensor(w2)
    (slope,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
    norm = slope.flatten(1).norm(dim=1)
    wanted_gp, wanted_r1 = (norm - 1) ** 2, norm**2
    wanted_grads = [
        torch.autograd.grad(p.sum(), weights, retain_graph=True)[0]
        for p in (wanted_gp, wanted_r1)
    ]

    def penalties(weights):
        def critic(x):
            return jnp.tanh(x.reshape(4, 6) @ weights) @ jnp.asarray(w2)

        real = jnp.asarray(points)
        return jnp.stack(
            [
                losses.gradient_penalty(critic, real, real, KEY),
                losses.r1_penalty(critic, real),
            ]
        )

    with jax.enable_x64(True):
        weights = jnp.asarray(w1)
        sums = jax.jacrev(lambda w: penalties(w).sum(axis=1))
        result, jacobian = jax.jit(lambda w: (penalties(w), sums(w)))(weights)
    np.testing.assert_allclose(result[0], wanted_gp.detach(), rtol=1e-9)
    np.testing.assert_allclose(result[1], wanted_r1.detach(), rtol=1e-9)
    for ours, theirs in zip(jacobian, wanted_grads, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-12)


def test_bfloat16_critics_are_penalised_in_float32():
    def critic(x):
        return (2.0 * x[:, 0]).astype(jnp.bfloat16)

    penalty = jax.jit(lambda x: losses.gradient_penalty(critic, x, x, KEY))(
        np.ones((2, 3), np.float32)
    )
    assert penalty.dtype == jnp.float32
    np.testing.assert_allclose(penalty, [1.0, 1.0])


@pytest.mark.parametrize(
    ("critic", "message"),
    [
        (lambda x: x[:, :1], r"critic_fn returned shape \(4, 1\), expected \(4,\)"),
        (lambda x: x.sum(), r"critic_fn returned shape \(\), expected \(4,\)"),
        (lambda x: x[:2, 0], r"critic_fn returned shape \(2,\), expected \(4,\)"),
    ],
)
def test_wrong_critics_are_refused(critic, message):
    x = jnp.ones((4, 3))
    for penalty in [
        lambda: losses.r1_penalty(critic, x),
        lambda: losses.r2_penalty(critic, x),
        lambda: losses.gradient_penalty(critic, x, x, KEY),
        lambda: losses.dragan_penalty(critic, x, KEY),
    ]:
        with pytest.raises(ValueError, match=message):
            penalty()


def test_critics_of_integers_and_negative_targets_are_refused():
    x = jnp.ones((4, 3))
    with pytest.raises(TypeError, match="critic_fn returned dtype int32"):
        losses.r1_penalty(lambda x: x[:, 0].astype(jnp.int32), x)
    with pytest.raises(ValueError, match=r"target is -1.0, expected 0 or more"):
        losses.gradient_penalty(quadratic, x, x, KEY, target=-1.0)
    with pytest.raises(ValueError, match=r"target is -1.0, expected 0 or more"):
        losses.dragan_penalty(quadratic, x, KEY, target=-1.0)
    with pytest.raises(ValueError, match=r"real \(4, 3\), fake \(2, 3\)"):
        losses.gradient_penalty(quadratic, x, x[:2], KEY)
    with pytest.raises(TypeError, match="real has dtype uint8"):
        losses.r1_penalty(quadratic, x.astype(jnp.uint8))


def test_pulling_away_term():
    def paper(s):
        n, total = len(s), 0.0
        for i in range(n):
            for j in range(n):
                if i != j:
                    cosine = s[i] @ s[j] / np.linalg.norm(s[i]) / np.linalg.norm(s[j])
                    total += cosine**2
        return total / (n * (n - 1))

    pulling_away_term = jax.jit(losses.pulling_away_term)
    orthogonal = np.diag(np.array([1.0, 5.0, 0.1, 2.0, 3.0], np.float32))
    np.testing.assert_allclose(pulling_away_term(orthogonal), np.zeros(5))
    same = np.tile(np.array([[1.0, -2.0, 0.5, 0.0, 0.0]], np.float32), (5, 1))
    np.testing.assert_allclose(pulling_away_term(same), np.ones(5), rtol=1e-6)
    embeddings = np.random.default_rng(0).normal(size=(5, 5)).astype(np.float32)
    value = np.asarray(pulling_away_term(embeddings))
    np.testing.assert_allclose(value.mean(), paper(embeddings), rtol=1e-5)
    np.testing.assert_allclose(pulling_away_term(-7 * embeddings), value, rtol=1e-5)


def test_pulling_away_of_zero_embeddings_is_finite_and_of_one_is_refused():
    embeddings = np.array([[0.0, 0.0], [1.0, 1.0]], np.float32)
    value, gradient = jax.jit(
        jax.value_and_grad(lambda s: losses.pulling_away_term(s).sum())
    )(embeddings)
    assert value == 0.0
    assert np.isfinite(gradient).all()
    with pytest.raises(ValueError, match=r"embeddings has shape \(1, 3\).*two rows"):
        losses.pulling_away_term(jnp.ones((1, 3)))


def test_orthogonal_penalty():
    rng = np.random.default_rng(0)
    q, _ = np.linalg.qr(rng.normal(size=(6, 4)))
    scaled = (q * np.array([1.0, 2.0, 0.5, 3.0])).astype(np.float32)
    np.testing.assert_allclose(losses.orthogonal_penalty(scaled), 0.0, atol=1e-10)
    kernel = rng.normal(size=(2, 2, 3, 4)).astype(np.float32)
    w = kernel.reshape(12, 4).astype(np.float64)
    off_diagonal = (w.T @ w) * (1 - np.eye(4))
    np.testing.assert_allclose(
        losses.orthogonal_penalty(kernel), (off_diagonal**2).sum(), rtol=1e-5
    )
    # BigGAN's code adds 2 W (WᵀW ⊙ (1 − I)) to the gradient: half of the true one
    gradient = np.asarray(jax.jit(jax.grad(losses.orthogonal_penalty))(kernel))
    np.testing.assert_allclose(
        gradient.reshape(12, 4), 4 * w @ off_diagonal, rtol=1e-3, atol=1e-3
    )


def test_path_length_of_a_linear_map():
    rng = np.random.default_rng(0)
    w = rng.normal(size=(4, 3)).astype(np.float32)
    matrix = rng.normal(size=(3, 2 * 5 * 1)).astype(np.float32)

    def synthesis(w):
        return (w @ jnp.asarray(matrix)).reshape(4, 2, 5, 1)

    penalty, mean = jax.jit(
        lambda w: losses.path_length_penalty(synthesis, w, KEY, 0.5, decay=0.9)
    )(w)
    noise = np.asarray(jax.random.normal(KEY, (4, 2, 5, 1))) / np.sqrt(10)
    lengths = np.linalg.norm(noise.reshape(4, 10) @ matrix.T, axis=1)
    np.testing.assert_allclose(penalty, (lengths - 0.5) ** 2, rtol=1e-4)
    np.testing.assert_allclose(mean, 0.9 * 0.5 + 0.1 * lengths.mean(), rtol=1e-5)


def test_path_lengths_average_over_layers():
    def of_the_first(w):
        return w[:, 0, None, None, :]  # only the first of five layers counts

    def of_one(w):
        return w[:, None, None, :]

    @jax.jit
    def both(w):
        return (
            losses.path_length_penalty(of_the_first, w, KEY, 0.0)[0],
            losses.path_length_penalty(of_one, w[:, 0], KEY, 0.0)[0],
        )

    penalty, single = both(np.ones((2, 5, 3), np.float32))
    np.testing.assert_allclose(penalty, single / 5, rtol=1e-5)


def test_path_length_memory_has_no_gradient_and_wrong_images_are_refused():
    w = np.ones((2, 3), np.float32)

    def synthesis(w):
        return jnp.sin(w)[:, None, None, :]

    def new_mean(w, mean):
        return losses.path_length_penalty(synthesis, w, KEY, mean)[1]

    to_w, to_mean = jax.jit(jax.grad(new_mean, (0, 1)))(w, np.float32(0.3))
    np.testing.assert_array_equal(to_w, np.zeros((2, 3)))
    assert to_mean == 0.0
    with pytest.raises(ValueError, match=r"synthesis_fn returned shape \(3,\)"):
        losses.path_length_penalty(lambda w: w[0], w, KEY, 0.0)


def test_lecam_by_hand_and_its_memory():
    real, fake = jnp.array([2.0, -1.0]), jnp.array([0.5, -3.0])
    anchors = losses.LecamAnchors(real=1.0, fake=-0.5)
    penalty, new = losses.lecam_penalty(real, fake, anchors, decay=0.9)
    np.testing.assert_allclose(penalty, [2.5**2 + 0.5**2, 0.5**2 + 4.0**2], rtol=1e-6)
    np.testing.assert_allclose(new.real, 0.9 * 1.0 + 0.1 * 0.5, rtol=1e-6)
    np.testing.assert_allclose(new.fake, 0.9 * -0.5 + 0.1 * -1.25, rtol=1e-6)
    one_sided, _ = losses.lecam_penalty(real, fake, anchors, one_sided=True)
    np.testing.assert_allclose(one_sided, [2.5**2 + 0.5**2, 4.0**2], rtol=1e-6)


def test_lecam_memory_is_carried_through_a_scan_without_gradient():
    real, fake = jnp.array([2.0, 4.0]), jnp.array([-1.0, -1.0])
    start = losses.LecamAnchors(jnp.float32(0.0), jnp.float32(0.0))

    def total(scale):
        def step(anchors, _):
            penalty, anchors = losses.lecam_penalty(
                scale * real, fake, anchors, decay=0.5
            )
            return anchors, penalty.sum()

        anchors, penalties = jax.lax.scan(step, start, length=30)
        return anchors.real, (anchors, penalties)

    gradient, (anchors, _) = jax.jit(jax.grad(total, has_aux=True))(1.0)
    assert gradient == 0.0
    np.testing.assert_allclose([anchors.real, anchors.fake], [3.0, -1.0], rtol=1e-5)


def test_drift_by_hand():
    np.testing.assert_array_equal(
        losses.drift_penalty(jnp.array([3.0, -2.0])), [9.0, 4.0]
    )


def test_mode_seeking():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 3, 4, 4, 1)).astype(np.float32)
    z, w = rng.normal(size=(2, 3, 5)).astype(np.float32)
    ratio = np.abs(one - other).mean((1, 2, 3)) / np.abs(z - w).mean(1)
    seeking = jax.jit(losses.mode_seeking_loss)
    np.testing.assert_allclose(seeking(one, other, z, w), 1 / (ratio + 1e-5), rtol=1e-5)
    # It is bounded where images are equal, 0 where latents are, and finite in both.
    value, slope = jax.value_and_grad(
        lambda x: losses.mode_seeking_loss(x, one, z, w).sum()
    )(one)
    assert value == pytest.approx(3e5)
    assert np.isfinite(slope).all()
    np.testing.assert_array_equal(seeking(one, one, z, z), np.zeros(3))
    np.testing.assert_array_equal(seeking(one, other, z, z), np.zeros(3))
    # Going down it takes images apart.
    slope = jax.grad(lambda x: losses.mode_seeking_loss(x, other, z, w).sum())(one)
    assert (slope * (one - other) < 0).all()
    with pytest.raises(ValueError, match=r"images \(3, 4, 4, 1\), others \(2, 4, 4, 1"):
        losses.mode_seeking_loss(one, other[:2], z, w)
    with pytest.raises(ValueError, match="batches of equal size.*latents"):
        losses.mode_seeking_loss(one, other, z[:2], w[:2])
