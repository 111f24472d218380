"""How many requests a server takes together, told from which requests of a log had to wait."""

import dataclasses
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Array, Float

from jaxsched.models import ServingSite
from jaxsched.simulation import replay

# Utilisations from which the token time of each number of servers is first tried; the numbers that are then searched more
# finely, and how often and how finely a smaller interval about the best is searched.
_LEAST, _MOST, _TRIED, _BEST, _ZOOMS, _FINER = 0.02, 1.2, 24, 8, 3, 9
# Blocks of consecutive requests, and the fewest requests of one.
_BLOCKS, _IN_BLOCK = 40, 10
# A number of servers is refused where its misfit is larger by more than this many standard errors (2.5 % on one side), and that
# no request ever waits by more than this many (0.5 %).
_REFUSED, _WAITS_SHOW = 1.96, 2.58


@dataclasses.dataclass(frozen=True)
class Requests:
    """The requests of a log as a simulation takes them.

    Attributes:
        between: Time since the arrival before [request] [s].
        prompt_tokens: Prompt lengths [request] [token].
        answer_tokens: Answer lengths [request] [token].
        log_ttft: Logarithm of the times to first token, 0 where unknown [request] [ln s].
        used: Which of them are known [request].
        block: Block of consecutive requests that each is in, 0 first [request].
        blocks: Number of blocks.
    """

    between: Array
    prompt_tokens: Array
    answer_tokens: Array
    log_ttft: Array
    used: Array
    block: Array
    blocks: int

    @classmethod
    def of(cls, between: np.ndarray, prompt: np.ndarray, answer: np.ndarray, ttft: np.ndarray) -> "Requests":
        """The requests cut into blocks; a TTFT that is not a number or not above 0 is unknown."""
        used = np.isfinite(ttft) & (ttft > 0)
        known, block = np.log(np.where(used, ttft, 1.0)), blocks_of(len(between))
        return cls(
            between=jnp.asarray(between, float),
            prompt_tokens=jnp.asarray(prompt, float),
            answer_tokens=jnp.asarray(answer, float),
            log_ttft=jnp.asarray(known, float),
            used=jnp.asarray(used),
            block=jnp.asarray(block),
            blocks=int(block[-1]) + 1,
        )

    def block_sums(self, values: np.ndarray) -> np.ndarray:
        """Sums of values [request] over each block [block]."""
        return np.bincount(np.asarray(self.block), np.asarray(values, float), self.blocks)

    def agrees(self, law: np.ndarray, reference: np.ndarray) -> bool:
        """Whether a law's squared errors of ln TTFT [request] exceed those of a reference by no more than chance."""
        errors = [np.where(self.used, self.log_ttft - each, 0.0) for each in (law, reference)]
        excess, size = (
            self.block_sums(each) for each in (errors[0] ** 2 - errors[1] ** 2, (errors[0] - errors[1]) ** 2)
        )
        return bool(np.isfinite(excess).all()) and not _exceeds(excess, size, _REFUSED)


_ARRAYS = [field.name for field in dataclasses.fields(Requests) if field.name != "blocks"]
jax.tree_util.register_dataclass(Requests, _ARRAYS, ["blocks"])


