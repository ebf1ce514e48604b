"""What has to be known of a broker before anything is built: the account's number, the session's symbols.

Two plain requests at the start, outside of the kernel's budget: they come before the journal is open, and
nothing is decided by them but whose journal it is and which symbols a simulated session has.
"""

import json
import urllib.error
import urllib.request
from typing import Any, Final

from shell.alpaca.settings import AlpacaSettings, is_loopback
from shell.errors import Complaint, ExitCode

__all__ = ["account_number", "exchange_symbols"]

TIMEOUT_S: Final = 10.0
BODY_MAX: Final = 64 * 2**20
UNAUTHORIZED: Final = (401, 403)


def account_number(broker: AlpacaSettings) -> str:
    """GET /v2/account; a Complaint (exit code 3) when the keys are refused."""
    body = _get(f"{broker.trading_url}/v2/account", broker.key, broker.secret)
    number = body.get("account_number") if isinstance(body, dict) else None
    if not isinstance(number, str) or not number:
        raise Complaint(f"{broker.trading_url}: the account has no number", ExitCode.CREDENTIALS)
    return number


def exchange_symbols(url: str) -> tuple[str, ...]:
    """The symbols that an exchange trades, sorted."""
    if not url.startswith(("http://", "https://")):
        raise Complaint(f"--exchange {url}: must be an http URL like http://127.0.0.1:8080")
    body = _get(f"{url.rstrip('/')}/v2/assets", "simulated", "simulated")
    rows = body if isinstance(body, list) else []
    found = sorted({row["symbol"] for row in rows if isinstance(row, dict) and row.get("tradable")})
    if not found:
        raise Complaint(f"--exchange {url}: it lists no tradable symbols", ExitCode.PORT)
    return tuple(found)


def _get(url: str, key: str, secret: str) -> Any:
    request = urllib.request.Request(url, headers={"APCA-API-KEY-ID": key, "APCA-API-SECRET-KEY": secret})
    handlers = [urllib.request.ProxyHandler({})] if is_loopback(url) else []
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=TIMEOUT_S) as answer:
            return json.loads(answer.read(BODY_MAX))
    except urllib.error.HTTPError as error:
        if error.code in UNAUTHORIZED:
            raise Complaint(
                f"{url}: the broker refuses the keys ({error.code}); paper keys are for --paper only",
                ExitCode.CREDENTIALS,
            ) from None
        raise Complaint(f"{url}: the broker answered {error.code}", ExitCode.PORT) from None
    except (OSError, ValueError) as error:
        raise Complaint(f"{url}: can't be reached ({error})", ExitCode.PORT) from None
