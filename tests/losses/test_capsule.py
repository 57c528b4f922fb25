import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import losses

LENGTHS = np.array([[0.95, 0.05, 0.4], [0.2, 0.6, 0.1]], np.float32)
LABELS = np.array([0, 2])


def released_margin_loss(lengths, one_hot):
    """As in the first author's code: shifted logits, halves, then a mean."""
    logits = lengths - 0.5
    positive = one_hot * (logits < 0.4) * (logits - 0.4) ** 2
    negative = (1 - one_hot) * (logits > -0.4) * (logits + 0.4) ** 2
    return (0.5 * positive + 0.5 * 0.5 * negative).mean(axis=1)


def test_margin_loss_by_hand():
    loss = losses.margin_loss(LENGTHS, LABELS)
    # right class long enough, one class too long; right class too short, two too long
    wanted = [0.5 * 0.3**2, 0.8**2 + 0.5 * (0.1**2 + 0.5**2)]
    np.testing.assert_allclose(loss, wanted, rtol=1e-5)


def test_no_loss_within_the_margins():
    loss = losses.margin_loss(jnp.array([[0.9, 0.1, 0.0]]), jnp.array([0]))
    np.testing.assert_allclose(loss, [0.0], atol=1e-12)


def test_both_published_scalings():
    printed = losses.margin_loss(LENGTHS, LABELS)
    released = losses.margin_loss(LENGTHS, LABELS, scaling="released")
    np.testing.assert_allclose(released, printed / 6, rtol=1e-6)
    wanted = released_margin_loss(LENGTHS, np.eye(3)[LABELS])
    np.testing.assert_allclose(released, wanted, rtol=1e-5)


def test_several_objects_in_one_image():
    both = jnp.array([[1, 0, 1]])
    loss = losses.margin_loss(LENGTHS[:1], both)
    np.testing.assert_allclose(loss, [0.5**2], rtol=1e-5)
    as_bool = losses.margin_loss(LENGTHS[:1], both.astype(bool))
    np.testing.assert_array_equal(loss, as_bool)


def test_one_hot_labels_are_the_labels():
    np.testing.assert_array_equal(
        losses.margin_loss(LENGTHS, np.eye(3)[LABELS]),
        losses.margin_loss(LENGTHS, LABELS),
    )


def test_hyper_parameters_of_the_margin_loss():
    loss = losses.margin_loss(
        LENGTHS[:1],
        LABELS[:1],
        positive_margin=1.0,
        negative_margin=0.0,
        negative_weight=1.0,
    )
    np.testing.assert_allclose(loss, [0.05**2 + 0.05**2 + 0.4**2], rtol=1e-5)


def test_spread_loss_by_hand():
    activations = jnp.array([[0.5, 0.4, 0.9], [0.5, 0.4, 0.9]])
    loss = losses.spread_loss(activations, jnp.array([0, 2]), margin=0.3)
    wanted = [0.2**2 + 0.7**2, 0.0]
    np.testing.assert_allclose(loss, wanted, rtol=1e-5, atol=1e-12)


def test_spread_loss_takes_a_traced_margin():
    def loss(margin):
        return losses.spread_loss(LENGTHS, LABELS, margin=margin)

    np.testing.assert_allclose(jax.jit(loss)(0.5), loss(0.5), rtol=1e-6)


def test_reconstruction_is_a_sum_over_pixels():
    images = jnp.zeros((2, 28, 28, 1))
    loss = losses.capsule_reconstruction_loss(images, images + 0.5)
    np.testing.assert_allclose(loss, [0.0005 * 784 * 0.25] * 2, rtol=1e-5)
    plain = losses.capsule_reconstruction_loss(images, images + 0.5, scale=1.0)
    np.testing.assert_allclose(plain, 784 * losses.l2_loss(images, images + 0.5))


@pytest.mark.parametrize("loss", [losses.margin_loss, losses.spread_loss])
def test_wrong_labels_are_refused(loss):
    with pytest.raises(ValueError, match=r"labels holds values from 0 to 3, .* 0 to 2"):
        loss(LENGTHS, jnp.array([0, 3]))
    with pytest.raises(ValueError, match=r"labels has shape \(3,\), expected"):
        loss(LENGTHS, jnp.array([0, 1, 2]))
    with pytest.raises(TypeError, match="labels has dtype float32"):
        loss(LENGTHS, jnp.array([0.0, 1.0]))
    in_jit = jax.jit(loss)(LENGTHS, jnp.array([0, 3]))
    np.testing.assert_array_equal(np.isnan(in_jit), [False, True])


def test_wrong_multi_hot_labels_and_scalings_are_refused():
    with pytest.raises(ValueError, match=r"labels has shape \(2, 4\), expected \(2, 3"):
        losses.margin_loss(LENGTHS, jnp.zeros((2, 4)))
    with pytest.raises(ValueError, match=r"scaling is 'mean', .*printed, released"):
        losses.margin_loss(LENGTHS, LABELS, scaling="mean")
