"""The configuration: exact values, one line for everything wrong, and documents that are current."""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.config import DeskConfig, DriftConfig, GateConfig, LinkConfig, OrderConfig, ThrottleConfig
from kernel.strategies.registry import resolve
from kernel.units import DAY, HOUR, MILLISECOND, MINUTE, SCALE, SECOND, Ratio
from shell.canonical import decode, encode
from shell.config import (
    ConfigError,
    Settings,
    desk_config,
    load_settings,
    main,
    parse_settings,
    read_credentials,
)
from shell.config_docs import example, files
from shell.config_values import Unfit, ValueKind, read, show
from shell.errors import Complaint, ExitCode
from shell.settings import SECTIONS, ShellSettings, key_default
from shell.strategies_loader import load_strategies, load_strategy

ROOT = Path(__file__).parents[3]
DEFAULTS = load_settings(None)


def parsed(text: str) -> Settings:
    return parse_settings(text, "config.toml")


def complaint(text: str) -> str:
    with pytest.raises(Complaint) as caught:
        parsed(text)
    assert "\n" not in caught.value.line
    return caught.value.line


# ---------------------------------------------------------------- the table and the records


def test_the_table_has_every_field_of_the_records() -> None:
    records: dict[str, Any] = {
        "gate": GateConfig,
        "throttle": ThrottleConfig,
        "orders": OrderConfig,
        "links": LinkConfig,
        "drift": DriftConfig,
        **{name: type(value) for name, value in ShellSettings()._asdict().items()},
    }
    for section in SECTIONS:
        names = [key.name for key in section.keys]
        if section.name:
            assert names == list(records.pop(section.name)._fields)
        else:
            elsewhere = {"strategies", "gate", "throttle", "orders", "links", "drift"}
            assert set(names) == set(DeskConfig._fields) - elsewhere
        assert all(key.meaning for key in section.keys)
    assert records == {}


def test_defaults_are_the_kernels_own() -> None:
    assert DEFAULTS.gate == GateConfig()
    assert DEFAULTS.throttle == ThrottleConfig()
    assert DEFAULTS.orders == OrderConfig()
    assert DEFAULTS.links == LinkConfig()
    assert DEFAULTS.shell == ShellSettings()
    assert DEFAULTS.shell.screen.drain_deadline == 5 * SECOND


def test_every_default_is_in_its_own_range_and_reads_back() -> None:
    for section in SECTIONS:
        for key in section.keys:
            value = key_default(section, key)
            assert read(key.kind, tomllib.loads(f"x = {show(key.kind, value)}")["x"]) == value
            if key.least or key.most:
                assert isinstance(value, int)
                assert key.least <= value <= key.most, key.name


def test_the_example_is_the_defaults() -> None:
    again = parse_settings(example(), "defaults")
    assert again == DEFAULTS


