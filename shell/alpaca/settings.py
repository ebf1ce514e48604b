"""Where the broker is and how long to wait for it. One value, made by the composition root.

The same adapters serve the real broker, the paper account and the embedded exchange: only this differs.
Secrets are kept out of every printed form.
"""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

__all__ = ["AlpacaSettings", "is_loopback", "live_settings", "paper_settings", "simulated_settings"]

DATA_URL: Final = "https://data.alpaca.markets"
DATA_STREAM_URL: Final = "wss://stream.data.alpaca.markets"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlpacaSettings:
    """URLs have no trailing slash and no version; times are seconds."""

    key: str = field(repr=False)
    secret: str = field(repr=False)
    trading_url: str
    data_url: str
    order_stream_url: str
    """Complete, with its path."""
    stock_stream_url: str
    """Complete, with its path and feed."""
    crypto_stream_url: str
    """Complete, with its path."""
    feed: str = "iex"
    """Of historical stock bars: iex or sip."""
    workers: int = 4
    """Calls at once, each on its own connection. 1 keeps calls and answers in order (lock-step)."""
    connect_timeout: float = 5.0
    read_timeout: float = 10.0
    """The longest silence while an answer is awaited or read."""
    total_timeout: float = 20.0
    """The longest that a call may take in all; then it is in doubt."""
    ping_every: float | None = 10.0
    """Between two pings of a stream; None for none (lock-step)."""
    ping_deadline: float = 20.0
    """A pong later than this means that the connection is lost."""
    sim_client: str | None = None
    """The name under which a simulated session knows us; None for a real broker."""

    def sim_label(self, connection: int) -> tuple[tuple[str, str], ...]:
        """The header that labels traffic of a simulated session: 0 for REST, else the stream's own number."""
        if self.sim_client is None:
            return ()
        return (("X-Sim-Client", f"{self.sim_client}/{connection}"),)


def live_settings(key: str, secret: str, feed: str = "iex") -> AlpacaSettings:
    """The real account: real money."""
    return _real("https://api.alpaca.markets", "wss://api.alpaca.markets/stream", key, secret, feed)


def paper_settings(key: str, secret: str, feed: str = "iex") -> AlpacaSettings:
    """Alpaca's paper account."""
    return _real(
        "https://paper-api.alpaca.markets", "wss://paper-api.alpaca.markets/stream", key, secret, feed
    )


def simulated_settings(url: str, client: str | None, *, lockstep: bool) -> AlpacaSettings:
    """The embedded exchange, or one that runs elsewhere, at an http URL; it takes any keys."""
    base = url.rstrip("/")
    sockets = "ws" + base.removeprefix("http")
    return AlpacaSettings(
        key="simulated",
        secret="simulated",
        trading_url=base,
        data_url=base,
        order_stream_url=f"{sockets}/stream",
        stock_stream_url=f"{sockets}/v2/iex",
        crypto_stream_url=f"{sockets}/v1beta3/crypto/us",
        workers=1 if lockstep else 4,
        ping_every=None if lockstep else 10.0,
        sim_client=client,
    )


def _real(trading_url: str, stream_url: str, key: str, secret: str, feed: str) -> AlpacaSettings:
    return AlpacaSettings(
        key=key,
        secret=secret,
        trading_url=trading_url,
        data_url=DATA_URL,
        order_stream_url=stream_url,
        stock_stream_url=f"{DATA_STREAM_URL}/v2/{feed}",
        crypto_stream_url=f"{DATA_STREAM_URL}/v1beta3/crypto/us",
        feed=feed,
    )


def is_loopback(url: str) -> bool:
    """Whether a URL stays on this machine: proxies and .netrc must not see such calls."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")
