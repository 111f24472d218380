"""The largest load that the power supply and the queue of a site allow."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest


def test_the_cap_meets_the_power_limit_exactly_where_it_binds(site, conditions):
    limit = 0.9 * site(0.95 * jnp.broadcast_to(site.gpus, (40, 6)), conditions).facility_power.max(axis=0)
    cap = site.load_cap(limit, conditions)
    power = np.asarray(site(cap, conditions).facility_power)
    bound = np.asarray(cap) < 0.95 * np.asarray(site.gpus) * (1.0 - 1e-9)
    assert bound.any()
    assert not bound.all()
    limits = np.broadcast_to(limit, power.shape)
    np.testing.assert_allclose(power[bound], limits[bound], rtol=1e-12)
    assert (power[~bound] <= limits[~bound] * (1.0 + 1e-12)).all()
    np.testing.assert_allclose(
        np.asarray(cap)[~bound], np.broadcast_to(0.95 * site.gpus, cap.shape)[~bound], rtol=1e-12
    )


def test_the_cap_falls_when_it_gets_hotter(site, make_conditions):
    limit = 0.8 * site.rated_it_power
    hot, mild = (
        site.load_cap(limit, eqx.tree_at(lambda c: (c.dry_bulb, c.wet_bulb), make_conditions(), (dry, wet)))
        for dry, wet in ((jnp.asarray(40.0), jnp.asarray(25.0)), (jnp.asarray(10.0), jnp.asarray(8.0)))
    )
    # The last site has a plant that ignores the weather.
    assert (hot[:, :-1] < mild[:, :-1]).all()
    np.testing.assert_array_equal(hot[:, -1], mild[:, -1])


def test_the_cap_is_nothing_where_idling_exceeds_the_limit(site, conditions):
    idle = site(jnp.zeros((40, 6)), conditions).facility_power
    np.testing.assert_array_equal(site.load_cap(0.99 * idle, conditions), 0.0)
    assert (site.load_cap(1.01 * idle, conditions) > 0.0).all()


def test_the_derivative_of_the_cap_is_that_of_the_implicit_function(site, conditions):
    limit = 0.8 * site.rated_it_power

    def total(limit, site, dry_bulb):
        at = eqx.tree_at(lambda c: c.dry_bulb, conditions, dry_bulb)
        return site.load_cap(limit, at).sum()

    slopes = jax.grad(total, argnums=(0, 2))(limit, site, conditions.dry_bulb)
    for argument, slope in zip((0, 2), slopes, strict=True):
        base = [limit, site, conditions.dry_bulb]
        value, step = base[argument], 1e-4
        ends = []
        for sign in (1.0, -1.0):
            moved = list(base)
            moved[argument] = value + sign * step
            ends.append(float(total(*moved)))
        # Truncation of the central difference: the third derivative times the square of the step.
        assert float(slope.sum()) == pytest.approx((ends[0] - ends[1]) / (2.0 * step), rel=1e-6)
