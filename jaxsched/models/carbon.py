"""Greenhouse gas emissions of a site."""

from jaxtyping import Array, Float

from jaxsched._parameters import AbstractModel, parameter


class Carbon(AbstractModel):
    """Emissions of electricity and, if asked for, of its supply chain and of making the servers.

        C = (carbon_intensity + scope3) P_facility / 1000 + embodied gpus

    Both optional terms are zero by default: a life-cycle intensity already holds the supply chain, and
    embodied emissions do not depend on the schedule. State in a report whether the intensity is average
    direct, average life-cycle or marginal; this law does not know.

    Attributes:
        scope3: Upstream emissions of electricity, added to the intensity [g/kWh]. National Greenhouse
            Accounts
            2025: NSW 30, VIC 90, QLD 90, SA 40, WA 60, TAS 30, NT 90.
        embodied: Emissions of manufacture per installed GPU and hour [kg/GPU/h]; 0.033 for an H100 over 3
            years.
    Valid for:
        carbon_intensity in [0, 2000] g/kWh; linear in energy.
    Source:
        DCCEEW (2025), National Greenhouse Accounts Factors, table 1; embodied derived from EcoLogits
        (mlco2/ecologits): 164 kg per H100 and 5700 kg per server of eight over 26 280 h.
    """

    scope3: Float[Array, "..."] = parameter(0.0, unit="g/kWh", valid=(0.0, 500.0))
    embodied: Float[Array, "..."] = parameter(0.0, unit="kg/GPU/h", valid=(0.0, 1.0))

    def __call__(
        self,
        facility_power: Float[Array, "..."],
        carbon_intensity: Float[Array, "..."],
        gpus: Float[Array, "..."],
    ) -> Float[Array, "..."]:
        """Emissions of sites.

        Arguments:
            facility_power: Power at the meter [kW].
            carbon_intensity: Emissions of electricity [g/kWh].
            gpus: Installed GPUs [GPU].

        Returns:
            Emissions [kg/h].
        """
        return self.per_energy(carbon_intensity) * facility_power + self.embodied * gpus

    def per_energy(self, carbon_intensity: Float[Array, "..."]) -> Float[Array, "..."]:
        """Emissions per energy at the meter [kg/kWh]."""
        return (carbon_intensity + self.scope3) / 1000.0
