"""Who works at the demo company: twelve inside-sales and eight field-sales reps, with their users in both CRMs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from connectors.sandbox.company.entities import Crm, CrmId, TrueRep
from connectors.sandbox.company.levels import SKILL_SPREAD
from connectors.sandbox.company.numbering import Numbering
from connectors.sandbox.company.story import STARTER_RAMP_BUSINESS_DAYS, Story
from connectors.sandbox.company.workdays import Workdays, at_tokyo

EMAIL_DOMAIN: Final = "demo-company.example"
INSIDE_SALES: Final = "inside_sales"
FIELD_SALES: Final = "field_sales"
CRM_TEAMS: Final = {"is_east": "Inside Sales East", "is_west": "Inside Sales West", "fs": "Field Sales"}
ROLES: Final = {"is_east": "Inside Sales Rep", "is_west": "Inside Sales Rep", "fs": "Account Executive"}
HIRED: Final = date(2024, 1, 15)  # everybody but the new rep; before the first definition version
_NINE = 9 * 60

# family, given, local part of the e-mail address
EAST: Final = (
    ("佐藤", "美咲", "misaki.sato"),
    ("Miller", "Emma", "emma.miller"),
    ("田中", "翔太", "shota.tanaka"),
    ("高橋", "由美", "yumi.takahashi"),
    ("渡辺", "直樹", "naoki.watanabe"),
    ("小林", "拓也", "takuya.kobayashi"),  # left
    ("Nguyen", "Liam", "liam.nguyen"),  # started
)
WEST: Final = (
    ("山本", "愛", "ai.yamamoto"),
    ("中村", "健", "ken.nakamura"),
    ("Carter", "Grace", "grace.carter"),
    ("加藤", "恵子", "keiko.kato"),
    ("吉田", "大輔", "daisuke.yoshida"),
)
FIELD: Final = (
    ("伊藤", "誠", "makoto.ito"),
    ("山田", "裕子", "yuko.yamada"),
    ("Roberts", "Henry", "henry.roberts"),
    ("松本", "亮", "ryo.matsumoto"),
    ("井上", "智子", "tomoko.inoue"),
    ("木村", "浩", "hiroshi.kimura"),
    ("清水", "彩", "aya.shimizu"),
    ("Taylor", "Irene", "irene.taylor"),
)
LEAVER: Final = f"takuya.kobayashi@{EMAIL_DOMAIN}"
STARTER: Final = f"liam.nguyen@{EMAIL_DOMAIN}"


def build_reps(story: Story, numbering: Numbering) -> tuple[TrueRep, ...]:
    """Make everybody. Field sales works in both CRMs; inside-sales reps of HubSpot are Salesforce users for the shared calendar only."""
    both: tuple[Crm, ...] = ("hubspot", "salesforce")
    groups: list[tuple[str, str, tuple[Crm, ...], Sequence[tuple[str, str, str]]]] = [
        ("is_east", INSIDE_SALES, both, EAST),
        ("is_west", INSIDE_SALES, ("salesforce",), WEST),
        ("fs", FIELD_SALES, both, FIELD),
    ]
    return tuple(
        _rep(story, numbering, team, department, crms, name)
        for team, department, crms, names in groups
        for name in names
    )


def _rep(
    story: Story, numbering: Numbering, team: str, department: str, crms: Sequence[Crm], name: tuple[str, str, str]
) -> TrueRep:
    family, given, local = name
    email = f"{local}@{EMAIL_DOMAIN}"
    started = story.started_date if email == STARTER else HIRED
    return TrueRep(
        email=email,
        family=family,
        given=given,
        team=team,
        crm_team=CRM_TEAMS[team],
        department=department,
        role=ROLES[team],
        home=crms[0],
        crm_ids=tuple(_user(crm, numbering) for crm in crms),
        started_at=at_tokyo(started, _NINE),
        started_date=started,
        left_date=story.left_date if email == LEAVER else None,
    )


def _user(crm: Crm, numbering: Numbering) -> CrmId:
    return numbering.new(crm, "owners" if crm == "hubspot" else "User")


@dataclass(frozen=True, slots=True)
class Staffing:
    """How the department's work of a day falls to its inside-sales reps."""

    reps: tuple[TrueRep, ...]
    story: Story
    workdays: Workdays
    skill: Mapping[str, float]

    def shares(self, day: date) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Share of each rep in the work of a day; others take over what a leaver or a beginner does not do."""
        weights = [self.skill[rep.email] * self._presence(rep, day) for rep in self.reps]
        return np.array(weights, dtype=np.float64) / sum(weights)

    def _presence(self, rep: TrueRep, day: date) -> float:
        if day < rep.started_date and rep.email == STARTER:
            return 0.0
        if rep.left_date is not None and day >= rep.left_date:
            return 0.0
        if rep.email == STARTER:
            gone = self.workdays.gone(rep.started_date, day) + 1
            return min(1.0, gone / STARTER_RAMP_BUSINESS_DAYS)
        return 1.0


def build_staffing(reps: Sequence[TrueRep], story: Story, workdays: Workdays, random: np.random.Generator) -> Staffing:
    """Give each inside-sales rep a little skill of their own."""
    inside = tuple(rep for rep in reps if rep.department == INSIDE_SALES)
    skills = np.exp(random.normal(0, SKILL_SPREAD, len(inside)))
    skill = {rep.email: float(value) for rep, value in zip(inside, skills, strict=True)}
    return Staffing(inside, story, workdays, skill)
