"""What both stand-ins have in common: accounts, tokens, calls that take their time and break, webhooks.

A call is on its way from the moment it is sent, whatever becomes of who sent it. The services know nothing of our
tables; what they must not see is noted in `wrong`.
"""

import json
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection
from django.utils import timezone
from django_scopes import scopes_disabled

from connectors.base import Credentials, Notice, NoticeKind, Record, Secret
from connectors.errors import (
    AuthError,
    ConnectorError,
    RateLimited,
    TransientError,
    UnknownOutcome,
)
from portal import tokens
from syncs.models import Write
from tests.faults.loop import Box, Loop, Process
from tests.faults.weather import Weather

ACCESS_SECONDS = 720.0
PATIENCE_SECONDS = 30.0
#: Longer than our patience, shorter than what the connectors say a late effect may take.
LATEST_EFFECT_SECONDS = 100.0
FORGET_KEYS = timedelta(hours=24)
_LOSES_THE_ANSWER = frozenset({"500_after", "500_saved", "timeout_after", "late"})


@dataclass(eq=False)
class Account:
    """One account at one service. `records`: its clients or customers by id, flat as the field catalogue has them;
    `shelves`: what else it holds, by resource (tests.faults.shelves)."""

    id: str
    tag: str
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    shelves: dict[str, Any] = field(default_factory=dict)
    #: {key: (when, what was sent, the answer or the saved failure)}
    keys: dict[str, tuple[datetime, str, Any]] = field(default_factory=dict)
    access: dict[str, datetime] = field(default_factory=dict)
    refresh: str = ""
    made: int = 0
    #: How the last rotation went: who asked, and whether the answer was lost on the way or ever used.
    asker: Process | None = None
    lost: bool = False
    used: bool = True
    revoked: bool = False
    refreshing: list[datetime] = field(default_factory=list)

    def number(self) -> int:
        self.made += 1
        return self.made

    def new_pair(self, now: datetime, *, expires: bool = True) -> Credentials:
        """`now` by the service's clock; what is left of that time is counted by ours."""
        number, lasts = self.number(), timedelta(seconds=ACCESS_SECONDS)
        until = timezone.now() + lasts
        access = f"access-{self.id}-{number}"
        self.access[access], self.refresh = now + lasts, f"refresh-{self.id}-{number}"
        return Credentials(
            "oauth", Secret(access), Secret(self.refresh), until if expires else None, account_id=self.id
        )

    def revoke(self) -> None:
        self.access, self.refresh, self.revoked = {}, "", True


@dataclass
class Ground:
    """What a service stands on. `wrong`: what no service should ever see."""

    loop: Loop
    weather: Weather
    trace: Callable[[str], None]
    deliver: Callable[[str, Account, dict[str, Any]], None]
    #: The services' own clock.
    now: Callable[[], datetime]
    wrong: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    #: Values of ours that came to rest on what somebody wrote while they were on their way. No service can prevent it.
    raced: set[str] = field(default_factory=set)


