"""How long requests wait at a busy site."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsched._parameters import AbstractModel, parameter

# Below this utilisation the queue is taken as empty: the value left out is at most its square, and the powers
# of 1 / rho in the derivatives would overflow in single precision.
_EMPTY = 1e-9


class SakasegawaWait(AbstractModel):
    """Mean number of requests that wait, for general arrivals and service at parallel servers.

        L_q(rho) = variability rho^k / (1 - rho),    k = sqrt(2 (c + 1)),    rho = load / capacity

    c: servers, a real number of at least 1. Since k >= 2, L_q is convex and increasing on [0, 1). Beyond
        `switch` it
    is continued by its Taylor polynomial of second order, and below zero by zero, so that it is finite and
    convex everywhere, and twice continuously differentiable for positive load.

    By Little's law L_q = arrival rate x mean wait, and c rho = arrival rate x mean service time: the number
    that waits depends on the utilisation alone.

    Attributes:
        variability: (Ca^2 + Cs^2) / 2, mean of the squared coefficients of variation of inter-arrival and
            service times [1]. Default (1.2 + 1.7) / 2: arrivals and prompt lengths of the Azure conversation
            trace.
        switch: Utilisation beyond which the Taylor polynomial is used [1].
    Valid for:
        rho in [0, 1), c >= 1. Against the exact M/M/c wait: exact at c = 1, otherwise within 0.034 service
        times at c = 2 and 0.006 at c = 256.
    Source:
        Sakasegawa (1977), An approximation formula for the mean wait; Allen and Cunneen's factor for
        variability.
        Convexity as for the exact queue: Lee and Cohen (1983), J. Appl. Prob. 20:920. Arrivals: Azure 2023
        conversation trace (Azure/AzurePublicDataset).
    """

    variability: Float[Array, "..."] = parameter(1.45, unit="1", valid=(0.0, 200.0))
    switch: Float[Array, "..."] = parameter(0.98, unit="1", valid=(0.5, 0.9999))

    def __call__(
        self, load: Float[Array, "..."], capacity: Float[Array, "..."], servers: Float[Array, "..."]
    ) -> Float[Array, "..."]:
        """Mean number of requests that wait.

        Arguments:
            load: Mean number of busy units, for example busy GPUs.
            capacity: Number of units, in the unit of `load`.
            servers: Number of replicas that serve in parallel, at least 1.

        Returns:
            Mean number waiting [request].
        """
        return self.variability * self._shape(load / capacity, servers)

    def wait(
        self,
        load: Float[Array, "..."],
        capacity: Float[Array, "..."],
        servers: Float[Array, "..."],
        service_time: Float[Array, "..."],
    ) -> Float[Array, "..."]:
        """Mean wait of a request.

            W_q = L_q / arrival rate,    arrival rate = servers rho / service_time

        Arguments:
            load: As in `__call__`.
            capacity: As in `__call__`.
            servers: As in `__call__`.
            service_time: Mean time a request holds one replica [s].

        Returns:
            Mean wait [s].
        """
        rho = load / capacity
        busy = rho > _EMPTY
        arrivals = servers * jnp.where(busy, rho, 1.0) / service_time
        return jnp.where(busy, self.variability * self._shape(rho, servers) / arrivals, 0.0)

    def _shape(self, rho: Float[Array, "..."], servers: Float[Array, "..."]) -> Float[Array, "..."]:
        k = jnp.sqrt(2.0 * (servers + 1.0))
        inside = (rho > _EMPTY) & (rho < self.switch)
        # A harmless utilisation in the branch not taken keeps NaN out of every derivative.
        within = jnp.where(inside, rho, 0.5)
        # exp(k log rho) rather than a power: its derivatives share the one exponential.
        exact = jnp.exp(k * jnp.log(within)) / (1.0 - within)
        extended = self._extension(rho, k)
        return jnp.where(inside, exact, jnp.where(rho > _EMPTY, extended, 0.0))

    def _extension(self, rho: Float[Array, "..."], k: Float[Array, "..."]) -> Float[Array, "..."]:
        r = self.switch
        value = jnp.exp(k * jnp.log(r)) / (1.0 - r)
        rate = k / r + 1.0 / (1.0 - r)
        curvature = rate * rate - k / (r * r) + 1.0 / ((1.0 - r) * (1.0 - r))
        step = rho - r
        return value * (1.0 + step * (rate + 0.5 * curvature * step))