def test_the_documents_are_current() -> None:
    for path, text in files().items():
        assert path.read_text(encoding="utf-8") == text, (
            f"{path.name}: run `python -m shell.config --reference`"
        )
    run = subprocess.run(
        [sys.executable, "-m", "shell.config", "--reference", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (run.returncode, run.stderr) == (0, "")


# ---------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        (ValueKind.RATIO, "0.3%", 3_000_000),
        (ValueKind.RATIO, "30bps", 3_000_000),
        (ValueKind.RATIO, "0.003", 3_000_000),
        (ValueKind.RATIO, 1, SCALE),
        (ValueKind.RATIO, "0.0000001%", 1),
        (ValueKind.RATIO, "-5 %", -50_000_000),
        (ValueKind.DURATION, "90s", 90 * SECOND),
        (ValueKind.DURATION, "30m", 30 * MINUTE),
        (ValueKind.DURATION, "1.5h", 90 * MINUTE),
        (ValueKind.DURATION, "250ms", 250 * MILLISECOND),
        (ValueKind.DURATION, "2d", 2 * DAY),
        (ValueKind.DURATION, "0.000000001s", 1),
        (ValueKind.CASH, "50000", 50_000 * SCALE),
        (ValueKind.CASH, 50_000, 50_000 * SCALE),
        (ValueKind.CASH, "50_000.25", 50_000 * SCALE + SCALE // 4),
        (ValueKind.QUANTITY, "0.001", 1_000_000),
        (ValueKind.COUNT, 7, 7),
        (ValueKind.FLAG, True, 1),
        (ValueKind.MINUTE_OF_DAY, "10:30", 630),
        (ValueKind.MINUTE_OF_DAY, 630, 630),
        (ValueKind.WORD, "x", "x"),
        (ValueKind.URL, "", ""),
        (ValueKind.URL, "https://broker.example/", "https://broker.example"),
        (ValueKind.URL, "http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_values(kind: ValueKind, raw: object, value: object) -> None:
    assert read(kind, raw) == value


@pytest.mark.parametrize(
    ("kind", "raw", "problem"),
    [
        (ValueKind.DURATION, 90, "'90' has no unit: write a length of time"),
        (ValueKind.DURATION, "90", "has no unit"),
        (ValueKind.DURATION, "90x", "has no unit"),
        (ValueKind.DURATION, "0.1ns", "finer than a billionth"),
        (ValueKind.DURATION, True, "True is not a length of time"),
        (ValueKind.RATIO, "3x", "is not a share"),
        (ValueKind.RATIO, "0.00000001%", "finer than a billionth"),
        (ValueKind.CASH, "50 USD", "is not an amount of money"),
        (ValueKind.CASH, "1.0000000001", "has more than nine decimals"),
        (ValueKind.CASH, [1], "is not an amount of money"),
        (ValueKind.CASH, "nan", "is not an amount of money"),
        (ValueKind.COUNT, "7", "'7' is not a whole number"),
        (ValueKind.COUNT, True, "is not a whole number"),
        (ValueKind.FLAG, 1, "1 is not true or false"),
        (ValueKind.MINUTE_OF_DAY, "10:75", "is not a time of day"),
        (ValueKind.MINUTE_OF_DAY, "noon", "is not a time of day"),
        (ValueKind.WORD, 5, "5 is not text"),
        (ValueKind.URL, "http://broker.example", "is not a URL"),
        (ValueKind.URL, "ftp://x", "is not a URL"),
        (ValueKind.URL, "https://user:pass@x", "is not a URL"),
        (ValueKind.URL, "https://[", "is not a URL"),
    ],
)
def test_unfit_values(kind: ValueKind, raw: object, problem: str) -> None:
    with pytest.raises(Unfit) as caught:
        read(kind, raw)
    assert problem in str(caught.value)


@given(
    st.sampled_from([k for k in ValueKind if k not in (ValueKind.WORD, ValueKind.URL)]),
    st.integers(0, 10**24),
)
def test_what_is_shown_reads_back(kind: ValueKind, value: int) -> None:
    value %= {ValueKind.FLAG: 2, ValueKind.MINUTE_OF_DAY: 1_441}.get(kind, 10**24)
    assert read(kind, tomllib.loads(f"x = {show(kind, value)}", parse_float=str)["x"]) == value


def test_toml_decimals_are_exact() -> None:
    settings = parsed("[gate]\ncollar = 0.003\norder_notional_max = 0.1\norder_quantity_max = 1e-9\n")
    assert settings.gate.collar == 3_000_000
    assert settings.gate.order_notional_max == 100_000_000
    assert settings.gate.order_quantity_max == 1


# ---------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "[gate]\norder_notionl_max = 5",
            "config.toml: gate.order_notionl_max: unknown key; did you mean order_notional_max?",
        ),
        ("acount = 'x'", "config.toml: acount: unknown key; did you mean account?"),
        ("[gates]", "config.toml: gates: unknown key; did you mean gate?"),
        (
            "[screen]\nzzz = 1",
            ("config.toml: screen.zzz: unknown key; known are panel, panel_every, report, drain_deadline"),
        ),
        ("gate = 5", "config.toml: gate: must be a table: [gate]"),
        (
            "[gate]\ncollar = 2",
            'config.toml: gate.collar: "200%" is out of range; allowed are "0.0000001%" to "100%"',
        ),
        ("[throttle]\nlimit = 0", "config.toml: throttle.limit: 0 is out of range; allowed are 1 to 100000"),
        ("[throttle]\nlimit = '200'", "config.toml: throttle.limit: '200' is not a whole number"),
        (
            "[throttle]\nlimit = 30",
            "config.toml: throttle.reserved_for_safety: must not be above throttle.limit",
        ),
        (
            "[throttle]\nlimit = 40",
            ("config.toml: throttle.reserved_for_safety: leaves nothing of throttle.limit for entries"),
        ),
        (
            "[orders]\nquery_every = '31s'",
            ("config.toml: orders.query_every: must not be above orders.query_every_max"),
        ),
        ("[journal]\nmode = 'fast'", "config.toml: journal.mode: 'fast' is not one of auto, wal, delete"),
        ("prefix = 'My Bot'", "config.toml: prefix: 'My Bot' does not match [a-z0-9_]{1,12}"),
        ("[session]\nspeed = '0.0'", "config.toml: session.speed: must be above 0, or max"),
        (
            "[broker]\napi_key = 'PKX'",
            (
                "config.toml: broker.api_key: secrets come from APCA_API_KEY_ID and "
                "APCA_API_SECRET_KEY only; remove it"
            ),
        ),
        (
            "secret_key = 'x'",
            (
                "config.toml: secret_key: secrets come from APCA_API_KEY_ID and "
                "APCA_API_SECRET_KEY only; remove it"
            ),
        ),
        ("strategies = 5", "config.toml: strategies: must be tables: [[strategies]]"),
        (
            "[[strategies]]\nname = 'A b'",
            ("config.toml: strategies[1].name: 'A b' must match [a-z0-9_]{1,16} (it goes into order ids)"),
        ),
        (
            "[[strategies]]\nname = 'a'",
            ("config.toml: strategies[1].path: must be module:ATTRIBUTE or the name of an entry point"),
        ),
        (
            "[[strategies]]\nname = 'a'\npth = 'x'",
            ("config.toml: strategies[1].pth: unknown key; did you mean path?"),
        ),
        (
            "[[strategies]]\nname = 'a'\npath = 'vwap_micro'\nsymbols = ['spy']",
            "config.toml: strategies[1].symbols: 'spy' is not a symbol such as SPY, BRK.B or BTC/USD",
        ),
        (
            "[[strategies]]\nname = 'a'\npath = 'vwap_micro'\nsymbols = ['SPY', 'SPY']",
            "config.toml: strategies[1].symbols: has a symbol twice",
        ),
        (
            "[[strategies]]\nname = 'a'\npath = 'vwap_micro'\n" * 2,
            "config.toml: strategies[2].name: 'a' is taken by another strategy",
        ),
        (
            "[[strategies]]\nname = 'a'\npath = 'vwap_micro'\n[strategies.parameters]\nstp = '1%'",
            "config.toml: strategies.a.parameters.stp: unknown key; did you mean stop?",
        ),
        (
            "[[strategies]]\nname = 'a'\npath = 'vwap_micro'\n[strategies.parameters]\nstop = '60%'",
            (
                'config.toml: strategies.a.parameters.stop: "60%" is out of range; '
                'allowed are "0.0000001%" to "50%"'
            ),
        ),
        (
            "[[strategies]]\nname = 'a'\npath = 'vwap_micro'\n[strategies.parameters]\nttl = 90",
            (
                "config.toml: strategies.a.parameters.ttl: '90' has no unit: write a length of time: "
                '"250ms", "90s", "30m", "1.5h" or "2d"'
            ),
        ),
    ],
)
def test_one_line_says_what_is_wrong(text: str, line: str) -> None:
    assert complaint(text) == line


def test_what_is_no_toml_names_the_line() -> None:
    assert complaint("[gate\n").startswith("config.toml: is not TOML (")
    assert "at line 2" in complaint("a = 1\na = 2\n") or "Cannot overwrite" in complaint("a = 1\na = 2\n")


def test_the_strategys_own_checks_are_asked() -> None:
    text = "[[strategies]]\nname = 'a'\npath = 'vwap_micro'\n[strategies.parameters]\nwindow_end = '09:00'\n"
    assert complaint(text).startswith("config.toml: strategies.a.parameters: window_end: ")


def test_files_that_can_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_settings(tmp_path / "absent.toml")
    (tmp_path / "latin.toml").write_bytes(b"# \xe9")
    with pytest.raises(ConfigError, match="is not UTF-8 text") as caught:
        load_settings(tmp_path / "latin.toml")
    assert caught.value.code is ExitCode.BAD_INPUT
    (tmp_path / "big.toml").write_bytes(b"#" * 1_000_001)
    with pytest.raises(ConfigError, match="is larger than"):
        load_settings(tmp_path / "big.toml")


@given(st.text(max_size=300))
def test_any_text_is_settings_or_one_line(text: str) -> None:
    try:
        settings = parsed(text)
    except Complaint as found:
        line = found.line
    else:
        line = settings.source
    assert line.startswith("config.toml")
    assert "\n" not in line


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text("account = 'mine'\n")
    bad.write_text("acount = 'mine'\n")
    assert main([str(good)]) == 0
    assert "right; account mine, strategies vwap_mr, vwap_micro" in capsys.readouterr().out
    assert main([str(bad)]) == 2
    assert capsys.readouterr().err == f"{bad}: acount: unknown key; did you mean account?\n"


# ---------------------------------------------------------------- the kernel's configuration


def test_both_built_in_strategies_by_default() -> None:
    config = desk_config(DEFAULTS, ("AIG", "SPY"))
    assert [(item.name, item.path, item.symbols) for item in config.strategies] == [
        ("vwap_mr", "vwap_mean_reversion", ("AIG", "SPY")),
        ("vwap_micro", "vwap_micro", ("SPY",)),
    ]
    assert desk_config(DEFAULTS, ("AIG", "BAC")).strategies[1].symbols == ("AIG",)
    for item in config.strategies:
        strategy = resolve(item.path)
        assert dict(item.parameters) == dict(strategy.defaults)
        assert list(item.parameters) == sorted(item.parameters)
        assert strategy.validate(dict(item.parameters)) == ()
    assert (config.account, config.prefix, config.arm_at_start) == ("simulated", "mqd", True)
    assert desk_config(DEFAULTS, ("SPY",), arm_at_start=False).arm_at_start is False
    assert decode(encode(config), DeskConfig) == config


def test_a_whole_file() -> None:
    settings = parsed(
        """
        account = "mine"
        cancel_at_drain = false
        crypto_fee = "0.15%"
        [gate]
        collar = "2%"
        single_trade_per_symbol = false
        [links]
        backoff_max = "1h"
        [[strategies]]
        name = "one"
        path = "kernel.strategies.vwap_micro:STRATEGY"
        symbols = ["SPY", "BTC/USD"]
        parameters = { risk = 2, stop = 0.01, window_start = "10:05", include_pre_market = true }
        """
    )
    config = desk_config(settings, ("BTC/USD", "SPY", "AIG"))
    assert config.account == "mine"
    assert config.cancel_at_drain is False
    assert config.crypto_fee == Ratio(1_500_000)
    assert config.gate == GateConfig()._replace(collar=Ratio(20_000_000), single_trade_per_symbol=False)
    assert config.links.backoff_max == HOUR
    (one,) = config.strategies
    assert one.symbols == ("SPY", "BTC/USD")
    chosen = dict(one.parameters)
    assert chosen["risk"] == 2 * SCALE
    assert chosen["stop"] == 10_000_000
    assert (chosen["window_start"], chosen["include_pre_market"], chosen["max_trades"]) == (605, 1, 1)
    assert chosen["ttl"] == 90 * SECOND


def test_symbols_that_the_session_does_not_have() -> None:
    settings = parsed("[[strategies]]\nname = 'a'\npath = 'vwap_micro'\nsymbols = ['SPY']")
    with pytest.raises(ConfigError, match=r"strategies\.a\.symbols: SPY is not in the session \(AIG\)"):
        desk_config(settings, ("AIG",))
    assert desk_config(settings, None).strategies[0].symbols == ("SPY",)
    with pytest.raises(ConfigError, match='"all" needs a simulated session; list the symbols'):
        desk_config(DEFAULTS, None)
    with pytest.raises(ConfigError, match="the session has no symbols"):
        desk_config(DEFAULTS, ())
    assert desk_config(parsed("strategies = []"), None).strategies == ()


# ---------------------------------------------------------------- secrets


def test_credentials_come_from_the_environment_and_are_not_printed() -> None:
    found = read_credentials({"APCA_API_KEY_ID": "PKABC", "APCA_API_SECRET_KEY": "s3cret"})
    assert found == ("PKABC", "s3cret")
    assert "PKABC" not in repr(found)
    assert "s3cret" not in f"{found} {found!r}"


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({}, "APCA_API_KEY_ID is not set: export it, or run without --paper and --live"),
        ({"APCA_API_KEY_ID": "PK"}, "APCA_API_SECRET_KEY is not set"),
        ({"APCA_API_KEY_ID": "P K", "APCA_API_SECRET_KEY": "x"}, "APCA_API_KEY_ID is not a key"),
        ({"APCA_API_KEY_ID": "PK", "APCA_API_SECRET_KEY": "x\n"}, "APCA_API_SECRET_KEY is not a key"),
    ],
)
def test_missing_or_odd_credentials(environment: dict[str, str], line: str) -> None:
    with pytest.raises(Complaint) as caught:
        read_credentials(environment)
    assert caught.value.line.startswith(line)
    assert caught.value.code is ExitCode.CREDENTIALS


