"""The one HTTP policy: how often, how long, how many times."""

from dataclasses import dataclass, field

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import RateLimitedError, RequestRefusedError, RetryableError, UnavailableError
from connectors.http import LONGEST_WAIT_SECONDS, Caller, Limiter, account_limiter, build_session, parse_json


@dataclass
class FakeTime:
    """A clock that only sleeping and `pass_by` move."""

    now: float = 100.0
    slept: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@dataclass
class Answers:
    """Gives these in order: an error is raised, anything else returned."""

    answers: list[object]

    def send(self) -> object:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def a_limiter(limit: int, seconds: float, time: FakeTime) -> Limiter:
    return Limiter(limit, seconds=seconds, clock=time.clock)


@given(
    limit=st.integers(1, 60),
    seconds=st.sampled_from([1.0, 10.0]),
    gaps=st.lists(st.floats(0, 3, allow_nan=False), min_size=1, max_size=150),
)
def test_no_window_ever_sees_more_requests_than_the_limit(limit: int, seconds: float, gaps: list[float]) -> None:
    time = FakeTime()
    limiter = a_limiter(limit, seconds, time)
    passed = []

    for gap in gaps:
        time.now += gap
        time.sleep(limiter.reserve())
        passed.append(time.now)

    for first in passed:
        assert sum(first <= moment < first + seconds - 1e-6 for moment in passed) <= limit


def test_an_idle_account_lets_a_first_handful_pass_at_once() -> None:
    time = FakeTime()
    limiter = a_limiter(190, 10, time)

    for _ in range(4):
        time.sleep(limiter.reserve())

    assert sum(time.slept) == pytest.approx(0, abs=1e-9)


def test_a_pause_holds_back_every_request_of_the_account() -> None:
    time = FakeTime()
    limiter = a_limiter(190, 10, time)

    limiter.slow_down(10)
    time.sleep(limiter.reserve())

    assert time.now == pytest.approx(110)


def test_connections_of_one_account_wait_by_one_limiter_and_the_smaller_limit_counts() -> None:
    first = account_limiter("https://api.example", "token", limit=10, seconds=10)
    second = account_limiter("https://api.example", "token", limit=5, seconds=10)
    other = account_limiter("https://api.example", "another token", limit=10, seconds=10)
    per_second = account_limiter("https://api.example", "token", limit=10, seconds=1)

    assert second is first
    assert first is not other
    assert first is not per_second
    assert first.interval == Limiter(5, seconds=10).interval
    assert other.interval == Limiter(10, seconds=10).interval


def test_a_rate_limited_request_waits_as_long_as_asked_and_pauses_the_others() -> None:
    time = FakeTime()
    limiter = a_limiter(190, 10, time)
    answers = Answers([RateLimitedError("slow down", wait_seconds=10), "ok"])

    result = Caller(sleep=time.sleep).call(answers.send, limiters=[limiter])

    assert result == "ok"
    assert time.now == pytest.approx(110)


@pytest.mark.parametrize(
    ("failures", "tries", "is_answered"),
    [
        pytest.param(0, 3, True, id="at once"),
        pytest.param(2, 3, True, id="at the last try"),
        pytest.param(3, 3, False, id="one failure too many"),
    ],
)
def test_tries_are_used_up_and_no_more(failures: int, tries: int, is_answered: bool) -> None:
    time = FakeTime()
    answers = Answers([UnavailableError("no answer")] * failures + ["ok"])
    caller = Caller(tries=tries, sleep=time.sleep)

    if is_answered:
        assert caller.call(answers.send) == "ok"
    else:
        with pytest.raises(UnavailableError):
            caller.call(answers.send)

    assert caller.request_count == min(failures + 1, tries)
    assert all(0 <= wait <= LONGEST_WAIT_SECONDS for wait in time.slept)


def test_what_is_refused_for_good_is_not_asked_again() -> None:
    refusal = RequestRefusedError("crm", what="GET /x", status=403, code="MISSING_SCOPES")
    caller = Caller(sleep=FakeTime().sleep)

    with pytest.raises(RequestRefusedError):
        caller.call(Answers([refusal, "ok"]).send)

    assert caller.request_count == 1


def test_a_wait_of_nothing_is_no_wait() -> None:
    time = FakeTime()

    Caller(sleep=time.sleep).call(Answers([RetryableError("again", wait_seconds=0), "ok"]).send)

    assert sum(time.slept) == 0


def test_html_instead_of_json_is_asked_again() -> None:
    with pytest.raises(UnavailableError) as caught:
        parse_json(b"<html>secret name</html>", what="GET /x")

    assert "secret" not in str(caught.value)


def test_a_session_sends_nothing_over_plain_http_by_itself() -> None:
    with pytest.raises(requests.exceptions.InvalidSchema):
        build_session({}, pool_size=1).get("http://127.0.0.1:1/")


def test_a_session_reads_neither_proxies_nor_netrc() -> None:
    assert build_session({}, pool_size=1).trust_env is False
