"""The site model: consistent, convex, differentiable, with a true cap and a valid envelope."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxsched import models
from jaxsched._parameters import as_array

# Rounding of a second difference of numbers of size one, with a factor for the sums that make them.
ROUNDING = 2e-14
ELECTRICAL = {"components": models.ComponentElectrical(), "proportional": models.ProportionalElectrical()}


def loads_of(site, slots, largest=0.9):
    return jnp.linspace(0.01, largest, slots)[:, None] * site.gpus[None, :]


@pytest.mark.parametrize("electrical", list(ELECTRICAL))
def test_the_parts_of_the_report_add_up(make_site, conditions, electrical):
    site = make_site(ELECTRICAL[electrical])
    load = loads_of(site, 40)
    report = site(load, conditions)
    parts = (report.it_power, report.ups, report.pdu, report.misc, report.fan, report.pump, report.compressor)
    np.testing.assert_allclose(report.facility_power, sum(parts), rtol=1e-12)
    np.testing.assert_allclose(report.cooling, sum(parts[4:]), rtol=1e-12)
    costs = (report.energy_cost, report.carbon_cost, report.water_cost, report.waiting_cost)
    np.testing.assert_allclose(report.total, sum(costs), rtol=1e-12)
    np.testing.assert_array_equal(site.cost(load, conditions), report.total)
    assert all(leaf.shape == load.shape for leaf in jax.tree.leaves(report))


def test_the_report_is_what_the_parts_say_when_called_alone(site, conditions, plants):
    load = loads_of(site, 40)
    report = site(load, conditions)
    for column, plant in enumerate(plants.values()):
        at = (slice(None), column)
        rated = site.rated_it_power[column]
        it_power = site.it_power(site.gpus[column], load[at])
        np.testing.assert_allclose(report.it_power[at], it_power, rtol=1e-12)
        rated_heat = rated + 0.5 * site.electrical(rated, rated, jnp.asarray(0.0)).ups
        heat = it_power + 0.5 * report.ups[at]
        weather = conditions.dry_bulb[at], conditions.wet_bulb[at]
        power = plant(it_power, rated, rated_heat, *weather)
        for name in ("compressor", "fan", "pump"):
            np.testing.assert_allclose(getattr(report, name)[at], getattr(power, name), rtol=1e-12)
        water = site.plants.plants[column].laws()[1]
        litres = water(it_power, heat, power.compressor, *weather)
        np.testing.assert_allclose(report.site_water[at], litres, rtol=1e-12)
    np.testing.assert_allclose(
        report.source_water, conditions.source_water[None, :] * report.facility_power, rtol=1e-12
    )


def test_costs_have_the_units_they_claim(site, conditions):
    report = site(loads_of(site, 40), conditions)
    # 75 AUD/t, 3 AUD/kL, 0.001 AUD per request and second, 55 AUD/MWh on top of the wholesale price.
    np.testing.assert_allclose(report.carbon_cost, report.carbon * 75e-3, rtol=1e-12)
    np.testing.assert_allclose(report.water_cost, (report.site_water + report.source_water) * 3e-3, rtol=1e-12)
    np.testing.assert_allclose(report.waiting_cost, report.queue * 3.6, rtol=1e-12)
    np.testing.assert_allclose(report.energy_cost, (conditions.price + 55.0) / 1e3 * report.facility_power, rtol=1e-12)


def test_a_negative_price_reaches_the_cost_unclipped(site, make_conditions):
    conditions = eqx.tree_at(lambda c: c.price, make_conditions(), jnp.asarray(-1000.0))
    report = site(loads_of(site, 40), conditions)
    np.testing.assert_allclose(report.energy_cost, -0.945 * report.facility_power, rtol=1e-12)


@eqx.filter_jit
def curves_over_load(site, conditions, loads):
    cap = site.load_cap(jnp.asarray(jnp.inf), conditions, 1.2)
    return site(loads, conditions), site.condition(conditions, cap)(loads)


@pytest.mark.parametrize("electrical", list(ELECTRICAL))
@settings(max_examples=40, deadline=None)
@given(
    dry_bulb=st.floats(-15.0, 52.0),
    depression=st.floats(0.0, 10.0),
    price=st.floats(-1000.0, 20_300.0),
    intensity=st.floats(0.0, 1200.0),
)
def test_everything_is_convex_in_the_load_in_any_weather(make_site, electrical, dry_bulb, depression, price, intensity):
    site = make_site(ELECTRICAL[electrical])
    # Beyond the number of GPUs too, where the queue is extended.
    loads = jnp.linspace(0.0, 1.1, 111)[:, None] * site.gpus[None, :]
    conditions = models.Conditions(
        dry_bulb=dry_bulb,
        # A wet bulb of 35 degC is the highest on record.
        wet_bulb=min(dry_bulb - depression, 35.0),
        price=price,
        carbon_intensity=intensity,
        source_water=1.2,
    )
    report, convex = curves_over_load(site, conditions, loads)
    quantities = {
        name: getattr(report, name)
        for name in ("facility_power", "cooling", "site_water", "source_water", "carbon", "queue")
    }
    quantities["convex cost"] = convex
    for name, values in quantities.items():
        values = np.asarray(values)
        assert np.isfinite(values).all(), name
        scale = np.abs(values).max(axis=0)
        assert (np.diff(values, 2, axis=0) >= -ROUNDING * scale).all(), name


def test_the_envelope_is_the_cost_where_energy_costs_and_below_it_elsewhere(site, conditions):
    cap = site.load_cap(jnp.asarray(1e6), conditions)
    negative = np.asarray(site.energy_weight(conditions) < 0.0)
    assert negative.any()
    assert not negative.all()
    for share in np.linspace(0.0, 1.0, 21):
        load = share * cap
        cost, convex = (np.asarray(f) for f in (site.cost(load, conditions), site.convex_cost(load, conditions, cap)))
        scale = np.abs(cost).max()
        np.testing.assert_allclose(convex[~negative], cost[~negative], atol=ROUNDING * scale, rtol=0.0)
        assert (convex <= cost + ROUNDING * scale).all()
        if share in (0.0, 1.0):
            np.testing.assert_allclose(convex, cost, atol=ROUNDING * scale, rtol=0.0)
    # Away from the ends the cost is strictly concave somewhere, or the test would prove nothing.
    middle = 0.5 * cap
    gap = site.cost(middle, conditions) - site.convex_cost(middle, conditions, cap)
    assert gap[negative].max() > 1e-3


def test_the_cost_has_the_right_derivative_in_every_parameter(site, conditions):
    # Some loads beyond the switch of the queue, some where the sign of the price is negative.
    load = loads_of(site, 40, largest=1.02)

    @eqx.filter_jit
    def mean_cost(arguments):
        site, conditions = arguments
        return site.cost(load, conditions).mean()

    arguments = (site, conditions)
    leaves, structure = jax.tree.flatten(arguments)
    names = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(arguments)]
    slopes = jax.tree.leaves(eqx.filter_jit(eqx.filter_grad(mean_cost))(arguments))
    assert len(slopes) == len(leaves) > 90
    for index, (name, leaf, slope) in enumerate(zip(names, leaves, slopes, strict=True)):
        assert jnp.isfinite(slope).all(), name
        step = 1e-5 * float(jnp.maximum(jnp.abs(leaf).max(), 1e-2))
        ends = [
            float(mean_cost(structure.unflatten([*leaves[:index], leaf + d, *leaves[index + 1 :]])))
            for d in (step, -step)
        ]
        difference = (ends[0] - ends[1]) / (2.0 * step)
        # Truncation is about 1e-10 relative to the curvature; rounding about 1e-16 x cost / step.
        rounding = 1e-14 * abs(ends[0]) / step
        assert float(slope.sum()) == pytest.approx(difference, rel=2e-6, abs=10.0 * rounding), name


def test_the_envelope_has_the_right_derivative_in_every_parameter(site, conditions):
    load = loads_of(site, 40, largest=0.5)

    @eqx.filter_jit
    def mean_cost(arguments):
        site, conditions = arguments
        cap = site.load_cap(0.9 * site.rated_it_power, conditions)
        return site.convex_cost(load, conditions, cap).mean()

    arguments = (site, conditions)
    slopes = eqx.filter_jit(eqx.filter_grad(mean_cost))(arguments)
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(slopes))
    random = np.random.default_rng(1)
    direction = jax.tree.map(lambda leaf: jnp.asarray(1e-6 * random.normal(size=leaf.shape)) * jnp.abs(leaf), arguments)
    ends = [mean_cost(jax.tree.map(lambda a, d, s=s: a + s * d, arguments, direction)) for s in (1.0, -1.0)]
    predicted = sum(
        float((s * d).sum()) for s, d in zip(jax.tree.leaves(slopes), jax.tree.leaves(direction), strict=True)
    )
    # Steps of 1e-6 relative: rounding of the difference is about 1e-10 of it.
    assert predicted == pytest.approx(float(ends[0] - ends[1]) / 2.0, rel=1e-5)


def test_the_conditioned_cost_is_elementwise_with_two_derivatives(site, conditions):
    cap = site.load_cap(0.9 * site.rated_it_power, conditions)
    cost = site.condition(conditions, cap)
    load = 0.7 * cap
    ones = jnp.ones_like(load)

    def slope(at):
        return jax.jvp(cost, (at,), (ones,))[1]

    curvature = jax.jvp(slope, (load,), (ones,))[1]
    assert (curvature >= 0.0).all()
    np.testing.assert_allclose(slope(load), jax.grad(lambda at: cost(at).sum())(load), rtol=1e-12)
    one_moved = load.at[3, 2].add(1.0)
    changed = np.asarray(cost(one_moved) != cost(load))
    assert changed.sum() == 1
    assert changed[3, 2]
    step = 1e-3
    difference = (slope(load + step) - slope(load - step)) / (2.0 * step)
    # Rounding of the slope over the step.
    np.testing.assert_allclose(curvature, difference, rtol=1e-5, atol=1e-9)


def test_the_conditioned_cost_can_be_mapped_over_slots(site, conditions):
    cap = site.load_cap(0.9 * site.rated_it_power, conditions)
    cost = site.condition(conditions, cap)
    load = 0.4 * cap
    # Leaves with two axes have the slot first, of full length or one; the others are shared.
    leaves, structure = jax.tree.flatten(cost)
    shared = [leaf[0] if leaf.ndim == 2 and leaf.shape[0] == 1 else leaf for leaf in leaves]
    axes = [0 if leaf.ndim == 2 else None for leaf in shared]

    def of_slot(leaves, load):
        return structure.unflatten(leaves)(load)

    np.testing.assert_allclose(jax.vmap(of_slot, in_axes=(axes, 0))(shared, load), cost(load), rtol=1e-12)
    assert all(leaf.shape[0] in (1, 40) for leaf in leaves if leaf.ndim == 2)
    assert all(leaf.ndim <= 2 for leaf in leaves)


def test_a_changed_parameter_compiles_nothing_anew(site, conditions):
    load, traces = loads_of(site, 40), []

    @eqx.filter_jit
    def cost(site, conditions):
        traces.append(1)
        return site.cost(load, conditions)

    first = cost(site, conditions)
    warmer = eqx.tree_at(lambda s: s.plants.plants[0].cooling.chiller.sensitivity, site, as_array(0.03))
    assert (cost(warmer, conditions) != first).any()
    assert len(traces) == 1


def test_conditions_outside_the_climate_are_refused():
    good = {"dry_bulb": 20.0, "wet_bulb": 15.0, "price": 80.0, "carbon_intensity": 600.0, "source_water": 1.2}
    models.Conditions(**good)
    with pytest.raises(ValueError, match=r"Conditions\.dry_bulb is 293 degC, outside its valid range"):
        models.Conditions(**{**good, "dry_bulb": 293.0})
    with pytest.raises(ValueError, match=r"Conditions\.price is nan AUD/MWh"):
        models.Conditions(**{**good, "price": np.nan})
