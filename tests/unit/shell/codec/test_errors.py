"""Error answers: only a definite no is a refusal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.events import BrokerRefused, DoubtCause, Doubtful, NotFound, RateLimited
from kernel.units import SECOND
from shell.codec import classify_error


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (422, 42210000, "fractional orders must be DAY orders"),
        (403, 40310000, "insufficient buying power"),
        (422, 40010001, "qty must be > 0"),
        (400, 40010001, "failed to parse after"),
    ],
)
@pytest.mark.parametrize("is_submit", [True, False])
def test_a_4xx_that_says_why_is_definite(status: int, code: int, message: str, is_submit: bool) -> None:
    body = f'{{"code": {code}, "message": "{message}", "extra": 1.5}}'
    assert classify_error(status, body, is_submit=is_submit) == BrokerRefused(status, code, message)


@pytest.mark.parametrize(("status", "word"), [(401, "unauthorized."), (403, "forbidden.")])
def test_a_refusal_of_our_keys_has_no_code(status: int, word: str) -> None:
    assert classify_error(status, f'{{"message": "{word}"}}') == BrokerRefused(status, 0, word)


@pytest.mark.parametrize("status", [422, 409, 400])
def test_a_duplicate_id_is_doubt(status: int) -> None:
    result = classify_error(
        status, '{"code":40010001,"message":"client_order_id must be unique"}', is_submit=True
    )
    assert isinstance(result, Doubtful)
    assert result.cause is DoubtCause.DUPLICATE_ID


def test_not_found_needs_alpacas_own_code() -> None:
    assert classify_error(404, '{"code":40410000,"message":"order not found for x"}') == NotFound(
        "order not found for x"
    )
    for body in ('{"message":"Not Found"}', "<html>404</html>", "", '{"code":50410000,"message":"x"}'):
        result = classify_error(404, body)
        assert isinstance(result, Doubtful)
        assert result.cause is DoubtCause.BAD_BODY


def test_a_submits_404_is_a_refusal() -> None:
    body = '{"code":40410000,"message":"symbol not found: X"}'
    assert classify_error(404, body, is_submit=True) == BrokerRefused(404, 40410000, "symbol not found: X")


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 599])
def test_a_server_error_is_doubt_whatever_it_says(status: int) -> None:
    result = classify_error(status, '{"code":40310000,"message":"insufficient buying power"}')
    assert isinstance(result, Doubtful)
    assert result.cause is DoubtCause.SERVER_ERROR


@pytest.mark.parametrize("status", [301, 302, 405, 409, 413, 418])
def test_an_unexpected_status_is_doubt(status: int) -> None:
    assert isinstance(classify_error(status, '{"code":1,"message":"x"}'), Doubtful)


@pytest.mark.parametrize(
    "body", ["", "<html>", "[]", "{}", '{"message":""}', '{"message":5}', "null", "[" * 9999]
)
def test_a_4xx_that_says_nothing_is_doubt(body: str) -> None:
    result = classify_error(422, body)
    assert isinstance(result, Doubtful)
    assert result.cause is DoubtCause.BAD_BODY


def test_a_word_for_a_code_is_kept() -> None:
    body = '{"code":"invalid_input","message":"invalid input"}'
    assert classify_error(422, body) == BrokerRefused(422, 0, "invalid_input: invalid input")


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7), ("0", 0), ("999999", 3600), (None, None), ("soon", None), ("-1", None)]
)
def test_429_says_when_to_try_again(header: str | None, seconds: int | None) -> None:
    expected = None if seconds is None else seconds * SECOND
    assert classify_error(429, "", retry_after_text=header) == RateLimited(expected)  # type: ignore[arg-type]


@given(st.integers(min_value=300, max_value=599), st.text(max_size=60), st.booleans())
def test_any_answer_has_a_result(status: int, body: str, is_submit: bool) -> None:
    result = classify_error(status, body, is_submit=is_submit)
    assert isinstance(result, (BrokerRefused, Doubtful, NotFound, RateLimited))