def blocks_of(requests: int) -> np.ndarray:
    """Block of each request: up to 40 blocks of consecutive requests, of 10 or more each [request]."""
    number = max(min(_BLOCKS, requests // _IN_BLOCK), 2)
    return np.arange(requests) * number // requests


def with_service(site: ServingSite, servers: Array, token_time: Array) -> ServingSite:
    """The site with another number of servers and another time per answer token."""
    return eqx.tree_at(lambda s: (s.servers, s.token_time), site, (servers, token_time))


@partial(jax.jit, static_argnames="most_servers")
def replayed_log_ttft(
    site: ServingSite, servers: Array, token_time: Array, requests: Requests, most_servers: int
) -> Float[Array, "server request"]:
    """ln TTFT of the requests at several pairs of a number of servers, up to the most, and a token time."""

    def one(pair: tuple[Array, Array]) -> Float[Array, " request"]:
        return _log_ttft(with_service(site, *pair), requests, most_servers)

    return jax.lax.map(one, (servers, token_time))


@dataclasses.dataclass(frozen=True)
class ServerGrid:
    """Misfits to a log of every number of servers at several token times each.

    Attributes:
        requests: The log.
        servers: Numbers of servers, from 1 [server].
        token_times: Token times that were tried [server, try] [s].
        misfit: Sums of squared errors of ln TTFT about their mean [server, try, block].
    """

    requests: Requests
    servers: np.ndarray
    token_times: np.ndarray
    misfit: np.ndarray

    @classmethod
    def of(cls, site: ServingSite, requests: Requests, most_servers: int) -> "ServerGrid":
        """Every number of servers at token times from next to idle to overloaded.

        The level of the prefill time is free, other parameters of the site are held: a level that is a little too low is not
        taken for waits.
        """
        number = np.arange(1, most_servers + 1)
        low, high = _token_times(site, requests, number)
        times = low[:, None] * (high / low)[:, None] ** np.linspace(0.0, 1.0, _TRIED)
        misfit = _misfit(site, requests, number, times, most_servers, levelled=True)
        return cls(requests, number, times, misfit)

    def best(self, site: ServingSite, fold: np.ndarray | None = None) -> pd.DataFrame:
        """The numbers of servers with the least misfit, the best first: `token_time_s` and `misfit` by `servers`.

        Arguments:
            site: As in `of`.
            fold: Blocks that count; all where not given [block].
        """
        requests = self.requests
        counted = np.ones(requests.blocks, bool) if fold is None else fold
        part = dataclasses.replace(requests, used=requests.used & jnp.asarray(counted)[requests.block])
        sums = self.misfit[:, :, counted].sum(2)
        chosen = np.argsort(sums.min(1), kind="stable")[:_BEST]
        bracket = _bracket(self.token_times[chosen], sums[chosen].argmin(1))
        token_time, misfit = _zoomed(site, part, self.servers[chosen], bracket, len(self.servers), levelled=True)
        table = pd.DataFrame(
            {"token_time_s": token_time, "misfit": misfit.sum(1)}, index=pd.Index(self.servers[chosen], name="servers")
        )
        return table.sort_values("misfit", kind="stable")

    def waits_show(self, site: ServingSite) -> bool:
        """Whether simulated waits predict times to first token of requests that they were not fitted to.

            share = sum (r^2 - (r - w)^2) / sum w^2

        r: what a law without waits leaves, w: the waits of the best number of servers, chosen from the other half of the
        blocks. The share is 1 where the waits are those of the log, and at most 0 where they are chance; it must lie above 0
        by several standard errors, by blocks.
        """
        requests = self.requests
        gain, size = np.zeros(requests.blocks), np.zeros(requests.blocks)
        observed, used, block = (np.asarray(each) for each in (requests.log_ttft, requests.used, requests.block))
        without = np.asarray(jnp.log(site.first_token(requests.prompt_tokens, jnp.zeros_like(requests.between))))
        for half in (0, 1):
            fold = np.arange(requests.blocks) % 2 == half
            best = self.best(site, fold).iloc[:1]
            pair = jnp.asarray(best.index.to_numpy(float)), jnp.asarray(best["token_time_s"].to_numpy())
            with_waits = np.asarray(replayed_log_ttft(site, *pair, requests, len(self.servers)))[0]
            seen, scored = used & fold[block], used & ~fold[block]
            left = [observed - law - (observed - law)[seen].mean() for law in (without, with_waits)]
            gain += requests.block_sums((left[0] ** 2 - left[1] ** 2) * scored)
            size += requests.block_sums((left[0] - left[1]) ** 2 * scored)
        return _exceeds(gain, size, _WAITS_SHOW)

    def profile(self, site: ServingSite, reference: np.ndarray | None) -> pd.DataFrame:
        """The best token time of every number of servers at a fitted prefill law, and which are plausible.

        A number is refused where its squared errors exceed those of a reference by more than several standard errors of that
        difference, which is a sum over blocks of consecutive requests: residuals that are correlated, or far off in a few
        places, make the error large and numbers plausible.

        Arguments:
            site: The fitted site, whose prefill and network time are used.
            reference: ln TTFT that numbers are compared with; that of the best number where not given [request].

        Returns:
            By `servers`: `token_time_s`, `misfit` (sum of squared errors of ln TTFT), and whether it is `plausible`.
        """
        requests, most_servers = self.requests, len(self.servers)
        bracket = _bracket(self.token_times, self.misfit.sum(2).argmin(1))
        token_time, misfit = _zoomed(site, requests, self.servers, bracket, most_servers, levelled=False)
        pairs = jnp.asarray(self.servers, float), jnp.asarray(token_time)
        laws = np.asarray(replayed_log_ttft(site, *pairs, requests, most_servers))
        best = laws[misfit.sum(1).argmin()] if reference is None else reference
        plausible = [requests.agrees(law, best) for law in laws]
        return pd.DataFrame(
            {"token_time_s": token_time, "misfit": misfit.sum(1), "plausible": plausible},
            index=pd.Index(self.servers, name="servers"),
        )


def _log_ttft(site: ServingSite, requests: Requests, most_servers: int) -> Float[Array, " request"]:
    done = replay(site, requests.between, requests.prompt_tokens, requests.answer_tokens, places=most_servers)
    return jnp.log(done.ttft)


@partial(jax.jit, static_argnames=("most_servers", "levelled"))
def _by_block(site, servers, token_times, requests, most_servers, levelled):
    """Sums of squared errors of ln TTFT [server, try, block], about their mean where levelled."""

    def one(count: Float[Array, ""], token_time: Float[Array, ""]) -> Float[Array, " block"]:
        law = _log_ttft(with_service(site, count, token_time), requests, most_servers)
        error = jnp.where(requests.used, requests.log_ttft - law, 0.0)
        level = error.sum() / requests.used.sum().astype(error.dtype) if levelled else 0.0
        squares = jnp.where(requests.used, error - level, 0.0) ** 2
        return jax.ops.segment_sum(squares, requests.block, requests.blocks)

    # One number of servers at a time holds the memory down.
    return jax.lax.map(lambda row: jax.vmap(partial(one, row[0]))(row[1]), (servers, token_times))


def _exceeds(excess: np.ndarray, size: np.ndarray, errors: float) -> bool:
    """Whether sum(excess) / sum(size) lies above 0 by this many of its standard errors, by blocks [block].

    The ratio, and not the excess alone, because how much two laws differ varies from block to block.
    """
    if not size.sum() > 0.0:
        return False
    share = excess.sum() / size.sum()
    error = np.sqrt(len(size)) * (excess - share * size).std(ddof=1) / size.sum()
    return bool(share > errors * error)


def _misfit(
    site: ServingSite,
    requests: Requests,
    servers: np.ndarray,
    token_times: np.ndarray,
    most_servers: int,
    *,
    levelled: bool,
) -> np.ndarray:
    """As `_by_block`; infinite where a law is not finite."""
    number = jnp.asarray(servers, float)
    found = _by_block(site, number, jnp.asarray(token_times), requests, most_servers, levelled)
    return np.where(np.isfinite(found), found, np.inf)


def _bracket(token_times: np.ndarray, best: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The neighbours of the best token times [server]."""
    rows = np.arange(len(token_times))
    last = token_times.shape[1] - 1
    return token_times[rows, np.maximum(best - 1, 0)], token_times[rows, np.minimum(best + 1, last)]


def _zoomed(
    site: ServingSite,
    requests: Requests,
    servers: np.ndarray,
    bracket: tuple[np.ndarray, np.ndarray],
    most_servers: int,
    *,
    levelled: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """The token time of least misfit of each number of servers between two [server], and that misfit [server, block]."""

    def within(ends: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        tries = ends[0][:, None] * (ends[1] / ends[0])[:, None] ** np.linspace(0.0, 1.0, _FINER)
        misfit = _misfit(site, requests, servers, tries, most_servers, levelled=levelled)
        return tries, misfit, misfit.sum(2).argmin(1)

    tries, misfit, best = within(bracket)
    for _ in range(_ZOOMS - 1):
        tries, misfit, best = within(_bracket(tries, best))
    rows = np.arange(len(servers))
    return tries[rows, best], misfit[rows, best]


def _token_times(site: ServingSite, requests: Requests, number: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Token times at which the servers would be nearly idle, and busy all the time [server]."""
    rate = 1.0 / float(requests.between[1:].mean())
    reading, answer = (
        float(site.prompt_time(requests.prompt_tokens).mean()),
        max(float(requests.answer_tokens.mean()), 1.0),
    )
    busy = np.maximum(_MOST * number / rate - reading, 0.0) / answer
    # Where reading alone fills the servers, the token time can only be next to nothing.
    high = np.maximum(busy, 1e-6)
    return np.maximum(high * _LEAST / _MOST, 1e-9), high
