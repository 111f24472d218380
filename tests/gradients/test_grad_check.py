"""`grad_check` passes what is right and says clearly what is wrong."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsched import GradientError, grad_check


@jax.custom_vjp
def wrong_in_reverse(x):
    return (x**2).sum()


wrong_in_reverse.defvjp(lambda x: (wrong_in_reverse(x), x), lambda x, g: (3.0 * x * g,))


@jax.custom_jvp
def wrong(x):
    return (x**2).sum()


@wrong.defjvp
def _(primals, tangents):
    return wrong(primals[0]), (2.01 * primals[0] * tangents[0]).sum()


@jax.custom_jvp
def broken(x):
    return (x**2).sum()


@broken.defjvp
def _(primals, tangents):
    return broken(primals[0]), (jnp.nan * tangents[0]).sum()


def test_a_right_derivative_of_a_tree_passes_and_is_printed():
    tree = {"a": jnp.arange(3.0), "b": jnp.array(2.0), "count": 3}
    check = grad_check(lambda t: jnp.sin(t["a"]) * t["b"] ** t["count"], tree)
    assert check.agrees
    assert check.error < 1e-8
    assert len(check.finite) == 3
    assert "agrees" in str(check)


def test_a_derivative_of_nothing_is_not_noise():
    assert grad_check(lambda x: 1.0 + 1e-9 * jnp.sin(1e3 * x).sum(), jnp.arange(1.0, 4.0)).agrees


@pytest.mark.parametrize("function", [wrong, broken])
def test_a_wrong_derivative_raises_a_sentence_with_both_numbers(function):
    with pytest.raises(GradientError, match=r"disagree.*differences give.*forward mode.*the derivative is wrong"):
        grad_check(function, jnp.arange(1.0, 4.0))
    check = grad_check(function, jnp.arange(1.0, 4.0), throw=False)
    assert not check.agrees
    assert "disagree" in str(check)


def test_an_error_of_half_a_percent_is_measured_as_such():
    check = grad_check(wrong, jnp.array(2.0), throw=False)
    assert check.forward_error == pytest.approx(0.005, rel=1e-2)
    assert check.reverse_error == pytest.approx(0.005, rel=1e-2)


def test_a_function_without_forward_mode_is_jaxs_own_error():
    with pytest.raises(TypeError, match="forward-mode"):
        grad_check(wrong_in_reverse, jnp.arange(1.0, 4.0))


@pytest.mark.parametrize("setting", [{"directions": 0}, {"step": 0.0}, {"rtol": -1.0}])
def test_an_impossible_setting_is_refused(setting):
    with pytest.raises(ValueError, match="directions is"):
        grad_check(wrong, jnp.array(2.0), **setting)


def test_an_argument_without_arrays_is_refused():
    with pytest.raises(ValueError, match="no floating-point array"):
        grad_check(lambda x: x, np.array([1, 2]))