class Service:
    """The part of a stand-in beside its records; mixed into the connector of that service."""

    slug: str
    name: str
    idempotent_writes: bool

    def stand_on(self, ground: Ground) -> None:
        self.ground, self.sent_at = ground, 0.0
        self.accounts: dict[str, Account] = {}

    def down(self) -> bool:
        """Within an outage."""
        now = self.ground.loop.now - 1000.0
        return any(s == self.slug and a <= now < a + d for s, a, d in self.ground.weather.outages)

    # Calls

    def call(
        self, credentials: Credentials, what: str, act: Callable[[Account], Any], *, key: str = "", sent: str = "",
        deadline: float | None = None,
    ) -> Any:  # fmt: skip
        """`what`: the call in words; with a key it writes. Raises the errors of connectors.errors."""
        ground, writes = self.ground, bool(key)
        if connection.in_atomic_block:
            ground.wrong.append(f"{self.slug} {what}: called inside a transaction")
        if ground.loop.process is None:
            return act(self._signed_in(credentials))
        ground.loop.step("call", 0.001)
        if deadline is not None and ground.loop.now > deadline:
            raise RateLimited("There was no time left to send it safely.", after=0.1, reason="deadline")
        try:
            found = self._send(credentials, what, act, key, sent, writes).wait()
        except ConnectorError as error:
            ground.trace(f"{self.slug} {what} -> {type(error).__name__}")
            raise
        except Exception:
            ground.wrong.append(f"the simulation itself failed: {traceback.format_exc()}")
            raise
        ground.trace(f"{self.slug} {what} -> ok")
        ground.loop.step("answer", 0.0)
        return found

    def _send(
        self, credentials: Credentials, what: str, act: Callable[[Account], Any], key: str, sent: str, writes: bool
    ) -> Box:  # fmt: skip
        ground = self.ground
        loop, box = ground.loop, Box(ground.loop)
        fault = "unreachable" if self.down() else ground.weather.of_call(self.slug, writes)
        ground.counts[f"{self.slug} {'write' if writes else 'read'}"] += 1
        ground.trace(f"{loop.process.name if loop.process else '-'} {self.slug} {what} {fault}".rstrip())
        if writes:
            self._ask_the_ledger(key, what)
        travel = loop.rng.choice((0.01, 0.05, 0.2, 1.0))
        refusal, trouble = (
            _refusal(fault),
            (UnknownOutcome if writes else TransientError)(f"{self.name} has a problem."),
        )
        if refusal or fault == "500_before":
            loop.at(travel, partial(box.put, error=refusal or trouble))
            return box
        silent = fault in {"timeout_after", "late"}
        saved = self.ground.loop.rng.choice(("without effect", "after")) if fault == "500_saved" else ""

        sent_at = loop.now

        def arrive() -> None:
            self.sent_at = sent_at
            try:
                found = self._kept(credentials, act, key, sent, saved)
            except ConnectorError as error:
                loop.at(travel, partial(box.put, error=error))
                return
            if not silent:
                loop.at(travel, partial(box.put, found, trouble if fault == "500_after" else None))

        if fault != "timeout_before":
            loop.at(loop.rng.uniform(31, LATEST_EFFECT_SECONDS) if fault == "late" else travel, arrive)
        gone = (UnknownOutcome if writes else TransientError)(f"{self.name} gave no answer in time.")
        loop.at(PATIENCE_SECONDS, partial(box.put, error=gone))
        return box

    def _kept(
        self, credentials: Credentials, act: Callable[[Account], Any], key: str, sent: str, saved: str
    ) -> Any:  # fmt: skip
        """What came of the call; the same again for a key that is known. `saved`: the service fails before or after
        the effect, and will say so again for the same key."""
        account = self._signed_in(credentials)
        if not key or not self.idempotent_writes:
            return act(account)
        for old in [k for k, (at, _, _) in account.keys.items() if self.ground.now() - at >= FORGET_KEYS]:
            del account.keys[old]
        if key not in account.keys:
            answer = None if saved == "without effect" else act(account)
            account.keys[key] = (self.ground.now(), sent, None if saved else answer)
        elif account.keys[key][2]:
            answer = replace(account.keys[key][2], replayed=True)
        _, before, answer_kept = account.keys[key]
        if before != sent:
            self.ground.wrong.append(f"{self.slug}: one key with two different requests: {before} / {sent}")
        if answer_kept is None:
            raise UnknownOutcome(f"{self.name} has a problem of its own.", spent=True)
        return answer

    def _ask_the_ledger(self, key: str, what: str) -> None:
        """A write leaves only after its row was committed."""
        with scopes_disabled():
            known = Write.objects.filter(key=key, state__in=["intended", "unknown"]).exists()
        if not known:
            self.ground.wrong.append(f"{self.slug} {what}: sent without an open row in the ledger")

    def _signed_in(self, credentials: Credentials) -> Account:
        token = credentials.access_token.reveal()
        account = self.accounts[credentials.account_id or token.split("-", 1)[1].rpartition("-")[0]]
        until = account.access.get(token)
        if until is None or until <= self.ground.now():
            raise AuthError(f"{self.name} no longer accepts our sign-in.")
        if token.rpartition("-")[2] == account.refresh.rpartition("-")[2]:
            account.used = True
        return account

    # Tokens

    def refresh(self, credentials: Credentials, *, deadline: float) -> Credentials:
        """Every refresh token is good for one use."""
        ground, account = self.ground, self.accounts[credentials.account_id]
        loop = ground.loop
        loop.step("refresh", 0.001)
        if loop.now > deadline:
            raise TransientError("There was no time left to ask safely.")
        begun = timezone.now()
        if any(begun - other < tokens.LEASE for other in account.refreshing):  # set forward, the clock ends leases
            ground.wrong.append(f"{self.slug} {account.id}: two refreshes at once")
        account.refreshing.append(begun)
        try:
            return self._rotated(credentials, account)
        finally:
            account.refreshing.remove(begun)

    def _rotated(self, credentials: Credentials, account: Account) -> Credentials:
        loop, box = self.ground.loop, Box(self.ground.loop)
        fault = "unreachable" if self.down() else self.ground.weather.of_call(self.slug, writes=True)
        lost = self.ground.weather.happens("lost_refresh") or fault in _LOSES_THE_ANSWER
        asker = loop.process
        self.ground.trace(
            f"{asker.name if asker else '-'} refresh {account.id} {fault} {'lost' if lost else ''}".rstrip()
        )

        def arrive() -> None:
            if not account.refresh or credentials.refresh_token.reveal() != account.refresh:
                refused = AuthError(f"{self.name} did not accept the sign-in: invalid_grant")
                loop.at(0.1, partial(box.put, error=refused))
                return
            new = account.new_pair(self.ground.now())
            account.asker, account.lost, account.used = asker, lost, False
            if not lost:
                loop.at(0.1, partial(box.put, new))

        if fault in {"unreachable", "429", "429_bare", "throttled", "500_before", "timeout_before"}:
            refusal = _refusal(fault) or UnknownOutcome(f"{self.name} gave no answer.")
            loop.at(0.1, partial(box.put, error=refusal))
        else:
            loop.at(0.1, arrive)
        loop.at(PATIENCE_SECONDS, partial(box.put, error=UnknownOutcome(f"{self.name} gave no answer.")))
        found: Credentials = box.wait()
        loop.step("refreshed", 0.0)
        return found

    def justified(self, account: Account) -> bool:
        """Whether the portal may believe that it needs a person to sign in."""
        if account.revoked or account.lost:
            return True
        asker = account.asker
        away = asker is not None and (asker.dead or asker.frozen_until > self.ground.loop.now)
        return away and not account.used

    # Webhooks

    def tell(self, account: Account, topic: str, resource: str, record_id: str, **more: Any) -> None:
        said = {
            "topic": topic, "account": account.id, "resource": resource, "record": record_id,
            "at": self.ground.now().replace(microsecond=0).isoformat(), **more,
        }  # fmt: skip
        self.ground.deliver(self.slug, account, said)

    def verify(self, body: bytes, headers: Mapping[str, str]) -> None:
        return

    def parse(self, body: bytes) -> Notice:
        said = json.loads(body)
        kind = NoticeKind(said.get("kind", "changed"))
        return Notice(
            said["topic"], said["account"], kind, said["resource"], said["record"], said.get("event", ""),
            datetime.fromisoformat(said["at"]).astimezone(UTC), said.get("key", ""), self.hint(said),
        )  # fmt: skip

    def hint(self, said: Mapping[str, Any]) -> Record | None:
        return None

    def disconnect(self, credentials: Credentials) -> None:
        return


def _refusal(fault: str) -> ConnectorError | None:
    """Faults by which nothing has happened there."""
    match fault:
        case "429":
            return RateLimited("Too fast.", after=7.0, reason="requests")
        case "429_bare":
            return RateLimited("Too fast.", after=5.0, reason="requests")
        case "throttled":
            return RateLimited("Too fast.", after=2.5, reason="THROTTLED")
        case "unreachable":
            return TransientError("It could not be reached.")
    return None