# ---------------------------------------------------------------- strategies by name

PLUGIN = """
class Plain:
    title = "plain"
    defaults = {"period": 5, "margin": 1_000_000, "wait": 0, "word": "x"}
    def validate(self, params):
        if params["period"] == 13:
            raise RuntimeError("no thirteen")
        return ()
    def warmup_bars(self, params):
        return 0
    def initial(self, params, symbol):
        return 0
    def on_bar(self, params, state, bar, view):
        return state, ()

STRATEGY = Plain()
NOT_ONE = object()
"""


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A module with strategies, and some that can't be imported, on the path."""
    folder = tmp_path_factory.mktemp("plugins")
    (folder / "mqd_plugin.py").write_text(PLUGIN)
    (folder / "mqd_raises.py").write_text("raise RuntimeError('not today\\nnor tomorrow')")
    (folder / "mqd_exits.py").write_text("import sys; sys.exit(3)")
    (folder / "mqd_syntax.py").write_text("def (:")
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


@pytest.mark.usefixtures("plugin")
def test_a_strategy_by_module_and_attribute() -> None:
    assert load_strategy("mqd_plugin:STRATEGY") is load_strategy("mqd_plugin:STRATEGY")
    assert load_strategy("mqd_plugin:Plain").title == "plain"
    assert resolve("mqd_plugin:STRATEGY").title == "plain"
    config = desk_config(
        parsed(
            "[[strategies]]\nname = 'a'\npath = 'mqd_plugin:STRATEGY'\n"
            "parameters = { period = 7, margin = '0.5%', wait = '2s', word = 'y' }"
        ),
        ("SPY",),
    )
    assert config.strategies[0].parameters == (
        ("margin", 5_000_000),
        ("period", 7),
        ("wait", 2 * SECOND),
        ("word", "y"),
    )
    assert load_strategies(config) == (load_strategy("mqd_plugin:STRATEGY"),)
    line = complaint(
        "[[strategies]]\nname = 'a'\npath = 'mqd_plugin:STRATEGY'\nparameters = { margin = 0.5 }"
    )
    assert line.endswith("'0.5' has no unit that is known here; give the strategy's own integer")
    with pytest.raises(Complaint, match="its validate raised RuntimeError: no thirteen") as caught:
        parsed("[[strategies]]\nname = 'a'\npath = 'mqd_plugin:STRATEGY'\nparameters = { period = 13 }")
    assert caught.value.code is ExitCode.STRATEGY


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("mqd_absent:X", "can't be imported (ModuleNotFoundError: No module named 'mqd_absent')"),
        ("mqd_raises:X", "can't be imported (RuntimeError: not today nor tomorrow)"),
        ("mqd_exits:X", "can't be imported (SystemExit: 3)"),
        ("mqd_syntax:X", "can't be imported (SyntaxError: "),
        ("mqd_plugin:ABSENT", "the module mqd_plugin has no ABSENT"),
        (
            "mqd_plugin:NOT_ONE",
            "is no strategy: it lacks validate, warmup_bars, initial, on_bar, title, defaults",
        ),
        ("mqd_plugin:a b", "is not module:ATTRIBUTE"),
        (":X", "is not module:ATTRIBUTE"),
        ("nobody_knows", "no such entry point in miniquantdesk.strategies"),
    ],
)
def test_a_strategy_that_can_not_be_loaded(path: str, line: str) -> None:
    with pytest.raises(Complaint) as caught:
        load_strategy(path)
    assert caught.value.line.startswith(f"strategy {path!r}: {line}")
    assert caught.value.code is ExitCode.STRATEGY
    assert "\n" not in caught.value.line


def test_the_built_in_ones_are_the_entry_points() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    points = project["project"]["entry-points"]["miniquantdesk.strategies"]
    for name, path in points.items():
        assert load_strategy(name) is load_strategy(path)
