"""How often something may be asked for, and who is never kept out by others."""

from __future__ import annotations

import pytest

from labdock_service.errors import TooMany
from labdock_service.people.loginrates import LoginRates
from labdock_service.rates import Rate, Remembered

HERE, THERE, HOME = "10.0.0.1", "10.0.0.2", "10.0.0.3"


def test_so_many_and_no_more() -> None:
    rate = Rate(2)
    for _ in range(2):
        rate.check("Too often", HERE)
        rate.count(HERE)
    with pytest.raises(TooMany, match=r"^Too often: try again in \d+ s\.$") as refused:
        rate.check("Too often", HERE)
    assert 1 <= refused.value.seconds <= 60
    rate.check("Too often", THERE)


def test_no_limit() -> None:
    rate = Rate(0)
    for _ in range(1000):
        rate.check("Too often", HERE)
        rate.count(HERE)


def fail(rates: LoginRates, address: str, account: str, times: int) -> None:
    for _ in range(times):
        rates.check(address, account)
        rates.note(address, account, right=False)


def test_an_address_that_guesses() -> None:
    rates = LoginRates(per_address=5, per_account=100)
    fail(rates, HERE, "ann", 3)
    fail(rates, HERE, "bo", 2)
    with pytest.raises(TooMany, match="from your address"):
        rates.check(HERE, "cy")
    rates.check(THERE, "cy")


def test_an_account_that_many_addresses_guess() -> None:
    rates = LoginRates(per_address=100, per_account=4)
    rates.note(HOME, "ann", right=True)
    for number in range(4):
        fail(rates, f"10.1.0.{number}", "ann", 1)
    with pytest.raises(TooMany, match="as 'ann'"):
        rates.check(HERE, "ann")
    rates.check(HOME, "ann")
    rates.check(HERE, "bo")


def test_right_passwords_are_not_counted() -> None:
    rates = LoginRates(per_address=1, per_account=1)
    for _ in range(10):
        rates.check(HERE, "ann")
        rates.note(HERE, "ann", right=True)


def test_what_was_met_longest_ago_is_forgotten() -> None:
    met = Remembered(2)
    for what in ("a", "b", "a", "c"):
        met.add(what)
    assert "a" in met and "c" in met and "b" not in met
